"""Intervals of the experiments: Student's over folds, and those of pooled predictions."""

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
"""What stands beside every interval of ``over_folds``."""


def over_folds(
    values: Sequence[float] | Floats, *, least: float = -np.inf, most: float = np.inf
) -> Interval:
    """Mean of one figure a fold with Student's t interval; no bounds below two folds.

    Args:
        values: one a fold.
        least: the lowest value that the figure can take.
        most: the highest.
    """
    found = np.asarray(values, dtype=float)
    if len(found) < 2 or not np.isfinite(found).all():
        return intervals.unknown(float(found.mean()) if len(found) else float("nan"))
    error = float(found.std(ddof=1)) / np.sqrt(len(found))
    half = error * float(stats.t.ppf((1 + LEVEL) / 2, len(found) - 1))
    mean = float(found.mean())
    return Interval(mean, max(least, mean - half), min(most, mean + half))


def pooled(
    *,
    labels: NDArray[np.integer],
    probabilities: Floats,
    subjects: NDArray[np.str_],
    threshold: float = 0.5,
) -> dict[str, evaluated.Estimate]:
    """Every figure of pooled out-of-fold predictions, each over cells and over subjects."""
    cells = evaluated.make_sample(labels=labels, probabilities=probabilities, subjects=subjects)
    found = (*evaluated.threshold_free(cells), *evaluated.at_threshold(cells, threshold))
    return {each.name: each for each in found}


def above(found: Interval, bound: float = 0.0) -> bool:
    """Whether the whole interval lies above a bound; not where there is none."""
    return bool(found.low > bound)


def below(found: Interval, bound: float = 0.0) -> bool:
    """Whether the whole interval lies below a bound; not where there is none."""
    return bool(found.high < bound)


def words(found: Interval) -> str:
    """A figure in a sentence."""
    return report.estimate_text(found)


def change(found: Interval) -> str:
    """A difference in a sentence, with its sign."""
    sign = "+" if found.value >= 0 else "−"
    bounds = report.estimate_text(found)[
        len(report.estimate_text(intervals.unknown(found.value))) :
    ]
    return f"{sign}{report.estimate_text(intervals.unknown(abs(found.value)))}{bounds}"
