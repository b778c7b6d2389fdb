"""The call of a whole subject: its share of cells called blast against a cut-off."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from allcore.errors import DataError
from allcore.evaluation import intervals
from allcore.evaluation.intervals import Interval
from allcore.evaluation.subjects import SubjectRow

TOO_FEW = "too few cells"
CANT_TELL = "can't tell"
ANSWERS = ("all", "hem", TOO_FEW, CANT_TELL)
OUTCOMES = ("right", "wrong", "undecided")


@dataclass(frozen=True)
class SubjectCall:
    """What the model says about one subject."""

    subject: str
    label: str  # 'all' or 'hem', the truth
    cells: int
    blasts: Interval  # share of its cells called ALL blast, Wilson over its cells
    answer: str  # one of `ANSWERS`

    @property
    def outcome(self) -> str:
        """One of `OUTCOMES`; an answer that is neither class is undecided."""
        if self.answer in (TOO_FEW, CANT_TELL):
            return "undecided"
        return "right" if self.answer == self.label else "wrong"


@dataclass(frozen=True)
class ClassCalls:
    """How the subjects of one class, or all of them, are called; shares with Wilson intervals."""

    label: str | None  # 'all', 'hem', or None for all subjects
    subjects: int
    right: Interval  # share of the subjects; all NaN where there are none
    wrong: Interval
    undecided: Interval


def calls(
    rows: Sequence[SubjectRow], *, cutoff: float, least_cells: int
) -> tuple[SubjectCall, ...]:
    """An answer for each subject, in the order of `rows`.

    A subject is called ALL ('all') where the 95 % Wilson interval of its share of cells called
    blast lies wholly above the cut-off, normal ('hem') where it lies wholly below, and "can't tell"
    where it holds the cut-off. With fewer than `least_cells` cells the answer is "too few cells",
    whatever they say.

    The interval takes a subject's cells as independent and knows nothing of how the model errs on
    this subject, so an answer is no diagnosis.

    Args:
        rows: from `subjects.rows`.
        cutoff: share of cells called blast, above 0 and below 1.
        least_cells: how many cells an answer needs, 1 or more.

    Raises:
        DataError: a cut-off or a number of cells out of range.
    """
    if not 0 < cutoff < 1:
        raise DataError(f"A cut-off is a share of cells above 0 and below 1, not {cutoff}.")
    if least_cells < 1:
        raise DataError(f"A subject's answer needs at least 1 cell, not {least_cells}.")
    return tuple(
        SubjectCall(
            subject=row.subject,
            label=row.label,
            cells=row.cells,
            blasts=row.blasts,
            answer=TOO_FEW if row.cells < least_cells else _answer(row.blasts, cutoff),
        )
        for row in rows
    )


def summary(called: Iterable[SubjectCall]) -> tuple[ClassCalls, ClassCalls, ClassCalls]:
    """How many subjects are called rightly, wrongly or not: ALL, normal, and all together."""
    every = tuple(called)
    parts = [(label, [c for c in every if c.label == label]) for label in ("all", "hem")]
    blasts, normals = (_counted(label, part) for label, part in parts)
    return blasts, normals, _counted(None, every)


def _answer(blasts: Interval, cutoff: float) -> str:
    if blasts.low <= cutoff <= blasts.high:
        return CANT_TELL
    return "all" if blasts.value > cutoff else "hem"


def _counted(label: str | None, called: Sequence[SubjectCall]) -> ClassCalls:
    outcomes = [call.outcome for call in called]
    shares = {name: intervals.wilson(outcomes.count(name), len(outcomes)) for name in OUTCOMES}
    return ClassCalls(label=label, subjects=len(outcomes), **shares)
