"""Figures of a binary classifier of single cells, with the rule for every case that has no answer.

Labels are 1 for an ALL blast and 0 for a normal cell; a cell is called a blast where its
probability is at or above the threshold. Figures that follow from the four counts of the confusion
matrix work on arrays of counts, so that thousands of bootstrap resamples are one expression.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from allcore.errors import DataError

Floats = NDArray[np.float64]
Counts = Floats | float

ECE_BINS = 15

# How pages, cards and tables write each figure, in the order in which they are shown.
TITLES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "weighted_f1": "Weighted F1",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "Positive predictive value",
    "npv": "Negative predictive value",
    "mcc": "Matthews correlation",
    "kappa": "Cohen's kappa",
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "brier": "Brier score",
    "ece": "Expected calibration error",
}
# Of these, the ones for which a small figure is the good one.
LOWER_IS_BETTER = frozenset({"brier", "ece"})


@dataclass(frozen=True)
class Confusion:
    """Counts of cells, or of weights; each field is a scalar or an array of one shape."""

    tp: Counts  # blasts called blast
    fp: Counts  # normal cells called blast
    fn: Counts  # blasts called normal
    tn: Counts  # normal cells called normal

    def as_array(self) -> Floats:
        """Shape (2, 2): rows are the truth (normal, blast), columns the call (normal, blast)."""
        return np.array([[self.tn, self.fp], [self.fn, self.tp]])


@dataclass(frozen=True)
class Scores:
    """One figure each; NaN where it is undefined.

    Accuracy, weighted F1, Brier score and calibration error need one cell. Balanced accuracy,
    kappa, AUROC and AUPRC need both classes, sensitivity a blast, specificity a normal cell, the
    predictive values a call of their kind, and the Matthews correlation both classes in truth and
    in calls. (With one class kappa would be 0 whatever the model calls, which tells nothing.)
    """

    accuracy: float
    balanced_accuracy: float
    weighted_f1: float
    sensitivity: float
    specificity: float
    ppv: float
    npv: float
    mcc: float
    kappa: float
    auroc: float
    auprc: float
    brier: float
    ece: float


def scores(*, labels: NDArray[np.integer], probabilities: Floats, threshold: float) -> Scores:
    """All figures of N cells.

    Args:
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        probabilities: (N,) calibrated probability of an ALL blast, in [0, 1].
        threshold: probability at or above which a cell is called a blast.

    Raises:
        DataError: no cells, unequal lengths, labels other than 0 and 1, or values that are no
            probabilities.
    """
    check_predictions(labels=labels, probabilities=probabilities)
    counts = confusion(labels=labels, probabilities=probabilities, threshold=threshold)
    by_counts = {name: float(value) for name, value in confusion_metrics(counts).items()}
    auroc, auprc = _ranking(labels=labels, probabilities=probabilities)
    return Scores(
        **by_counts,
        auroc=auroc,
        auprc=auprc,
        brier=float(np.mean((probabilities - labels) ** 2)),
        ece=float(
            calibration_error(residual_table(labels=labels, probabilities=probabilities).sum(0))
        ),
    )


def check_predictions(*, labels: NDArray[np.integer], probabilities: Floats) -> None:
    """Refuse arrays that hold no evaluable cells, with a sentence that says why."""
    if len(labels) == 0:
        raise DataError("There are no predictions to evaluate.")
    if labels.shape != probabilities.shape or labels.ndim != 1:
        raise DataError(
            f"Labels and probabilities must be one each a cell, but are {len(labels)} and "
            f"{len(probabilities)}."
        )
    if not np.isin(labels, (0, 1)).all():
        raise DataError("Labels must be 1 (ALL blast) or 0 (normal).")
    if not ((probabilities >= 0) & (probabilities <= 1)).all():  # NaN fails both
        raise DataError("Probabilities must be numbers from 0 to 1; some are not.")


def confusion(*, labels: NDArray[np.integer], probabilities: Floats, threshold: float) -> Confusion:
    """Counts at a threshold; `labels` and `probabilities` are (N,)."""
    blast, called = labels == 1, probabilities >= threshold
    return Confusion(
        tp=np.sum(blast & called, dtype=float),
        fp=np.sum(~blast & called, dtype=float),
        fn=np.sum(blast & ~called, dtype=float),
        tn=np.sum(~blast & ~called, dtype=float),
    )


def confusion_metrics(counts: Confusion) -> dict[str, Floats]:
    """The figures that follow from the counts; arrays of counts give arrays of figures."""
    tp, fp, fn, tn = (np.asarray(n, dtype=float) for n in dataclasses.astuple(counts))
    total, blasts, normals = tp + fp + fn + tn, tp + fn, tn + fp
    sensitivity, specificity = ratio(tp, blasts), ratio(tn, normals)
    f1_blast = np.nan_to_num(ratio(2 * tp, 2 * tp + fp + fn))
    f1_normal = np.nan_to_num(ratio(2 * tn, 2 * tn + fp + fn))
    called, passed = tp + fp, tn + fn
    margins = np.sqrt(blasts) * np.sqrt(normals) * np.sqrt(called) * np.sqrt(passed)
    beyond_chance = blasts * passed + normals * called
    return {
        "accuracy": ratio(tp + tn, total),
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "weighted_f1": ratio(blasts * f1_blast + normals * f1_normal, total),
        "sensitivity": sensitivity,
        "specificity": specificity,
        "ppv": ratio(tp, called),
        "npv": ratio(tn, passed),
        "mcc": ratio(tp * tn - fp * fn, margins),
        # Cohen (1960): agreement of calls and labels less that of chance, over what chance leaves.
        "kappa": ratio(2 * (tp * tn - fp * fn), np.where(blasts * normals > 0, beyond_chance, 0)),
    }


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> Floats:
    """Quotient, NaN where the denominator is 0 (no warning: it is the rule, not a mishap)."""
    top, bottom = np.broadcast_arrays(numerator, denominator)
    out = np.full(top.shape, np.nan)
    return np.asarray(np.divide(top, bottom, out=out, where=bottom != 0))


def residual_table(
    *, labels: NDArray[np.integer], probabilities: Floats, bins: int = ECE_BINS
) -> Floats:
    """(N, bins) probability minus label, in the column of the cell's bin of equal width.

    Sums of rows of this table are all that the expected calibration error needs.
    """
    table = np.zeros((len(labels), bins))
    table[np.arange(len(labels)), bin_of(probabilities, bins=bins)] = probabilities - labels
    # The cells' number travels in an extra column, because resamples by subject differ in size.
    return np.column_stack([table, np.ones(len(labels))])


def calibration_error(sums: Floats) -> Floats:
    """Expected calibration error (Naeini et al., 2015) from sums of `residuals` rows.

    The sum over bins of (cells in the bin / cells) times |mean probability - share of blasts| is
    the sum of the absolute residual sums over the number of cells. `sums` is (..., bins + 1).
    """
    return ratio(np.abs(sums[..., :-1]).sum(axis=-1), sums[..., -1])


def bin_of(probabilities: Floats, *, bins: int = ECE_BINS) -> NDArray[np.intp]:
    """(N,) index of each probability's bin of equal width; 1.0 belongs to the last bin."""
    return np.minimum((probabilities * bins).astype(np.intp), bins - 1)


def _ranking(*, labels: NDArray[np.integer], probabilities: Floats) -> tuple[float, float]:
    """AUROC (Mann and Whitney) and AUPRC (average precision), as scikit-learn defines them.

    Written out because importing scikit-learn takes seconds that a page would wait for; a test
    holds the two equal to 1e-12.
    """
    blast = labels == 1
    blasts, normals = int(blast.sum()), int((~blast).sum())
    if not blasts or not normals:
        return float("nan"), float("nan")
    above = stats.rankdata(probabilities)[blast].sum() - blasts * (blasts + 1) / 2
    levels, which = np.unique(-probabilities, return_inverse=True)
    called = np.cumsum(np.bincount(which, minlength=len(levels)))
    hits = np.cumsum(np.bincount(which, weights=blast, minlength=len(levels)))
    average = np.diff(hits, prepend=0) @ (hits / called) / blasts
    return float(above / (blasts * normals)), float(average)
