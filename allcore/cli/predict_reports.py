"""The reports of ``python -m allcore predict``: writing them, and answering one again."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from allcore.errors import AllScopeError

if TYPE_CHECKING:
    from allcore.explain.explanation import Evidence
    from allcore.explain.neighbours import Neighbours
    from allcore.inference.image_sources import Source
    from allcore.inference.jobs import StreamedPrediction
    from allcore.inference.predictor import Predictor
    from allcore.inference.results import Row
    from allcore.reports.prediction_json import PredictionReport
    from allcore.reports.report_verification import Verification

_SHORT = 12  # letters of a digest in a file's name


def verify(path: Path, device: str | None, *, as_json: bool) -> None:
    """Answer the picture of a report again and print what agrees.

    Raises:
        AllScopeError: the report was not reproduced, or can't be read.
    """
    from allcore import settings
    from allcore.notice import RESEARCH_USE
    from allcore.reports import report_verification

    chosen = settings.load()
    made = read(path)
    print(RESEARCH_USE, file=sys.stderr)
    found = report_verification.verify_report(
        made, chosen.models, device=device or chosen.device, threads=chosen.threads
    )
    if as_json:
        told = {"ok": found.ok, "notice": RESEARCH_USE, **asdict(found)}
        print(json.dumps(told, indent=1, ensure_ascii=False))
    else:
        _print(found)
    if not found.ok:
        raise AllScopeError(found.sentence)


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
    paths: Sequence[Path], folder: Path, device: str, batch_size: int, into: Path
) -> "Iterator[Row]":
    """One row for each picture, and its report as JSON and PDF; a file that can't be read has none.

    Raises:
        AllScopeError: a report can't be written.
    """
    from tqdm import tqdm

    from allcore import formats, settings
    from allcore.explain import explanation
    from allcore.inference import image_sources, jobs
    from allcore.inference.predictor import Predictor

    predictor = Predictor.load(folder, device, threads=settings.load().threads)
    sources = list(image_sources.walk(paths))
    answers = jobs.stream_predictions(predictor, sources, batch_size=batch_size)
    near, others = explanation.kept(folder), _others(folder, device)
    bar = tqdm(total=len(sources), unit="cell", disable=not sys.stderr.isatty())
    written: set[str] = set()
    with bar:
        for answer, source in zip(answers, sources, strict=True):
            if answer.row.sha256:
                found = _evidence(predictor, answer, source, folder, near, others)
                name = _name(answer.row, written)
                _write(predictor, answer, source, found, into / name)
            bar.update()
            yield answer.row
    said = f"{len(written)} of {formats.count(len(sources), 'picture')} got a report in {into}."
    print(said, file=sys.stderr)


def _evidence(
    predictor: "Predictor",
    answer: "StreamedPrediction",
    source: "Source",
    folder: Path,
    near: "Neighbours | None",
    others: "Sequence[tuple[Path, Predictor]]",
) -> "Evidence | None":
    """What speaks for or against an answer; None where there is none."""
    from allcore.explain import explanation
    from allcore.inference import upload

    if answer.cell is None or answer.prediction.p_all is None:
        return None
    rgb = upload.decode(source.read())
    digest = answer.row.sha256
    return explanation.gather(
        predictor, rgb, answer.cell, answer.prediction, folder,
        digest=digest, near=near, others=others,
    )  # fmt: skip


def _others(folder: Path, device: str) -> "list[tuple[Path, Predictor]]":
    """The other installed models; one that is damaged is left out, and said."""
    from allcore import model_folder
    from allcore.errors import ModelError
    from allcore.inference.predictor import Predictor

    found = []
    for name in model_folder.names():
        other = model_folder.folder(name)
        if other.resolve() == folder.resolve():
            continue
        try:
            found.append((other, Predictor.load(other, device)))
        except ModelError as error:
            print(error, file=sys.stderr)
    return found


def _write(
    predictor: "Predictor",
    answer: "StreamedPrediction",
    source: "Source",
    found: "Evidence | None",
    path: Path,
) -> None:
    """Write both files of a report; the path has no suffix."""
    from allcore.inference import export
    from allcore.reports import prediction_json, prediction_pdf

    told, panels = (
        (found.to_dict(), prediction_pdf.explanation_panels(found)) if found else (None, ())
    )
    # A report is passed on, and the folders of whoever made it are nobody's business.
    name = PurePosixPath(source.name.replace("\\", "/")).name
    made = prediction_json.make_report(
        predictor, answer.prediction, source.read(), name=name, evidence=told
    )
    for suffix, data in (
        (".json", made.to_json()),
        (".pdf", prediction_pdf.prediction_pdf(made, panels)),
    ):
        export.write_bytes(data, path.with_name(path.name + suffix), option="--report")


def _name(row: "Row", written: set[str]) -> str:
    """A file's name that no other picture of the run has, which is taken from then on."""
    from allcore.plots import export as plots_export

    stem = plots_export.file_name(PurePosixPath(row.path.replace("\\", "/")).stem)
    name = first = f"{stem}-{row.sha256[:_SHORT]}"
    number = 2
    while name in written:
        name = f"{first}-{number}"
        number += 1
    written.add(name)
    return name


def _print(found: "Verification") -> None:
    width = max(len(check.name) for check in found.checks)
    for check in found.checks:
        said = check.found if check.ok else f"{check.found} (report: {check.expected})"
        print(f"{'agrees' if check.ok else 'DIFFERS':8} {check.name:{width}}  {said}")
    if found.other_versions:
        print(f"Computed with other versions: {', '.join(found.other_versions)}.")
    if found.ok:
        print(found.sentence)
