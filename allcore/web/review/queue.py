"""What a reviewer has before them: which cells still wait, in an order that tells nothing."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from allcore.store.reviews import DECIDING, Item, Judgement

_CURRENT, _SKIPPED, _TURN = "review_current", "review_skipped", "review_turn"


@dataclass(frozen=True)
class Desk:
    """One account's view of a queue.

    Attributes:
        waiting: ids of the cells that it may judge, has not, and that too few others have.
        settled: the same where enough others have: one more judgement is kept, but decides nothing.
        own: its judgements by cell, the last given or changed last.
        chosen: cells that it chose by hand, having seen their label, and so leaves to others.
        asked: uploaded pictures of which it knows the model's answer, and so leaves to others.
    """

    waiting: tuple[str, ...]
    settled: tuple[str, ...]
    own: dict[str, Judgement]
    chosen: int
    asked: int

    @property
    def total(self) -> int:
        """Cells that this account has judged or still has to."""
        return len(self.own) + len(self.waiting)


def desk(items: Sequence[Item], judgements: Sequence[Judgement], username: str) -> Desk:
    """Lay out a queue for one account.

    The order of the cells hangs on the account and the queue alone: a cell's place tells neither
    why it is there nor what others do.
    """
    mine = [each for each in judgements if each.username == username]
    mine.sort(key=lambda each: each.changed_at or each.given_at)
    own = {each.image_id: each for each in mine}
    times = Counter(each.image_id for each in judgements)
    free = [item for item in items if item.open_to(username) and item.image_id not in own]
    shuffled = [item.image_id for item in sorted(free, key=lambda item: _place(item, username))]
    shut = [item for item in items if not item.open_to(username)]
    return Desk(
        waiting=tuple(each for each in shuffled if times[each] < DECIDING),
        settled=tuple(each for each in shuffled if times[each] >= DECIDING),
        own=own,
        chosen=sum(not item.uploaded for item in shut),
        asked=sum(item.uploaded for item in shut),
    )


def current(of: str, offered: Sequence[str], queued: Sequence[str]) -> str | None:
    """The cell on the table; it stays there until it is judged or skipped, whatever others do.

    Args:
        of: the queue.
        offered: ids to take the next one from, in order.
        queued: ids of all cells of the queue that can be shown.
    """
    held = st.session_state.get(_CURRENT)
    if held and held[0] == of and held[1] in set(queued):
        return str(held[1])
    if not offered:
        return None
    skipped = _skipped()
    left = [each for each in offered if (of, each) not in skipped]
    if not left:  # once round: those that were skipped come again
        skipped.difference_update((of, each) for each in offered)
        left = list(offered)
    take(of, left[0])
    return left[0]


def take(of: str, image_id: str | None) -> None:
    """Put a cell on the table, or leave it to `current` to find the next one."""
    st.session_state[_CURRENT] = None if image_id is None else (of, image_id)
    st.session_state[_TURN] = turn() + 1


def skip(of: str, image_id: str) -> None:
    """Leave a cell for later in this session."""
    _skipped().add((of, image_id))
    take(of, None)


def turn() -> int:
    """Counts the cells that were on the table, so that each has a note field of its own."""
    return int(st.session_state.get(_TURN, 0))


def before(found: Desk, image_id: str | None, shown: Sequence[str]) -> str | None:
    """The cell that this account judged last, or before this one; None where there is none."""
    order = list(found.own)
    end = order.index(image_id) if image_id in found.own else len(order)
    can = set(shown)
    return next((each for each in reversed(order[:end]) if each in can), None)


def _skipped() -> set[tuple[str, str]]:
    skipped: set[tuple[str, str]] = st.session_state.setdefault(_SKIPPED, set())
    return skipped


def _place(item: Item, username: str) -> bytes:
    return hashlib.sha256(f"{username}\0{item.of}\0{item.image_id}".encode()).digest()
