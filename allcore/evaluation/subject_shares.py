"""The share of blasts among each subject's cells in a batch.

A subject's share counts the cells of this batch, which somebody chose; it says nothing of a
diagnosis.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from allcore import formats
from allcore.evaluation import intervals, subjects
from allcore.evaluation.intervals import Interval
from allcore.labels import Verdict

LEAST = 20
"""Answered cells from which a subject's share is said, unless another number is asked for."""
MEANING = (
    "A share counts the cells of this batch that were answered, which somebody chose; it says "
    "nothing of a diagnosis. Its interval takes cells as independent, and leaves out that a model "
    "errs alike on cells of one subject."
)


@dataclass(frozen=True)
class SubjectShare:
    """One subject's cells in a batch.

    Attributes:
        subject: None stands for the pictures subject_names subject is unknown.
        answered: cells that were called ALL blast or normal.
        blasts: those called ALL blast.
        refused: pictures without an answer.
        share: of blasts among the answered, with Wilson's interval over cells; all NaN where there
            are none.
        enough: whether that many were answered that the share is to be said.
    """

    subject: str | None
    answered: int
    blasts: int
    refused: int
    share: Interval
    enough: bool

    @property
    def words(self) -> str:
        """The share as a person reads it: "42 of 48 (88 %, ...)", or that there are too few."""
        if not self.enough:
            return f"{self.blasts} of {self.answered}, {subjects.TOO_FEW}"
        return formats.share(self.share, self.answered)


def subject_shares(
    verdicts: Sequence[Verdict], subject_names: Sequence[str | None], *, least: int = LEAST
) -> tuple[SubjectShare, ...]:
    """A line a subject, the highest share first and those with too few cells behind.

    Args:
        verdicts: one a picture.
        subject_names: the subject of each picture, None where unknown; these make the last line.
        least: answered cells that a share needs to be said, 1 or more.
    """
    counts: dict[str | None, list[int]] = {}
    for verdict, subject in zip(verdicts, subject_names, strict=True):
        counts.setdefault(subject, [0, 0, 0])[("all", "hem", "refused").index(verdict)] += 1
    rows = [_share(subject, *numbers, least=least) for subject, numbers in counts.items()]
    return tuple(sorted(rows, key=_rank))


def _share(
    subject: str | None, blasts: int, normal: int, refused: int, *, least: int
) -> SubjectShare:
    answered = blasts + normal
    wilson = intervals.wilson(blasts, answered)
    return SubjectShare(subject, answered, blasts, refused, wilson, answered >= max(least, 1))


def _rank(share: SubjectShare) -> tuple[bool, bool, float, str]:
    value = share.share.value if share.enough else share.answered
    return share.subject is None, not share.enough, -value, share.subject or ""
