"""ROC, precision-recall and reliability curves with bands, and contours of the weighted F1."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from allcore.errors import DataError
from allcore.evaluation import binned_counts, intervals, metrics
from allcore.evaluation.estimates import Sample
from allcore.evaluation.intervals import Interval
from allcore.evaluation.metrics import Confusion, Floats

# False positive rates, or recalls, at which the band is computed.
GRID = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class RocCurve:
    """ROC curve; the K points and the band's grid have separate arrays."""

    false_positives: Floats  # (K,) share of normal cells called blast, ascending from 0 to 1
    sensitivity: Floats  # (K,)
    thresholds: Floats  # (K,) lowest probability called blast; inf for the first point
    grid: Floats  # (101,) false positive rates of the band
    low: Floats  # (101,) lower bound of the sensitivity, NaN where subjects are unknown
    high: Floats  # (101,)


@dataclass(frozen=True)
class PrecisionRecallCurve:
    """Precision-recall curve; the K points and the band's grid have separate arrays.

    The curve begins at the highest threshold at which a cell is called blast, because precision is
    undefined without such calls. It is a step function, as in the average precision.
    """

    recall: Floats  # (K,) share of blasts called blast (sensitivity), ascending to 1
    precision: Floats  # (K,) share of blasts among cells called blast (PPV)
    thresholds: Floats  # (K,) probability from which cells are called blast, descending
    prevalence: float  # share of blasts: the precision of a random classifier
    grid: Floats  # (101,) recalls of the band
    low: Floats  # (101,) lower bound of the precision, NaN where subjects are unknown
    high: Floats  # (101,)


@dataclass(frozen=True)
class ReliabilityCurve:
    """Share of blasts by predicted probability, in B bins of equal width.

    Counts have an entry for every bin; the other arrays are NaN for a bin without cells.
    """

    edges: Floats  # (B + 1,)
    blasts: NDArray[np.intp]  # (B,) counts
    normals: NDArray[np.intp]  # (B,)
    probability: Floats  # (B,) mean predicted probability
    share: Floats  # (B,) of blasts
    cell_low: Floats  # (B,) Wilson, over cells
    cell_high: Floats
    subject_low: Floats  # (B,) over subjects; NaN also for a bin with cells of too few subjects
    subject_high: Floats


def roc_curve(cells: Sample) -> RocCurve:
    """Compute the ROC curve with a pointwise 95 % band over subjects.

    The band bounds the sensitivity at each false positive rate under the bootstrap of subjects that
    all estimates share.

    Raises:
        DataError: only one class.
    """
    levels, normals, blasts = _rising(cells, "ROC")
    low, high = _band(cells, _sensitivities)
    return RocCurve(
        false_positives=np.append(0.0, normals / normals[-1]),
        sensitivity=np.append(0.0, blasts / blasts[-1]),
        thresholds=np.append(np.inf, levels),
        grid=GRID,
        low=low,
        high=high,
    )


def precision_recall_curve(cells: Sample) -> PrecisionRecallCurve:
    """Compute the precision-recall curve with a pointwise 95 % band over subjects.

    The band bounds the precision at the highest threshold that reaches each recall, under the
    bootstrap of subjects that all estimates share. Points are not interpolated: precision is not
    linear between them (Davis and Goadrich, ICML 2006).

    Raises:
        DataError: only one class.
    """
    levels, normals, blasts = _rising(cells, "precision-recall")
    low, high = _band(cells, _precisions)
    return PrecisionRecallCurve(
        recall=blasts / blasts[-1],
        precision=blasts / (blasts + normals),
        thresholds=levels,
        prevalence=float(blasts[-1] / len(cells.labels)),
        grid=GRID,
        low=low,
        high=high,
    )


def reliability_curve(cells: Sample, *, bins: int = metrics.ECE_BINS) -> ReliabilityCurve:
    """Compute the reliability curve with its histogram and 95 % bands over cells and over subjects.

    For the curve before calibration, pass a sample of `probability(logit, 1.0)`. The band over
    subjects is Student's t from the sample's resamples; its degrees of freedom are those of the
    subjects with cells in the bin.
    """
    which = metrics.bin_of(cells.probabilities, bins=bins)
    total = np.bincount(which, minlength=bins)
    blasts = np.bincount(which, weights=cells.labels, minlength=bins).astype(np.intp)
    predicted = np.bincount(which, weights=cells.probabilities, minlength=bins)
    share = metrics.ratio(blasts, total)
    _, cell_low, cell_high = intervals.wilson_bounds(share, total).T
    subject = _over_subjects(cells, which, share)
    return ReliabilityCurve(
        edges=np.linspace(0, 1, bins + 1),
        blasts=blasts,
        normals=total - blasts,
        probability=metrics.ratio(predicted, total),
        share=share,
        cell_low=cell_low,
        cell_high=cell_high,
        subject_low=np.array([interval.low for interval in subject]),
        subject_high=np.array([interval.high for interval in subject]),
    )


