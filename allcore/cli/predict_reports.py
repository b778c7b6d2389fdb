"""The reports of ``python -m allcore predict``: write them, and verify one."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from allcore.errors import AllScopeError

if TYPE_CHECKING:
    from allcore.data.cells import Rgb
    from allcore.explain.parts import Explanation
    from allcore.inference.image_sources import Source
    from allcore.inference.predictor import Predictor
    from allcore.inference.results import Prediction, Row
    from allcore.model_folder import InstalledModel
    from allcore.reports.prediction_json import PredictionReport
    from allcore.reports.report_verification import Verification

_SHORT = 12  # letters of a digest in a file's name


def verify(path: Path, device: str | None, *, as_json: bool) -> None:
    """Predict the picture of a report again and print the comparison.

    Raises:
        AllScopeError: the report was not reproduced, or can't be read.
    """
    from allcore import settings
    from allcore.notice import RESEARCH_USE
    from allcore.reports import report_verification

    config = settings.load()
    report = read(path)
    print(RESEARCH_USE, file=sys.stderr)
    verification = report_verification.verify_report(
        report, config.models, device=device or config.device, threads=config.threads
    )
    if as_json:
        fields = {"ok": verification.ok, "notice": RESEARCH_USE, **asdict(verification)}
        print(json.dumps(fields, indent=1, ensure_ascii=False))
    else:
        _print(verification)
    if not verification.ok:
        raise AllScopeError(verification.sentence)


def read(path: Path) -> "PredictionReport":
    """The report in a file.

    Raises:
        AllScopeError: there is none, or it can't be read.
    """
    from allcore.reports import prediction_json

    try:
        with path.open("rb") as file:
            return prediction_json.read_report(file.read(prediction_json.MAX_BYTES + 1))
    except OSError as error:
        raise AllScopeError(f"{path} can't be read ({error.strerror}): check the path.") from error


def rows(
    paths: Sequence[Path],
    model: "InstalledModel",
    device: str,
    batch_size: int,
    into: Path,
) -> "Iterator[Row]":
    """One row for each picture, and its report as JSON and PDF; an unreadable file has none.

    Raises:
        AllScopeError: a report can't be written.
    """
    from tqdm import tqdm

    from allcore import formats, settings
    from allcore.explain.explanation import Explainer
    from allcore.inference import image_sources, jobs
    from allcore.inference.predictor import Predictor
    from allcore.inference.upload import PictureCache

    predictor = Predictor.load(model.folder, device, threads=settings.load().threads)
    sources = list(image_sources.walk(paths))
    pictures = PictureCache()
    stream = jobs.stream_predictions(predictor, sources, batch_size=batch_size, cache=pictures)
    others = _others(model, device)
    explainer = Explainer({model: predictor, **others}.__getitem__)
    bar = tqdm(total=len(sources), unit="cell", disable=not sys.stderr.isatty())
    written: set[str] = set()
    with bar:
        for streamed, source in zip(stream, sources, strict=True):
            sha256, prediction = streamed.row.sha256, streamed.prediction
            if sha256:
                explanation = None
                if prediction.p_all is not None:
                    picture = pictures.get(sha256, partial(_decode, source))
                    explanation = explainer.explanation(
                        model, picture, prediction, others=list(others)
                    )
                path = into / _name(streamed.row, written)
                _write(predictor, prediction, source, explanation, path)
            bar.update()
            yield streamed.row
    number = formats.count(len(sources), "picture")
    print(f"{len(written)} of {number} got a report in {into}.", file=sys.stderr)


def _others(model: "InstalledModel", device: str) -> "dict[InstalledModel, Predictor]":
    """The other installed models; a damaged one is left out, and reported."""
    from allcore import model_folder
    from allcore.errors import ModelError
    from allcore.inference.predictor import Predictor

    installed, damaged = model_folder.resolve_all()
    predictors = {}
    for other in installed:
        if other.folder.resolve() == model.folder.resolve():
            continue
        try:
            predictors[other] = Predictor.load(other.folder, device)
        except ModelError as error:
            damaged[other.name] = error
    for problem in damaged.values():
        print(problem, file=sys.stderr)
    return predictors


def _decode(source: "Source") -> "Rgb":
    from allcore.inference import upload

    return upload.decode(source.read())


def _write(
    predictor: "Predictor",
    prediction: "Prediction",
    source: "Source",
    explanation: "Explanation | None",
    path: Path,
) -> None:
    """Write both files of a report; the path has no suffix."""
    from allcore.inference import export
    from allcore.reports import prediction_json, prediction_pdf

    evidence = explanation.to_dict() if explanation else None
    panels = prediction_pdf.explanation_panels(explanation) if explanation else ()
    # A report is passed on, and nobody else needs to know the folders that its picture was in.
    name = PurePosixPath(source.name.replace("\\", "/")).name
    report = prediction_json.make_report(
        predictor, prediction, source.read(), name=name, evidence=evidence
    )
    for suffix, data in (
        (".json", report.to_json()),
        (".pdf", prediction_pdf.prediction_pdf(report, panels)),
    ):
        export.write_bytes(data, path.with_name(path.name + suffix), option="--report")


def _name(row: "Row", written: set[str]) -> str:
    """A file's name that no other picture of the run has; it is added to the written ones."""
    from allcore.plots import style

    stem = style.file_name(PurePosixPath(row.path.replace("\\", "/")).stem)
    name = first = f"{stem}-{row.sha256[:_SHORT]}"
    number = 2
    while name in written:
        name = f"{first}-{number}"
        number += 1
    written.add(name)
    return name


def _print(verification: "Verification") -> None:
    width = max(len(check.name) for check in verification.checks)
    for check in verification.checks:
        value = check.found if check.ok else f"{check.found} (report: {check.expected})"
        print(f"{'agrees' if check.ok else 'DIFFERS':8} {check.name:{width}}  {value}")
    if verification.other_versions:
        print(f"Computed with other versions: {', '.join(verification.other_versions)}.")
    if verification.ok:
        print(verification.sentence)
