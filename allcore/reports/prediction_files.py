"""Report files of predicted images: one JSON and one PDF per image."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from allcore import model_folder
from allcore.data import safe_paths
from allcore.data.cells import Rgb
from allcore.data.images import decoding
from allcore.errors import AllScopeError, ModelError
from allcore.explain.explanation import Explainer
from allcore.explain.result import Explanation
from allcore.inference import export, streaming
from allcore.inference.image_sources import Source
from allcore.inference.predictor import Predictor
from allcore.inference.results import PredictedRow, Prediction
from allcore.inference.upload import PictureCache
from allcore.model_folder import InstalledModel
from allcore.plots import style
from allcore.reports import prediction_json, prediction_pdf
from allcore.reports.prediction_json import PredictionReport

_DIGEST_LETTERS = 12  # number of digest characters in the names of an image's files


def write_reports(
    sources: Sequence[Source],
    folder: Path,
    *,
    model: InstalledModel,
    predictor: Predictor,
    others: Mapping[InstalledModel, Predictor],
    batch_size: int,
) -> Iterator[PredictedRow]:
    """Predict images and write a report of each; yields one row per image after its files.

    Args:
        sources: the images; an unreadable one has no digest in its row, and no report.
        others: other installed models, whose predictions the explanation compares.

    Raises:
        AllScopeError: a report can't be written.
    """
    pictures = PictureCache()
    stream = streaming.stream_predictions(predictor, sources, batch_size=batch_size, cache=pictures)
    explainer = Explainer({model: predictor, **others}.__getitem__)
    names: set[str] = set()
    for streamed, source in zip(stream, sources, strict=True):
        sha256, prediction = streamed.row.sha256, streamed.prediction
        if sha256:
            explanation = None
            if prediction.p_all is not None:
                picture = pictures.get(sha256, partial(_decode, source))
                explanation = explainer.explanation(model, picture, prediction, others=list(others))
            path = folder / _unique_name(streamed.row, names)
            _write(predictor, prediction, source, explanation, path)
        yield streamed.row


def read_report(path: Path) -> PredictionReport:
    """Read the report in a JSON file; an AllScopeError where it can't be read."""
    try:
        safe_paths.require_file(path)
        with path.open("rb") as file:
            return prediction_json.read_report(file.read(prediction_json.MAX_BYTES + 1))
    except OSError as error:
        raise AllScopeError(f"{path} can't be read ({error.strerror}): check the path.") from error


def load_other_models(
    model: InstalledModel, device: str
) -> tuple[dict[InstalledModel, Predictor], list[ModelError]]:
    """Load the predictors of all other installed models, and the errors of damaged ones."""
    installed, damaged = model_folder.resolve_all()
    errors = list(damaged.values())
    predictors = {}
    for other in installed:
        if other.folder.resolve() == model.folder.resolve():
            continue
        try:
            predictors[other] = Predictor.load(other.folder, device)
        except ModelError as error:
            errors.append(error)
    return predictors, errors


def _decode(source: Source) -> Rgb:
    return decoding.decode(source.read())


def _write(
    predictor: Predictor,
    prediction: Prediction,
    source: Source,
    explanation: Explanation | None,
    path: Path,
) -> None:
    """Write both files of a report; the path has no suffix."""
    evidence = explanation.to_dict() if explanation else None
    panels = prediction_pdf.explanation_panels(explanation) if explanation else ()
    # Reports are shared, so the folders above the folder that was named are removed.
    name = source.inside or PurePosixPath(source.name.replace("\\", "/")).name
    report = prediction_json.make_report(
        predictor, prediction, source.read(), name=name, evidence=evidence
    )
    for suffix, data in (
        (".json", report.to_json()),
        (".pdf", prediction_pdf.prediction_pdf(report, panels)),
    ):
        export.write_bytes(data, path.with_name(path.name + suffix), option="--report")


def _unique_name(row: PredictedRow, names: set[str]) -> str:
    """Return a name that is not in ``names``, and add it to them."""
    stem = style.file_name(PurePosixPath(row.path.replace("\\", "/")).stem)
    name = first = f"{stem}-{row.sha256[:_DIGEST_LETTERS]}"
    number = 2
    while name in names:
        name = f"{first}-{number}"
        number += 1
    names.add(name)
    return name
