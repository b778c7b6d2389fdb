"""Intervals of the experiments: Student's t over folds, and those of pooled predictions."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from allcore.evaluation import estimates as evaluated
from allcore.evaluation import intervals
from allcore.evaluation.intervals import LEVEL, Interval
from allcore.evaluation.metrics import Floats
from allcore.research.experiments import report

FOLDS = (
    "Intervals over folds are Student's t of the folds' figures. Folds share training subjects, so "
    "that they are somewhat too narrow."
)
"""Note on every interval of ``over_folds``."""


def over_folds(
    values: Sequence[float] | Floats, *, least: float = -np.inf, most: float = np.inf
) -> Interval:
    """Mean of one value a fold with Student's t interval; no bounds below two folds.

    Args:
        values: one a fold.
        least: minimum possible value.
        most: maximum possible value.
    """
    figures = np.asarray(values, dtype=float)
    if len(figures) < 2 or not np.isfinite(figures).all():
        return intervals.unknown(float(figures.mean()) if len(figures) else float("nan"))
    error = float(figures.std(ddof=1)) / np.sqrt(len(figures))
    half = error * float(stats.t.ppf((1 + LEVEL) / 2, len(figures) - 1))
    mean = float(figures.mean())
    return Interval(mean, max(least, mean - half), min(most, mean + half))


def pooled(
    *,
    labels: NDArray[np.integer],
    probabilities: Floats,
    subjects: NDArray[np.str_],
    threshold: float = 0.5,
) -> dict[str, evaluated.Estimate]:
    """Estimates of pooled out-of-fold predictions, each over cells and over subjects."""
    cells = evaluated.make_sample(labels=labels, probabilities=probabilities, subjects=subjects)
    computed = (*evaluated.threshold_free(cells), *evaluated.at_threshold(cells, threshold))
    return {estimate.name: estimate for estimate in computed}


def above(interval: Interval, bound: float = 0.0) -> bool:
    """True if the whole interval lies above a bound; False without an interval."""
    return bool(interval.low > bound)


def below(interval: Interval, bound: float = 0.0) -> bool:
    """True if the whole interval lies below a bound; False without an interval."""
    return bool(interval.high < bound)


def words(interval: Interval) -> str:
    """Estimate as text within a sentence."""
    return report.estimate_text(interval)


def change(interval: Interval) -> str:
    """Difference as text within a sentence, with its sign."""
    sign = "+" if interval.value >= 0 else "−"
    bounds = report.estimate_text(interval)[
        len(report.estimate_text(intervals.unknown(interval.value))) :
    ]
    return f"{sign}{report.estimate_text(intervals.unknown(abs(interval.value)))}{bounds}"
