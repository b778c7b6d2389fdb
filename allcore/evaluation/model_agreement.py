"""Agreement of two models on the same cells.

Threshold-free results are computed once (`join_predictions`); calls and their metrics
(`agreement_at`) then take milliseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from allcore import formats
from allcore.errors import DataError
from allcore.evaluation import estimates, intervals, metrics, paired
from allcore.evaluation import model_evaluation as evaluations
from allcore.evaluation.estimates import Sample
from allcore.evaluation.intervals import Interval
from allcore.evaluation.metrics import Confusion, Floats
from allcore.evaluation.paired import McNemarTest, ResampledMetrics

KINDS = {
    "both_wrong": "Both are wrong",
    "only_a": "Only the first is correct",
    "only_b": "Only the second is correct",
    "both_right": "Both are correct",
}
COLUMNS = ("image_id", "path", "label", "subject", "group", "probability_a", "probability_b")
_BY_COUNT = ("accuracy", "weighted_f1")


@dataclass(frozen=True)
class EstimateDifference:
    """One metric of both models, and the first minus the second."""

    name: str  # key in paired.COMPARED_METRICS
    a: float
    b: float
    difference: Interval  # over JoinedPredictions.unit


@dataclass(frozen=True)
class JoinedPredictions:
    """The cells predicted by both models, with their resamples."""

    table: pd.DataFrame  # one row per cell, `COLUMNS`
    notes: tuple[str, ...]  # caveats for the reader
    cells: Sample  # labels and probabilities of the first model, with the resamples of subjects
    auroc: EstimateDifference  # difference of the AUROC, which needs no threshold

    @property
    def unit(self) -> str:
        """Unit of the intervals: 'subjects', or 'cells' where subjects are unknown."""
        return "cells" if self.cells.groups is None else "subjects"


@dataclass(frozen=True)
class ModelAgreement:
    """Agreement of two models at their thresholds."""

    joined: JoinedPredictions  # the shared cells, which the thresholds do not change
    table: pd.DataFrame  # the shared cells with `kind`, a key of `KINDS`
    counts: dict[str, int]  # number of cells of each kind
    mcnemar: McNemarTest  # paired test over cells; `differences` has the test over subjects
    # differences of accuracy, weighted F1 and AUROC, over `joined.unit`
    differences: tuple[EstimateDifference, ...]

    def difference(self, name: str) -> EstimateDifference:
        """Return one of `differences` by its name."""
        return next(estimate for estimate in self.differences if estimate.name == name)


def join_predictions(
    a: pd.DataFrame, b: pd.DataFrame, *, notes: Sequence[str] = ()
) -> JoinedPredictions:
    """Join the predictions of two models by image id.

    Args:
        a: predictions of the first model, columns of `PREDICTION_COLUMNS`.
        b: predictions of the second model.
        notes: caveats that predictions do not show, for example that one model was trained on
            held-out cells of the other.

    Raises:
        DataError: no labelled cell is in both, or one of them has an id twice.
    """
    for table, which in ((a, "first"), (b, "second")):
        if table["image_id"].duplicated().any():
            raise DataError(
                f"An image id stands twice in the {which} model's predictions: keep one of each."
            )
    both = a.merge(b, on="image_id", suffixes=("_a", "_b"))
    table, problems = _joined(both)
    labels = evaluations.labels_array(table)
    first, second = (table[f"probability_{end}"].to_numpy(dtype=float) for end in "ab")
    metrics.check_predictions(labels=labels, probabilities=second)
    cells = estimates.make_sample(
        labels=labels, probabilities=first, subjects=evaluations.subject_groups(table)
    )
    return JoinedPredictions(
        table=table,
        notes=(*notes, *problems),
        cells=cells,
        auroc=_auroc(cells, second),
    )


def agreement_at(
    shared: JoinedPredictions, *, threshold_a: float, threshold_b: float
) -> ModelAgreement:
    """Compute the calls of the shared cells at two thresholds, and their metrics."""
    cells = shared.cells
    second = shared.table["probability_b"].to_numpy(dtype=float)
    called_a, called_b = cells.probabilities >= threshold_a, second >= threshold_b
    blast = cells.labels == 1
    a_right, b_right = called_a == blast, called_b == blast
    keys = np.array(["both_wrong", "only_b", "only_a", "both_right"])
    kind = keys[2 * a_right + b_right]
    return ModelAgreement(
        joined=shared,
        table=shared.table.assign(kind=kind),
        counts={key: int((kind == key).sum()) for key in KINDS},
        mcnemar=paired.mcnemar_test(a_right=a_right, b_right=b_right),
        differences=(*_by_count(cells, called_a, called_b), shared.auroc),
    )


def _joined(both: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The usable shared cells, and notes on the excluded ones."""
    if both.empty:
        raise DataError(
            "The two models share no cell: compare models that were tested on the same data set."
        )
    notes = []
    label = both["label_a"].fillna(both["label_b"])
    other = both["label_b"].fillna(both["label_a"])
    unlabelled, contradicted = label.isna(), label.notna() & (label != other)
    for rows, why in ((unlabelled, "without a label"), (contradicted, "with two different labels")):
        if rows.any():
            notes.append(f"Left out: {formats.count(int(rows.sum()), 'shared cell')} {why}.")
    keep = ~(unlabelled | contradicted)
    if not keep.any():
        raise DataError(
            "No cell that the two models share has one label: compare models that were tested on "
            "the same labelled data set."
        )
    usable = both[keep]
    known = {
        name: usable[f"{name}_a"].fillna(usable[f"{name}_b"])
        for name in ("path", "subject", "group")
    }
    table = usable.assign(label=label[keep], **known)
    return table[list(COLUMNS)].reset_index(drop=True), notes


