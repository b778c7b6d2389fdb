"""ROC and precision-recall curves with bands over subjects, and lines of one weighted F1."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from allcore.errors import DataError
from allcore.evaluation import binned_counts, intervals, metrics
from allcore.evaluation.estimates import Sample
from allcore.evaluation.metrics import Confusion, Floats

# 1 - specificity, or recall, at which a band is given.
GRID = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class RocCurve:
    """A ROC curve; the arrays of a line have one length each."""

    false_positives: Floats  # (K,) share of normal cells called blast, ascending from 0 to 1
    sensitivity: Floats  # (K,)
    thresholds: Floats  # (K,) probability from which cells are called blast; inf at the first
    grid: Floats  # (101,) shares of false positives of the band
    low: Floats  # (101,) lower bound of the sensitivity there, NaN where subjects are unknown
    high: Floats  # (101,)


@dataclass(frozen=True)
class PrecisionRecallCurve:
    """A precision-recall curve; the arrays of a line have one length each.

    It begins at the highest threshold that calls a cell: where nothing is called there is no
    precision. Between two points it is a step, as average precision counts it.
    """

    recall: Floats  # (K,) share of blasts called blast (sensitivity), ascending to 1
    precision: Floats  # (K,) share of blasts among cells called blast (PPV)
    thresholds: Floats  # (K,) probability from which cells are called blast, descending
    prevalence: float  # share of blasts, the precision of chance
    grid: Floats  # (101,) recalls of the band
    low: Floats  # (101,) lower bound of the precision there, NaN where subjects are unknown
    high: Floats  # (101,)


def roc_curve(cells: Sample) -> RocCurve:
    """The ROC curve with a pointwise 95 % band over subjects.

    The band holds the sensitivity at each share of false positives under the bootstrap of subjects
    that all estimates use.

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
    """The precision-recall curve with a pointwise 95 % band over subjects.

    The band holds the precision at the highest threshold that reaches each recall under the
    bootstrap of subjects that all estimates use. There is no line between two points to interpolate
    on: precision does not run straight there (Davis and Goadrich, ICML 2006).

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


@functools.lru_cache(maxsize=64)
def weighted_f1_line(weighted_f1: float, *, prevalence: float) -> tuple[Floats, Floats]:
    """The points of ROC space at which the weighted F1 has one value.

    Weighted F1 rises with the sensitivity at every share of false positives, so halving finds it.

    Args:
        weighted_f1: the value, above 0 and below 1.
        prevalence: share of blasts, above 0 and below 1.

    Returns:
        (K,) shares of false positives at which a sensitivity gives the value, and (K,) that
        sensitivity; empty where none does.
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
    """(K,) different probabilities, descending; normal cells and blasts at or above each."""
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
    table = binned_counts.bin_counts(
        labels=cells.labels, probabilities=cells.probabilities, groups=cells.groups
    )
    hits, alarms = binned_counts.cumulative_counts(cells.weights @ table.by_subject)
    both = (hits[:, -1] > 0) & (alarms[:, -1] > 0)
    if both.mean() < intervals.DEFINED:  # one class is only a few cells of others' subjects
        return unknown, unknown
    # Percentiles rise with the curve, as t intervals at each point would not; their tails are as
    # far out as Student's t is for so few subjects.
    tail = special.ndtr(stats.t.ppf((1 - intervals.LEVEL) / 2, degrees))
    low, high = np.quantile(at_grid(hits[both], alarms[both]), [tail, 1 - tail], axis=0)
    return low, high


def _sensitivities(hits: Floats, alarms: Floats) -> Floats:
    """(resamples, 101) sensitivity at the grid's shares of false positives."""
    start = np.zeros((len(hits), 1))
    x = np.hstack([start, alarms / alarms[:, -1:]])
    y = np.hstack([start, hits / hits[:, -1:]])
    apart, grid = _apart(x)
    return np.interp(grid, apart, y.ravel()).reshape(len(hits), -1)


def _precisions(hits: Floats, alarms: Floats) -> Floats:
    """(resamples, 101) precision at the highest threshold that reaches the grid's recalls."""
    # A block that a resample leaves empty at the top calls nothing: it is passed over.
    precision = metrics.ratio(hits, hits + alarms)
    recall = np.where(np.isnan(precision), -1.0, hits / hits[:, -1:])
    apart, grid = _apart(recall)
    return precision.ravel()[np.searchsorted(apart, grid)].reshape(len(hits), -1)


def _apart(rows: Floats) -> tuple[Floats, Floats]:
    """Rows of ascending values up to 1 laid end to end, and the grid once for each of them.

    One search over all resamples instead of one for each.
    """
    offset = 3.0 * np.arange(len(rows))[:, None]
    return (rows + offset).ravel(), (GRID + offset).ravel()
