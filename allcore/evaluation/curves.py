"""The ROC curve with a band over subjects."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from allcore.errors import DataError
from allcore.evaluation import blocks, intervals
from allcore.evaluation.figures import Sample
from allcore.evaluation.metrics import Floats

# 1 - specificity at which the band is given.
GRID = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class Roc:
    """A ROC curve; the arrays of a line have one length each."""

    false_positives: Floats  # (K,) share of normal cells called blast, ascending from 0 to 1
    sensitivity: Floats  # (K,)
    thresholds: Floats  # (K,) probability from which cells are called blast; inf at the first
    grid: Floats  # (101,) shares of false positives of the band
    low: Floats  # (101,) lower bound of the sensitivity there, NaN where subjects are unknown
    high: Floats  # (101,)


def roc(cells: Sample) -> Roc:
    """The ROC curve with a pointwise 95 % band over subjects.

    The band holds the sensitivity at each share of false positives under the bootstrap of subjects
    that `figures` uses.

    Raises:
        DataError: only one class.
    """
    if cells.labels.min() == cells.labels.max():
        raise DataError("A ROC curve needs cells of both classes; here there is only one.")
    levels, which = np.unique(-cells.probabilities, return_inverse=True)
    false_positives = _rising(np.bincount(which, weights=cells.labels == 0))
    sensitivity = _rising(np.bincount(which, weights=cells.labels == 1))
    low, high = _band(cells)
    return Roc(
        false_positives=false_positives,
        sensitivity=sensitivity,
        thresholds=np.concatenate([[np.inf], -levels]),
        grid=GRID,
        low=low,
        high=high,
    )


def _rising(cells: NDArray[Any]) -> Floats:
    """Cumulative share, from 0 to 1."""
    return np.concatenate([[0.0], np.cumsum(cells) / cells.sum()], dtype=float)


def _band(cells: Sample) -> tuple[Floats, Floats]:
    degrees = cells.degrees("auroc")
    if degrees < 1:
        return np.full(len(GRID), np.nan), np.full(len(GRID), np.nan)
    # Percentiles rise with the curve, as t intervals at each point would not; their tails are as
    # far out as Student's t is for so few subjects.
    tail = special.ndtr(stats.t.ppf((1 - intervals.LEVEL) / 2, degrees))
    low, high = np.quantile(_resampled(cells), [tail, 1 - tail], axis=0)
    return low, high


def _resampled(cells: Sample) -> Floats:
    """(resamples, 101) sensitivity at the grid in each resample of subjects."""
    table = blocks.tabulate(
        labels=cells.labels, probabilities=cells.probabilities, groups=cells.groups
    )
    hits, alarms = blocks.rising(cells.weights @ table.by_subject)
    shares = zip(alarms / alarms[:, -1:], hits / hits[:, -1:], strict=True)
    return np.stack([np.interp(GRID, np.append(0.0, x), np.append(0.0, y)) for x, y in shares])
