"""One row a subject: the patient, not the cell, is whom the next picture comes from."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from allcore.evaluation import estimates, intervals
from allcore.evaluation.intervals import Interval
from allcore.evaluation.metrics import Floats


@dataclass(frozen=True)
class SubjectRow:
    """What the model says about one subject's cells."""

    subject: str
    label: str  # 'all' or 'hem', the label of most of its cells
    cells: int
    blasts: Interval  # share of its cells called ALL blast
    accuracy: Interval  # share of its cells called rightly
    probability: float  # median over its cells


def rows(
    *,
    labels: NDArray[np.integer],
    probabilities: Floats,
    subjects: NDArray[np.str_],
    threshold: float,
) -> tuple[SubjectRow, ...]:
    """A row a subject, the lowest accuracy first, with Wilson intervals over its cells.

    Args:
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        probabilities: (N,) calibrated probability of an ALL blast.
        subjects: (N,) the subject of each cell.
        threshold: probability at or above which a cell is called a blast.
    """
    names, which = estimates.number_groups(subjects)
    called = probabilities >= threshold
    cells = np.bincount(which)
    majority = intervals.majority(labels=labels, groups=which)
    median = _medians(probabilities, which, cells)
    blasts = _wilson(np.bincount(which, weights=called), cells)
    accuracy = _wilson(np.bincount(which, weights=called == (labels == 1)), cells)
    found = [
        SubjectRow(
            subject=str(name),
            label="all" if majority[i] else "hem",
            cells=int(cells[i]),
            blasts=blasts[i],
            accuracy=accuracy[i],
            probability=float(median[i]),
        )
        for i, name in enumerate(names)
    ]
    return tuple(sorted(found, key=lambda row: (row.accuracy.value, -row.cells, row.subject)))


def _medians(values: Floats, which: NDArray[np.intp], cells: NDArray[np.intp]) -> Floats:
    """(G,) the median of each subject's values, by one sort for all of them."""
    rising = np.argsort(values)
    rising = rising[np.argsort(which[rising], kind="stable")]
    first = np.cumsum(cells) - cells
    low, high = rising[first + (cells - 1) // 2], rising[first + cells // 2]
    return np.asarray((values[low] + values[high]) / 2)


def _wilson(hits: NDArray[Any], total: NDArray[np.intp]) -> list[Interval]:
    """`intervals.wilson` of many shares at once; every total is above 0."""
    z = float(special.ndtri((1 + intervals.LEVEL) / 2))
    share = hits / total
    centre = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    bounds = np.stack([share, np.minimum(share, centre - half), np.maximum(share, centre + half)])
    return [Interval(*row) for row in bounds.T.tolist()]
