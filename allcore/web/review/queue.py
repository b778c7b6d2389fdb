"""The cells that a reviewer still has to judge, in an order that reveals nothing about them."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from allcore.store.reviews import DECIDING_JUDGEMENTS, Judgement, ReviewItem

_CURRENT, _SKIPPED, _TURN = "review_current", "review_skipped", "review_turn"


@dataclass(frozen=True)
class ReviewerQueue:
    """A queue as one account sees it."""

    # ids of cells that the account may judge and has not, and that too few others have
    waiting: tuple[str, ...]
    # the same where enough others have; another judgement is stored and decides nothing
    decided: tuple[str, ...]
    judgements: dict[str, Judgement]  # of the account by image id, the latest last
    chosen_by_hand: int  # number of cells that the account queued itself, having seen their label
    own_uploads: int  # number of uploaded images for which the account knows the model's answer


def reviewer_queue(
    items: Sequence[ReviewItem], judgements: Sequence[Judgement], username: str
) -> ReviewerQueue:
    """A queue for one account.

    The order depends on the account and the queue alone, so that a cell's place reveals neither
    why it is queued nor what others judged.
    """
    own = [judgement for judgement in judgements if judgement.username == username]
    own.sort(key=lambda judgement: judgement.changed_at or judgement.given_at)
    judged = {judgement.image_id: judgement for judgement in own}
    times = Counter(judgement.image_id for judgement in judgements)
    opened = [item for item in items if item.open_to(username) and item.image_id not in judged]
    closed = [item for item in items if not item.open_to(username)]

    def sort_key(item: ReviewItem) -> bytes:
        return hashlib.sha256(f"{username}\0{item.of}\0{item.image_id}".encode()).digest()

    ids = [item.image_id for item in sorted(opened, key=sort_key)]
    return ReviewerQueue(
        waiting=tuple(image_id for image_id in ids if times[image_id] < DECIDING_JUDGEMENTS),
        decided=tuple(image_id for image_id in ids if times[image_id] >= DECIDING_JUDGEMENTS),
        judgements=judged,
        chosen_by_hand=sum(not item.uploaded for item in closed),
        own_uploads=sum(item.uploaded for item in closed),
    )


def current_cell(queue: str, offered: Sequence[str], showable: Sequence[str]) -> str | None:
    """The cell shown; it stays until it is judged or skipped, whatever others do.

    Args:
        queue: name of the queue.
        offered: ids to take the next cell from, in order.
        showable: ids of all cells of the queue that have an image here.
    """
    of, current = st.session_state.get(_CURRENT) or ("", None)
    if of == queue and current in showable:
        return str(current)
    if not offered:
        return None
    skipped: set[tuple[str, str]] = st.session_state.setdefault(_SKIPPED, set())
    remaining = [image_id for image_id in offered if (queue, image_id) not in skipped]
    if not remaining:  # after the last one, the skipped ones come again
        skipped.difference_update((queue, image_id) for image_id in offered)
        remaining = list(offered)
    show_cell(queue, remaining[0])
    return remaining[0]


def show_cell(queue: str, image_id: str | None) -> None:
    """Show a cell next; None leaves the choice to `current_cell`."""
    st.session_state[_CURRENT] = None if image_id is None else (queue, image_id)
    st.session_state[_TURN] = turn_number() + 1


def skip_cell(queue: str, image_id: str) -> None:
    """Leave a cell for later in this session."""
    st.session_state.setdefault(_SKIPPED, set()).add((queue, image_id))
    show_cell(queue, None)


def turn_number() -> int:
    """Number of cells shown so far, by which each has a note field of its own."""
    return int(st.session_state.get(_TURN, 0))


def previous_cell(
    reviewer: ReviewerQueue, image_id: str | None, showable: Sequence[str]
) -> str | None:
    """The cell that the account judged before this one, else last; None without one."""
    order = list(reviewer.judgements)
    end = order.index(image_id) if image_id in reviewer.judgements else len(order)
    known = set(showable)
    return next((other for other in reversed(order[:end]) if other in known), None)
