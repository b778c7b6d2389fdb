"""`evaluate`: a model's figures on the images of a data set that its training never saw."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from allcore.evaluation.held_out import Selection
    from allcore.evaluation.report import Report, SplitReport


def evaluate(
    data: Annotated[Path, typer.Option(help="Data set: a folder, or a CSV of its images.")],
    out: Annotated[Path, typer.Option(help="Folder for metrics.json and predictions.parquet.")],
    model: Annotated[str | None, typer.Option(help="Name of an installed model.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:<n>.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Evaluate a model on the images of a data set that its training never saw.

    Of the data set that the model was trained on these are its validation and test images; of
    any other data set, all images with a label, as test.
    """
    from allcore import modelfolder, settings
    from allcore.data import readers
    from allcore.evaluation import held_out, report

    chosen = settings.load()
    folder = modelfolder.folder(model or chosen.model)
    info = modelfolder.read_info(folder)
    images = held_out.select(readers.read(data), info, folder)
    table = _predict(images, folder, device or chosen.device)
    found = report.evaluate(table, info)
    _prepare(out)
    table.to_parquet(out / modelfolder.PREDICTIONS, index=False)
    report.write_metrics(found, out / report.METRICS)
    refused = len(images.manifest) - len(table)
    if as_json:
        print(json.dumps(report.as_dict(found) | {"refused": refused}, indent=2))
    else:
        print("\n".join(_lines(found, images, refused=refused, out=out)))


def _prepare(out: Path) -> None:
    from allcore.errors import AllScopeError

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AllScopeError(
            f"The folder {out} can't be made ({error.strerror}): choose another with --out."
        ) from error


def _predict(images: "Selection", folder: Path, device: str) -> "pd.DataFrame":
    """The predictions table of the selected images, without those that are refused.

    Raises:
        DataError: every image was refused.
    """
    import pandas as pd

    from allcore import modelfolder
    from allcore.errors import DataError
    from allcore.evaluation import calibration

    table = images.manifest.table.copy()
    logits, reasons = _logits(images, folder, device)
    table["logit"] = [logits.get(str(path)) for path in images.manifest.paths()]
    table = table[table["logit"].notna()].reset_index(drop=True)
    if table.empty:
        raise DataError(
            f"None of the {len(images.manifest)} images of {images.manifest.root} could be "
            f"answered; the first: {reasons[0]}"
        )
    info = modelfolder.read_info(folder)
    logit = table["logit"].to_numpy(dtype=float)
    table["probability"] = calibration.probability(logit, info.temperature)
    table = table.drop(columns="fold").merge(_shipped(folder), on="image_id", how="left")
    table["fold"] = table["fold"].fillna(0).astype(int)
    texts = ["image_id", "path", "subject", "group", "label", "split"]
    return pd.DataFrame(table[list(modelfolder.PREDICTION_COLUMNS)]).astype(
        {"logit": float, "baseline_probability": float} | dict.fromkeys(texts, "str")
    )


def _logits(images: "Selection", folder: Path, device: str) -> tuple[dict[str, float], list[str]]:
    """The log-odds of each answered file by its path, and the reasons of the refused ones."""
    from tqdm import tqdm

    from allcore import settings
    from allcore.inference import archive, stream
    from allcore.inference.predictor import Predictor

    predictor = Predictor.load(folder, device, threads=settings.load().threads)
    passed: list[float] = []

    def forward(cells: "Tensor") -> "Tensor":
        logits = predictor.logits(cells)
        passed.extend(logits.tolist())
        return logits

    found: dict[str, float] = {}
    reasons: list[str] = []
    answers = stream.answers(predictor, archive.walk(images.manifest.paths()), forward=forward)
    total = len(images.manifest)
    for answer in tqdm(answers, total=total, unit="cell", disable=not sys.stderr.isatty()):
        if answer.cell is None:
            reasons.append(answer.row.reason)
        else:
            found[answer.row.path] = passed[len(found)]
    return found, reasons


def _shipped(folder: Path) -> "pd.DataFrame":
    """Fold and baseline of the images that the model folder has predictions of."""
    import pandas as pd

    from allcore import modelfolder
    from allcore.errors import ModelError

    columns = ["image_id", "fold", "baseline_probability"]
    try:
        return modelfolder.read_predictions(folder)[columns]
    except ModelError:  # a model that is being evaluated for the first time
        return pd.DataFrame({column: [] for column in columns}).astype({"image_id": str})


def _lines(found: "Report", images: "Selection", *, refused: int, out: Path) -> Iterator[str]:
    """What people read."""
    from allcore.evaluation import words
    from allcore.notice import RESEARCH_USE

    yield RESEARCH_USE
    yield f"{found.model} at a threshold of {found.threshold:.3f}: {found.threshold_rule}"
    for part in (found.test, found.validation):
        if part is not None:
            yield from _table(part)
    yield ""
    if refused:
        yield f"{words.count(refused, 'image')} refused: not counted."
    if images.trained_on:
        yield f"{words.count(images.trained_on, 'image')} of the training subjects: left out."
    if images.unknown:
        yield f"{words.count(images.unknown, 'image')} not in the model's split: left out."
    yield f"Written to {out}."


def _table(part: "SplitReport") -> Iterator[str]:
    from allcore.evaluation import metrics, words

    yield ""
    yield f"{words.SPLITS[part.split]}: {words.cells_of(part)}"
    yield f"{'Figure':28}{'value':>7}   {'over cells':18}{'over subjects':18}{'baseline':>8}"
    baseline = {figure.name: f"{figure.value:.3f}" for figure in part.baseline}
    for figure in part.figures:
        image, subject = words.bounds(figure.image), words.bounds(figure.subject)
        title = metrics.TITLES[figure.name]
        line = f"{title:28}{figure.value:7.3f}   {image:18}{subject:18}"
        yield f"{line}{baseline.get(figure.name, ''):>8}"
    yield from part.notes
