"""One row a subject: the patient, not the cell, is whom the next picture comes from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allcore.evaluation import intervals
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
    names, which = np.unique(np.asarray(subjects, dtype=str), return_inverse=True)
    called = probabilities >= threshold
    cells = np.bincount(which)
    blasts = np.bincount(which, weights=called).astype(int)
    right = np.bincount(which, weights=called == (labels == 1)).astype(int)
    majority = intervals.majority(labels=labels, groups=which)
    found = [
        SubjectRow(
            subject=str(name),
            label="all" if majority[i] else "hem",
            cells=int(cells[i]),
            blasts=intervals.wilson(int(blasts[i]), int(cells[i])),
            accuracy=intervals.wilson(int(right[i]), int(cells[i])),
            probability=float(np.median(probabilities[which == i])),
        )
        for i, name in enumerate(names)
    ]
    return tuple(sorted(found, key=lambda row: (row.accuracy.value, -row.cells, row.subject)))
