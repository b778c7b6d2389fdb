"""Share of blasts among each subject's cells in a batch.

A subject's share counts the cells of a batch that somebody selected; it is no diagnosis.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from allcore import formats
from allcore.evaluation import intervals, subjects
from allcore.evaluation.intervals import Interval
from allcore.labels import Verdict

LEAST = 20
"""Default minimum number of classified cells for a subject's share."""
MEANING = (
    "A share counts the cells of this batch that were answered, which somebody chose; it says "
    "nothing of a diagnosis. Its interval takes cells as independent, and leaves out that a model "
    "errs alike on cells of one subject."
)


@dataclass(frozen=True)
class SubjectShare:
    """Results of one subject's cells in a batch.

    Attributes:
        subject: name of the subject; None for images of unknown subject.
        answered: number of cells called ALL blast or normal.
        blasts: number of cells called ALL blast.
        refused: number of images without a call.
        share: share of blasts among the classified cells, with Wilson's interval over cells; all
            NaN without such cells.
        enough: whether there are enough classified cells to report the share.
    """

    subject: str | None
    answered: int
    blasts: int
    refused: int
    share: Interval
    enough: bool

    @property
    def words(self) -> str:
        """The share in words, "42 of 48 (88 %, ...)", or that there are too few cells."""
        if not self.enough:
            return f"{self.blasts} of {self.answered}, {subjects.TOO_FEW}"
        return formats.share(self.share, self.answered)


def subject_shares(
    verdicts: Sequence[Verdict], subject_names: Sequence[str | None], *, least: int = LEAST
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