def _by_count(
    cells: Sample, called_a: NDArray[np.bool_], called_b: NDArray[np.bool_]
) -> list[EstimateDifference]:
    """Differences of accuracy and weighted F1 on the same resamples of subjects, or of cells."""
    which = 4 * (cells.labels == 1) + 2 * called_a + called_b
    if cells.groups is None:
        counts, total = np.bincount(which, minlength=8).astype(float), len(which)
        rng = np.random.default_rng(intervals.SEED)
        resampled = rng.multinomial(total, counts / total, size=cells.resamples).astype(float)
        degrees = total - 1
    else:
        subjects = cells.weights.shape[1]
        table = np.bincount(8 * cells.groups + which, minlength=8 * subjects).reshape(subjects, 8)
        counts, resampled = table.sum(axis=0).astype(float), cells.weights @ table
        degrees = cells.degrees("accuracy")
    first, second = (
        ResampledMetrics(
            value={name: float(value) for name, value in _figures(counts, model).items()},
            draws=_figures(resampled, model),
            degrees=degrees,
        )
        for model in (0, 1)
    )
    return [
        EstimateDifference(name, first.value[name], second.value[name], difference)
        for name in _BY_COUNT
        for difference in [paired.paired_difference(first, second, name)]
    ]


def _figures(counts: Floats, model: int) -> dict[str, Floats]:
    """Metrics of the first (0) or second model from counts (..., 8) by label and both calls."""
    by_call = counts.reshape(*counts.shape[:-1], 2, 2, 2).sum(axis=-1 if model == 0 else -2)
    tn, fp, fn, tp = (by_call[..., i, j] for i in (0, 1) for j in (0, 1))
    return metrics.confusion_metrics(Confusion(tp=tp, fp=fp, fn=fn, tn=tn))


def _auroc(cells: Sample, second: Floats) -> EstimateDifference:
    """Difference of the AUROC: bootstrap over subjects, or DeLong over cells."""
    if cells.groups is None:
        return _delong(cells.labels, cells.probabilities, second)
    resampled = []
    for scores in (cells.probabilities, second):
        draws = estimates.resampled_ranking(replace(cells, probabilities=scores))
        value = {"auroc": intervals.delong(labels=cells.labels, scores=scores).value}
        resampled.append(ResampledMetrics(value, draws, cells.degrees("auroc")))
    a, b = resampled
    difference = paired.paired_difference(a, b, "auroc")
    return EstimateDifference("auroc", a.value["auroc"], b.value["auroc"], difference)


def _delong(labels: NDArray[np.integer], a: Floats, b: Floats) -> EstimateDifference:
    """Difference of two AUROCs on the same cells (DeLong et al., Biometrics 1988)."""
    values = [intervals.delong(labels=labels, scores=scores).value for scores in (a, b)]
    value = values[0] - values[1]
    blast, normal = int((labels == 1).sum()), int((labels == 0).sum())
    difference = intervals.unknown(value)
    if blast > 1 and normal > 1:
        (over_a, under_a), (over_b, under_b) = (
            intervals.placements(labels=labels, scores=scores) for scores in (a, b)
        )
        over, under = over_a - over_b, under_a - under_b
        error = np.sqrt(over.var(ddof=1) / blast + under.var(ddof=1) / normal)
        half = float(special.ndtri((1 + intervals.LEVEL) / 2) * error)
        if half > 0:
            difference = Interval(value, max(-1.0, value - half), min(1.0, value + half))
    return EstimateDifference("auroc", values[0], values[1], difference)
