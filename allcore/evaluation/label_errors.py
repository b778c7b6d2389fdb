"""Label errors, estimated by confident learning from out-of-fold probabilities.

Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR
2021, for two classes, implemented from the paper. Class 0 is a normal cell, class 1 an ALL blast.

For two classes, pruning by class and pruning by noise rate flag the same cells, and the normalised
margin orders cells as the self-confidence does.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allcore.errors import DataError
from allcore.evaluation import metrics
from allcore.evaluation.metrics import Floats

ENOUGH = 5
"""Minimum number of cells for a subject's share to be informative."""
# Rounding may put a mean of equal numbers above them.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class FlaggedSubject:
    """Number of flagged cells of one subject.

    Label errors are scattered. A subject with mostly flagged cells is one that the model
    misclassifies or one that is mislabelled as a whole: review the subject, not its cells.
    """

    subject: str
    cells: int
    flagged: int

    @property
    def share(self) -> float:
        """Share of its cells that is flagged, from 0 to 1."""
        return self.flagged / self.cells

    @property
    def mostly(self) -> bool:
        """Whether more than half of at least `ENOUGH` cells are flagged."""
        return self.cells >= ENOUGH and self.share > 0.5


@dataclass(frozen=True)
class LabelErrors:
    """Confident learning on N cells; rows are the given label, columns the true one."""

    thresholds: Floats  # (2,) mean probability of the given class among the cells with that label
    confident: NDArray[np.int64]  # (2, 2) confident joint: counts
    joint: Floats  # (2, 2) calibrated joint: estimated shares of all cells, sums to 1
    quality: Floats  # (N,) self-confidence: probability of the given label, low if suspicious
    flagged: NDArray[np.bool_]  # (N,)
    by_subject: tuple[FlaggedSubject, ...]  # highest share first; empty where subjects are unknown


def find_label_errors(
    *,
    labels: NDArray[np.integer],
    probabilities: Floats,
    subjects: NDArray[np.str_] | None = None,
) -> LabelErrors:
    """Flag the likely label errors by the calibrated joint.

    Of the cells labelled i, the number that the joint assigns to true class j is flagged, in
    descending order of the margin for j (prune by noise rate), and only where j is the likelier
    class.

    Args:
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        probabilities: (N,) probability of an ALL blast by a network not trained on the cell nor,
            preferably, on its subject.
        subjects: (N,) the subject of each cell, or None where unknown.

    Raises:
        DataError: no cells, only one class, or invalid labels or probabilities.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=float)
    metrics.check_predictions(labels=labels, probabilities=probabilities)
    if labels.min() == labels.max():
        raise DataError("Suspicious labels can be told only where there are cells of both classes.")
    observed = labels.astype(np.intp)
    both = np.column_stack([1 - probabilities, probabilities])
    thresholds = np.array([both[observed == i, i].mean() for i in (0, 1)])
    reached = both >= thresholds - _ROUNDING
    # Where both are reached, the likelier class counts; at even odds, the given one.
    likelier = np.where(both[:, 1] == both[:, 0], observed, both[:, 1] > both[:, 0])
    true = np.where(reached.all(axis=1), likelier, reached[:, 1])
    counted = reached.any(axis=1)
    confident = np.bincount(2 * observed[counted] + true[counted], minlength=4).reshape(2, 2)
    # No row is empty: the most confident cell of a class reaches the mean of its class.
    shares = confident / confident.sum(axis=1, keepdims=True)
    joint = shares * np.bincount(observed)[:, None] / len(observed)
    flagged = _pruned(observed, both, joint)
    return LabelErrors(
        thresholds=thresholds,
        confident=confident,
        joint=joint,
        quality=both[np.arange(len(observed)), observed],
        flagged=flagged,
        by_subject=() if subjects is None else _by_subject(subjects, flagged),
    )


def _pruned(observed: NDArray[np.intp], both: Floats, joint: Floats) -> NDArray[np.bool_]:
    flagged = np.zeros(len(observed), dtype=bool)
    for i in (0, 1):
        of_class = np.flatnonzero(observed == i)
        margin = both[of_class, 1 - i] - both[of_class, i]
        wrong = round(float(joint[i, 1 - i]) * len(observed))
        first = np.argsort(-margin, kind="stable")[:wrong]
        flagged[of_class[first[margin[first] > 0]]] = True
    return flagged


def _by_subject(
    subjects: NDArray[np.str_], flagged: NDArray[np.bool_]
) -> tuple[FlaggedSubject, ...]:
    names, which = np.unique(np.asarray(subjects, dtype=str), return_inverse=True)
    cells, flagged_cells = np.bincount(which), np.bincount(which, weights=flagged).astype(int)
    shares = [
        FlaggedSubject(str(name), int(n), int(k))
        for name, n, k in zip(names, cells, flagged_cells, strict=True)
    ]
    return tuple(sorted(shares, key=lambda row: (-row.share, -row.cells, row.subject)))
