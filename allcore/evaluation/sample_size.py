"""Number of cells and subjects for an interval of a given width, from the design effect.

Cells of one subject resemble each other, so that n cells of few subjects tell as much as n / d
independent ones; d is the design effect (Kish, *Survey Sampling*, 1965).
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from allcore.evaluation import estimates, intervals, metrics
from allcore.evaluation.estimates import Sample
from allcore.evaluation.metrics import Floats

MOST = 100_000
"""Largest number of subjects that is searched."""
CLASS_OF = {"sensitivity": 1, "specificity": 0}
"""Class whose subjects each figure depends on."""


@dataclass(frozen=True)
class NeededSize:
    """What an interval over subjects of a given width takes."""

    figure: str  # a key of `metrics.TITLES`
    width: float  # that the interval shall have
    # variance over subjects, over that of as many independent cells; None where no cell or every
    # cell is called right
    design_effect: float | None
    subjects: int  # number that is needed, of the class that the figure depends on
    cells: int  # of them, with as many cells a subject as here


def needed_sizes(cells: Sample, threshold: float, *, width: float) -> tuple[NeededSize, ...]:
    """Sizes for sensitivity and specificity; a class with fewer than two subjects has none.

    The standard error of the bootstrap over subjects shrinks with the root of their number, with
    as many cells a subject as here; the interval is Student's t.

    Args:
        cells: labelled cells with their resamples of subjects.
        threshold: probability at or above which a cell is called a blast.
        width: of the 95 % interval, upper less lower bound.
    """
    if cells.groups is None:
        return ()
    resampled = metrics.confusion_metrics(estimates.resampled_confusion(cells, threshold))
    sizes = []
    for figure, label in CLASS_OF.items():
        own = cells.labels == label
        groups = len(np.unique(cells.groups[own]))
        if groups < 2:
            continue
        right = (cells.probabilities[own] >= threshold) == bool(label)
        size = _needed(figure, float(right.mean()), resampled[figure], len(right), groups, width)
        sizes.append(size)
    return tuple(sizes)


def _needed(
    figure: str, share: float, resampled: Floats, cells: int, groups: int, width: float
) -> NeededSize:
    error, effect = float(np.nanstd(resampled)), None
    if 0 < share < 1:
        effect = error**2 / (share * (1 - share) / cells)
    if error == 0:
        # Agresti and Coull (1998), with subjects as the units: no error seen is not no error.
        near = (share * groups + 2) / (groups + 4)
        error = float(np.sqrt(near * (1 - near) / groups))
    number = np.arange(2, MOST + 1)
    quantile = stats.t.ppf((1 + intervals.LEVEL) / 2, number - 1)
    enough = 2 * quantile * error * np.sqrt(groups / number) <= width
    subjects = int(number[enough.argmax()]) if enough.any() else MOST
    return NeededSize(figure, width, effect, subjects, round(subjects * cells / groups))