@functools.lru_cache(maxsize=64)
def weighted_f1_line(weighted_f1: float, *, prevalence: float) -> tuple[Floats, Floats]:
    """Compute the contour of one weighted F1 in ROC space.

    Weighted F1 rises with the sensitivity at every false positive rate, so bisection finds the
    contour. Both arguments are above 0 and below 1.

    Returns:
        (K,) false positive rates at which a sensitivity gives the value, and (K,) those
        sensitivities; empty where there are none.
    """
    false = np.linspace(0, 1, 401)
    low, high = np.zeros_like(false), np.ones_like(false)
    reached = _weighted_f1(high, false, prevalence) >= weighted_f1
    reached &= _weighted_f1(low, false, prevalence) <= weighted_f1  # few blasts may all be missed
    for _ in range(50):
        middle = (low + high) / 2
        enough = _weighted_f1(middle, false, prevalence) >= weighted_f1
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return false[reached], high[reached]


def _weighted_f1(sensitivity: Floats, false: Floats, prevalence: float) -> Floats:
    blasts, normals = prevalence, 1 - prevalence
    counts = Confusion(
        tp=blasts * sensitivity,
        fp=normals * false,
        fn=blasts * (1 - sensitivity),
        tn=normals * (1 - false),
    )
    return metrics.confusion_metrics(counts)["weighted_f1"]


def _rising(cells: Sample, name: str) -> tuple[Floats, Floats, Floats]:
    """(K,) distinct probabilities, descending, and the normal cells and blasts at or above each."""
    if cells.labels.min() == cells.labels.max():
        raise DataError(f"A {name} curve needs cells of both classes; here there is only one.")
    levels, which = np.unique(-cells.probabilities, return_inverse=True)
    normals, blasts = (np.bincount(which, weights=cells.labels == label) for label in (0, 1))
    return -levels, np.cumsum(normals, dtype=float), np.cumsum(blasts, dtype=float)


def _band(cells: Sample, at_grid: Callable[[Floats, Floats], Floats]) -> tuple[Floats, Floats]:
    unknown = np.full(len(GRID), np.nan)
    degrees = cells.degrees("auroc")
    if degrees < 1:
        return unknown, unknown
    hits, alarms = binned_counts.cumulative_counts(cells.weights @ cells.binned().by_subject)
    both = (hits[:, -1] > 0) & (alarms[:, -1] > 0)
    if both.mean() < intervals.DEFINED:  # cells of one class only in few subjects of the other
        return unknown, unknown
    # Percentiles rise with the curve; t intervals at each point would not. Their tail probability
    # is that of Student's t for so few subjects.
    tail = special.ndtr(stats.t.ppf((1 - intervals.LEVEL) / 2, degrees))
    low, high = np.quantile(at_grid(hits[both], alarms[both]), [tail, 1 - tail], axis=0)
    return low, high


def _sensitivities(hits: Floats, alarms: Floats) -> Floats:
    """(resamples, 101) sensitivity at the false positive rates of the grid."""
    start = np.zeros((len(hits), 1))
    x = np.hstack([start, alarms / alarms[:, -1:]])
    y = np.hstack([start, hits / hits[:, -1:]])
    apart, grid = _apart(x)
    return np.interp(grid, apart, y.ravel()).reshape(len(hits), -1)


def _precisions(hits: Floats, alarms: Floats) -> Floats:
    """(resamples, 101) precision at the highest threshold that reaches the recalls of the grid."""
    # The top bins of a resample may be empty: precision is undefined there, so they are skipped.
    precision = metrics.ratio(hits, hits + alarms)
    recall = np.where(np.isnan(precision), -1.0, hits / hits[:, -1:])
    apart, grid = _apart(recall)
    return precision.ravel()[np.searchsorted(apart, grid)].reshape(len(hits), -1)


def _apart(rows: Floats) -> tuple[Floats, Floats]:
    """Concatenate rows of ascending values up to 1 with offsets, and the grid for each row.

    One search then serves all resamples.
    """
    offset = 3.0 * np.arange(len(rows))[:, None]
    return (rows + offset).ravel(), (GRID + offset).ravel()


def _over_subjects(cells: Sample, which: NDArray[np.intp], share: Floats) -> list[Interval]:
    """Intervals over subjects for the share of blasts in each bin; `which` (N,) holds the bins."""
    bins = len(share)
    if cells.groups is None or cells.degrees("accuracy") < 1:
        return [intervals.unknown(float(value)) for value in share]
    column = which + bins * (cells.labels == 1)
    table = np.bincount(
        cells.groups * 2 * bins + column, minlength=2 * bins * cells.weights.shape[1]
    ).reshape(-1, 2 * bins)
    normals, blasts = np.split(cells.weights @ table, 2, axis=1)
    resampled = metrics.ratio(blasts, normals + blasts)
    # Of each bin: number of subjects with cells in it, less the number of their classes.
    present = (table[:, :bins] + table[:, bins:]) > 0
    blast = intervals.majority(labels=cells.labels, groups=cells.groups)
    of_class = np.stack([present[blast].sum(axis=0), present[~blast].sum(axis=0)])
    degrees = of_class.sum(axis=0) - (of_class > 0).sum(axis=0)
    return [
        intervals.student(float(share[i]), resampled[:, i], degrees=int(degrees[i]), share=True)
        for i in range(bins)
    ]
