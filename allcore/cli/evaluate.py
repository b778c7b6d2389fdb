"""`evaluate`: a model's figures on the images of a data set that its training never saw.

With `--robustness` how they move when these images are altered, with `--facts` what of the images'
pixels is asked for where they are absent.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd

    from allcore.data.manifest import Manifest
    from allcore.evaluation.model_evaluation import ModelEvaluation, SplitEvaluation
    from allcore.inference.held_out import Selection
    from allcore.model_folder import ModelInfo


REPORT = "report.html"
CELLS = 300
"""Cells that are altered unless asked otherwise: about ten minutes on one core at 224 pixels."""


def evaluate(
    data: Annotated[Path, typer.Option(help="Data set: a folder, or a CSV of its images.")],
    out: Annotated[Path, typer.Option(help="Folder for what is found, such as metrics.json.")],
    model: Annotated[str | None, typer.Option(help="Name of an installed model.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:<n>.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    robustness: Annotated[
        bool,
        typer.Option("--robustness", help="Only robustness.json: the figures of altered cells."),
    ] = False,
    cells: Annotated[
        int, typer.Option(min=2, help="Cells that --robustness alters, classes and subjects alike.")
    ] = CELLS,
    only_facts: Annotated[
        bool,
        typer.Option("--facts", help="Only facts.parquet: size, brightness and such of cells."),
    ] = False,
    only_gate: Annotated[
        bool,
        typer.Option("--gate", help="Only gate.json: what the model takes for a cell it knows."),
    ] = False,
    fields: Annotated[
        Path | None, typer.Option(help="Folder of whole smear fields that --gate must refuse.")
    ] = None,
) -> None:
    """Evaluate a model on the images of a data set that its training never saw.

    Of the data set that the model was trained on these are its validation and test images; of
    any other data set, all images with a label, as test. With --robustness or --facts nothing else
    is written; of an out-of-fold model's own data both take the cells of its predictions, and
    altered cells are predicted by the network that never saw their subject.
    """
    from allcore import model_folder, settings
    from allcore.cli import gate
    from allcore.cli import robustness as altered
    from allcore.data import readers
    from allcore.evaluation import model_evaluation
    from allcore.inference import held_out
    from allcore.reports import evaluation_html, json_files

    chosen = settings.load()
    folder = model_folder.folder(model or chosen.model)
    info = model_folder.read_info(folder)
    if only_gate:
        _prepare(out)
        gate.write(
            data, folder, out, device=device or chosen.device, fields=fields, as_json=as_json
        )
        return
    if robustness or only_facts:
        _prepare(out)
        if only_facts:
            print(_facts_of(_measured(readers.read(data), info, folder), out))
        if robustness:
            altered.write(
                readers.read(data), folder, out, device=device, cells=cells, as_json=as_json
            )
        return
    images = held_out.select(readers.read(data), info, folder)
    table = _predict(images, folder, device or chosen.device)
    found = model_evaluation.evaluate_model(table, info)
    _prepare(out)
    table.to_parquet(out / model_folder.PREDICTIONS, index=False)
    json_files.write_metrics(found, out / json_files.METRICS)
    (out / REPORT).write_text(evaluation_html.evaluation_html(found, table, info), encoding="utf-8")
    _write_facts(images.manifest, out)
    refused = len(images.manifest) - len(table)
    if as_json:
        print(json.dumps(json_files.evaluation_json(found) | {"refused": refused}, indent=2))
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


def _measured(data: "Manifest", info: "ModelInfo", folder: Path) -> "Manifest":
    """The images of the model's predictions that are in the data set, else its held-out images.

    Raises:
        DataError: no image has a label, or none may be evaluated.
        ModelError: the model folder is damaged.
    """
    from allcore.data.manifest import Manifest
    from allcore.inference import held_out

    known = data.table["image_id"].isin(set(_shipped(folder)["image_id"]))
    if known.any():
        return Manifest(data.root, data.table[known].reset_index(drop=True), data.name)
    return held_out.select(data, info, folder).manifest


def _facts_of(images: "Manifest", out: Path) -> str:
    """Write the facts of the images and say so in a sentence.

    Raises:
        DataError: none of the images can be measured.
    """
    from allcore import formats
    from allcore.errors import DataError

    measured = _write_facts(images, out)
    if not measured:
        raise DataError(
            f"No picture of {images.root} can be read and shows a cell on black: connect the "
            "pictures that the model was evaluated on."
        )
    left_out = len(images) - measured
    more = f"; {formats.count(left_out, 'image')} without a cell left out" if left_out else ""
    return f"Facts of {formats.count(measured, 'cell')} written to {out}{more}."


def _write_facts(images: "Manifest", out: Path) -> int:
    """Measure the images, write facts.parquet where any has a cell, and say how many have."""
    from tqdm import tqdm

    from allcore import model_folder
    from allcore.data import cell_measurements

    pictures = list(zip(images.table["image_id"].astype(str), images.paths(), strict=True))
    hidden = not sys.stderr.isatty()
    with tqdm(total=len(pictures), desc="Measuring", unit="cell", disable=hidden) as bar:
        table = cell_measurements.table(pictures, progress=bar.update)
    if len(table):
        model_folder.write_facts(out, table)
    return len(table)


def _predict(images: "Selection", folder: Path, device: str) -> "pd.DataFrame":
    """The predictions table of the selected images, without those that are refused.

    Raises:
        DataError: every image was refused.
    """
    import pandas as pd

    from allcore import model_folder
    from allcore.data.prediction_import import PREDICTION_COLUMNS
    from allcore.errors import DataError
    from allcore.training import calibration

    table = images.manifest.table.copy()
    logits, reasons = _logits(images, folder, device)
    table["logit"] = [logits.get(str(path)) for path in images.manifest.paths()]
    table = table[table["logit"].notna()].reset_index(drop=True)
    if table.empty:
        raise DataError(
            f"None of the {len(images.manifest)} images of {images.manifest.root} could be "
            f"answered; the first: {reasons[0]}"
        )
    info = model_folder.read_info(folder)
    logit = table["logit"].to_numpy(dtype=float)
    table["probability"] = calibration.probability(logit, info.temperature)
    table = table.drop(columns="fold").merge(_shipped(folder), on="image_id", how="left")
    table["fold"] = table["fold"].fillna(0).astype(int)
    texts = ["image_id", "path", "subject", "group", "label", "split"]
    return pd.DataFrame(table[list(PREDICTION_COLUMNS)]).astype(
        {"logit": float, "baseline_probability": float} | dict.fromkeys(texts, "str")
    )


def _logits(images: "Selection", folder: Path, device: str) -> tuple[dict[str, float], list[str]]:
    """The log-odds of each answered file by its path, and the reasons of the refused ones."""
    from tqdm import tqdm

    from allcore import settings
    from allcore.inference import image_sources, jobs
    from allcore.inference.predictor import Predictor

    threads = settings.load().threads
    predictor = Predictor.load(folder, device, threads=threads, gated=False)
    found: dict[str, float] = {}
    reasons: list[str] = []
    answers = jobs.stream_predictions(predictor, image_sources.walk(images.manifest.paths()))
    total = len(images.manifest)
    for answer in tqdm(answers, total=total, unit="cell", disable=not sys.stderr.isatty()):
        if answer.prediction.logit is None:
            reasons.append(answer.row.reason)
        else:
            found[answer.row.path] = answer.prediction.logit
    return found, reasons


def _shipped(folder: Path) -> "pd.DataFrame":
    """Fold and baseline of the images that the model folder has predictions of."""
    import pandas as pd

    from allcore import model_folder
    from allcore.errors import ModelError

    columns = ["image_id", "fold", "baseline_probability"]
    try:
        return model_folder.read_predictions(folder)[columns]
    except ModelError:  # a model that is being evaluated for the first time
        return pd.DataFrame({column: [] for column in columns}).astype({"image_id": str})


def _lines(
    found: "ModelEvaluation", images: "Selection", *, refused: int, out: Path
) -> Iterator[str]:
    """What people read."""
    from allcore import formats
    from allcore.notice import RESEARCH_USE

    yield RESEARCH_USE
    yield f"{found.model} at a threshold of {found.threshold:.3f}: {found.threshold_rule}"
    for part in (found.test, found.validation):
        if part is not None:
            yield from _table(part)
    yield ""
    if refused:
        yield f"{formats.count(refused, 'image')} refused: not counted."
    if images.trained_on:
        yield f"{formats.count(images.trained_on, 'image')} of the training subjects: left out."
    if images.unknown:
        yield f"{formats.count(images.unknown, 'image')} not in the model's split: left out."
    yield f"Written to {out}."


def _table(part: "SplitEvaluation") -> Iterator[str]:
    from allcore import formats
    from allcore.evaluation import metrics

    yield ""
    yield f"{formats.SPLITS[part.split]}: {part.size_text}"
    yield f"{'Figure':28}{'value':>7}   {'over cells':18}{'over subjects':18}{'baseline':>8}"
    baseline = {figure.name: f"{figure.value:.3f}" for figure in part.baseline}
    for figure in part.estimates:
        image, subject = formats.bounds(figure.over_cells), formats.bounds(figure.over_subjects)
        title = metrics.TITLES[figure.name]
        line = f"{title:28}{figure.value:7.3f}   {image:18}{subject:18}"
        yield f"{line}{baseline.get(figure.name, ''):>8}"
    yield from part.notes
