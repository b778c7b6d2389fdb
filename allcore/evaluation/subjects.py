"""Results by subject: accuracy over its cells, call of the subject, share of blasts in a batch.

A subject's share counts the cells of a batch that somebody selected; it is no diagnosis.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore import formats
from allcore.errors import DataError
from allcore.evaluation import estimates, intervals
from allcore.evaluation.intervals import Interval
from allcore.evaluation.metrics import Floats
from allcore.labels import Verdict

TOO_FEW = "too few cells"
CANT_TELL = "can't tell"
ANSWERS = ("all", "hem", TOO_FEW, CANT_TELL)
OUTCOMES = ("right", "wrong", "undecided")
LEAST_CELLS = 20
"""Default minimum number of classified cells for a subject's share."""
SHARES_MEANING = (
    "A share counts the cells of this batch that were answered, which somebody chose; it says "
    "nothing of a diagnosis. Its interval takes cells as independent, and leaves out that a model "
    "errs alike on cells of one subject."
)


@dataclass(frozen=True)
class SubjectRow:
    """Results of one subject's cells."""

    subject: str
    label: str  # 'all' or 'hem', the label of most of its cells
    cells: int
    blasts: Interval  # share of its cells called ALL blast
    accuracy: Interval  # share of its cells classified correctly
    probability: float  # median over its cells


@dataclass(frozen=True)
class SubjectCall(SubjectRow):
    """Call of a whole subject: the share of its cells called blast against a cut-off."""

    answer: str  # one of `ANSWERS`

    @property
    def outcome(self) -> str:
        """One of `OUTCOMES`; an answer other than the two classes is undecided."""
        if self.answer in (TOO_FEW, CANT_TELL):
            return "undecided"
        return "right" if self.answer == self.label else "wrong"


@dataclass(frozen=True)
class SubjectShare:
    """Results of one subject's cells in a batch."""

    subject: str | None  # name of the subject; None for images of unknown subject
    answered: int  # number of cells called ALL blast or normal
    blasts: int  # number of cells called ALL blast
    refused: int  # number of images without a call
    # share of blasts among the classified cells, with Wilson's interval over cells; all NaN without
    # such cells
    share: Interval
    enough: bool  # whether there are enough classified cells to report the share

    @property
    def words(self) -> str:
        """The share in words, "42 of 48 (88 %, ...)", or that there are too few cells."""
        if not self.enough:
            return f"{self.blasts} of {self.answered}, {TOO_FEW}"
        return formats.share(self.share, self.answered)


def subject_rows(
    *,
    labels: NDArray[np.integer],
    probabilities: Floats,
    subjects: NDArray[np.str_],
    threshold: float,
) -> tuple[SubjectRow, ...]:
    """One row per subject, lowest accuracy first, with Wilson intervals over its cells.

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
    median = pd.Series(probabilities).groupby(which).median().to_numpy()
    blasts = intervals.wilson_bounds(np.bincount(which, weights=called) / cells, cells)
    right = np.bincount(which, weights=called == (labels == 1))
    accuracy = intervals.wilson_bounds(right / cells, cells)
    rows = [
        SubjectRow(
            subject=str(name),
            label="all" if majority[i] else "hem",
            cells=int(cells[i]),
            blasts=Interval(*blasts[i].tolist()),
            accuracy=Interval(*accuracy[i].tolist()),
            probability=float(median[i]),
        )
        for i, name in enumerate(names)
    ]
    return tuple(sorted(rows, key=lambda row: (row.accuracy.value, -row.cells, row.subject)))


def call_subjects(
    rows: Sequence[SubjectRow], *, cutoff: float, least_cells: int
) -> tuple[SubjectCall, ...]:
    """Call each subject, in the order of `rows`.

    A subject is called ALL ('all') where the 95 % Wilson interval of its share of cells called
    blast lies above the cut-off, normal ('hem') where it lies below, and "can't tell" where it
    contains the cut-off. With fewer than `least_cells` cells the answer is "too few cells".

    The interval assumes independent cells and ignores how model errors vary between subjects, so an
    answer is no diagnosis.

    Args:
        rows: from `subject_rows`.
        cutoff: share of cells called blast, above 0 and below 1.
        least_cells: minimum number of cells of an answer, 1 or more.

    Raises:
        DataError: a cut-off or a number of cells out of range.
    """
    if not 0 < cutoff < 1:
        raise DataError(f"A cut-off is a share of cells above 0 and below 1, not {cutoff}.")
    if least_cells < 1:
        raise DataError(f"A subject's answer needs at least 1 cell, not {least_cells}.")

    def answer(row: SubjectRow) -> str:
        if row.cells < least_cells:
            return TOO_FEW
        if row.blasts.low <= cutoff <= row.blasts.high:
            return CANT_TELL
        return "all" if row.blasts.value > cutoff else "hem"

    return tuple(SubjectCall(**vars(row), answer=answer(row)) for row in rows)


def subject_shares(
    verdicts: Sequence[Verdict], subject_names: Sequence[str | None], *, least: int = LEAST_CELLS
) -> tuple[SubjectShare, ...]:
    """One row per subject, by descending share; subjects with too few cells come last.

    Args:
        verdicts: one per image.
        subject_names: the subject of each image, None where unknown; unknown is the last row.
        least: minimum number of classified cells to report a share, 1 or more.
    """
    counts: dict[str | None, list[int]] = {}
    for verdict, subject in zip(verdicts, subject_names, strict=True):
        counts.setdefault(subject, [0, 0, 0])[("all", "hem", "refused").index(verdict)] += 1
    rows = [
        SubjectShare(
            subject,
            answered=blasts + normal,
            blasts=blasts,
            refused=refused,
            share=intervals.wilson(blasts, blasts + normal),
            enough=blasts + normal >= max(least, 1),
        )
        for subject, (blasts, normal, refused) in counts.items()
    ]
    return tuple(sorted(rows, key=_share_rank))


def _share_rank(share: SubjectShare) -> tuple[bool, bool, float, str]:
    value = share.share.value if share.enough else share.answered
    return share.subject is None, not share.enough, -value, share.subject or ""
