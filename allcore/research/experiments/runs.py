"""Experiment: out-of-fold runs of several recipes, compared on the same cells."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from allcore import model_folder
from allcore.data import readers
from allcore.errors import ModelError
from allcore.evaluation import estimates, experiments, paired
from allcore.evaluation.experiments import ExperimentRecord, ExperimentRow
from allcore.evaluation.intervals import Interval
from allcore.evaluation.paired import ResampledMetrics
from allcore.evaluation.robustness import RobustnessRow
from allcore.model_folder import InstalledModel
from allcore.reports import json_files
from allcore.research.experiments import report
from allcore.research.experiments.catalogue import ExperimentOptions

MODERATE = {
    "stain": (-10, 10), "brightness": (0.8, 1.2), "scale": (0.85, 1.2), "margin": (2,),
    "jpeg": (50,), "blur": (1,),
}  # fmt: skip
"""Levels of each alteration that a model should stand."""
TITLES = {
    "auroc": "AUROC",
    "weighted_f1": "Weighted F1",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "difference": "AUROC less the first",
    "altered_auroc": "AUROC, largest loss when altered",
    "altered_sensitivity": "Sensitivity, largest loss when altered",
    "altered_specificity": "Specificity, largest loss when altered",
}
PREDICTION = (
    "Fine-tuning the whole network loses AUROC on these subjects against a head that reads colour, "
    "by less than 0.03, and loses much less of it when stain, brightness, size, outline, "
    "compression or focus change moderately."
)


def run(options: ExperimentOptions) -> ExperimentRecord:
    """Compare the calibrated out-of-fold predictions of model folders; the first is the reference.

    Raises:
        ModelError: there is no model, a folder is damaged, or two have predictions of different
            cells.
    """
    models = [model_folder.resolve(name) for name in options.models or _predicted()]
    if not models:
        raise ModelError("No trained model is installed: train one, or set ALLSCOPE_MODELS.")
    tables = [model_folder.read_predictions(model.folder) for model in models]
    cells = [table.set_index("image_id").sort_index() for table in tables]
    if any(not cells[0].index.equals(table.index) for table in cells):
        raise ModelError("Only runs on the same cells can be compared: choose them with --model.")
    sampled = [paired.resample_metrics(**_columns(table)) for table in cells]
    rows = tuple(
        _row(model, table, own, sampled[0])
        for model, table, own in zip(models, cells, sampled, strict=True)
    )
    data = readers.read(options.data).labelled()
    return ExperimentRecord(
        name="runs",
        title="Which run should ship?",
        question="How well does each recipe rank the cells of unseen subjects, and how much of "
        "that is left in altered images?",
        why="A model that goes by colour does well on cells of the same slides, and fails on those "
        "of the next laboratory.",
        prediction=PREDICTION,
        command=options.command,
        data=data.name,
        data_digest=data.digest(),
        device="the device of each run",
        titles=TITLES,
        rows=rows,
        finding=finding(rows),
        notes=(
            "Predictions are out of fold and calibrated as in each model's card; intervals are "
            "over independent subjects, differences are paired. Sensitivity and specificity are "
            "at each model's own threshold.",
            "Altered images are those of each model's robustness.json: the largest loss over "
            "stain by 10 %, brightness by 20 %, scale by 0.85 and 1.2, an outline 2 pixels "
            "tighter, JPEG quality 50 and blur of 1 pixel.",
            "The prediction was written before the last run, when those before it were known. All "
            "were looked at on the same cells, so that the best figure is too good by the choice.",
        ),
    )


def finding(rows: Sequence[ExperimentRow]) -> str:
    """Sentences on the change of each run against the first, and on the written prediction."""
    first, others = rows[0], rows[1:]
    lines = [
        f"{row.name} against {first.name}: AUROC {report.change(row.figures['difference'])}"
        + _altered(row, first)
        for row in others
    ]
    small = all(row.figures["difference"].value > -0.03 for row in others)
    measured = [row for row in others if "altered_auroc" in row.figures]
    robust = bool(measured) and all(_loss(row) > _loss(first) for row in measured)
    parts = [
        ("fine-tuning loses less than 0.03 of AUROC", small),
        ("altered images cost the fine-tuned networks less", robust),
    ]
    return " ".join([*lines, experiments.prediction_verdict(parts)])


def _predicted() -> list[str]:
    """Names of the installed models with predictions."""
    folders = {name: model_folder.folder(name) for name in model_folder.names()}
    return [name for name, at in folders.items() if (at / model_folder.PREDICTIONS).is_file()]


def _loss(row: ExperimentRow) -> float:
    return row.figures["altered_auroc"].value if "altered_auroc" in row.figures else float("nan")


def _altered(row: ExperimentRow, first: ExperimentRow) -> str:
    if not {"altered_auroc"} <= row.figures.keys() & first.figures.keys():
        return "."
    return f"; altered images cost it up to {-_loss(row):.3f}, instead of {-_loss(first):.3f}."


def _columns(table: pd.DataFrame) -> dict[str, Any]:
    return {
        "labels": np.where(table["label"] == "all", 1, 0),
        "probabilities": table["probability"].to_numpy(dtype=float),
        "subjects": table["group"].to_numpy(dtype=str),
    }


def _row(
    model: InstalledModel, table: pd.DataFrame, own: ResampledMetrics, first: ResampledMetrics
) -> ExperimentRow:
    sample = estimates.make_sample(**_columns(table))
    computed = (
        *estimates.threshold_free(sample), *estimates.at_threshold(sample, model.info.threshold)
    )  # fmt: skip
    figures = {one.name: one.over_subjects for one in computed if one.name in TITLES}
    if own is not first:
        figures["difference"] = paired.paired_difference(own, first, "auroc")
    figures |= _altered_figures(model.folder)
    return ExperimentRow(model.name, figures, len(table), table["group"].nunique())


def _altered_figures(folder: Path) -> dict[str, Interval]:
    """Largest losses over the moderate alterations; empty where they were not measured."""
    robustness = json_files.read_robustness(folder)
    if robustness is None:
        return {}
    rows = [row for row in robustness.rows if _is_moderate(row)]
    return {
        f"altered_{name}": min((row.changes[name] for row in rows), key=lambda change: change.value)
        for name in ("auroc", "sensitivity", "specificity")
    }


def _is_moderate(row: RobustnessRow) -> bool:
    return row.level in MODERATE.get(row.alteration, ())
