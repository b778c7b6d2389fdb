"""The way of a single cell into the review queue, from the window that shows it."""

import streamlit as st

from allcore import formats
from allcore.errors import AllScopeError
from allcore.store import reviews
from allcore.store.reviews import ReviewItem
from allcore.web import accounts, frame


def show_review_mark(*, of: str, image_id: str) -> None:
    """Draw whether a cell is queued for blind review, or the button that queues it.

    Args:
        of: the model's name or the file's key.
        image_id: the cell.
    """
    try:
        queued = reviews.items(accounts.store(), of=of, image_id=image_id)
        if queued:
            _show_state(queued[0])
        elif accounts.visitor().may("keep"):
            _show_queue_button(of, image_id)
    except AllScopeError as error:
        frame.problem(error)


def _show_state(item: ReviewItem) -> None:
    who = accounts.visitor().name
    judged = reviews.judgements(accounts.store(), of=item.of, image_id=item.image_id)
    by = "an account that is gone" if item.added_by is None else frame.plain(item.added_by)
    if not who:
        by = "one of the accounts here"
    st.caption(
        f":material/inventory: In the review queue since {item.at:%d %B %Y} "
        f"({reviews.REASONS[item.reason]}, put there by {by}); judged by "
        f"{formats.count(len(judged), 'account')}.",
        width=frame.TEXT_WIDTH,
    )
    if not who or item.added_by != who or judged:
        return
    if st.button("Take it out of the queue", icon=":material/playlist_remove:", key="review_out"):
        store = accounts.store_to("keep")
        reviews.withdraw(store, who, of=item.of, image_ids=[item.image_id])
        st.rerun(scope="fragment")


def _show_queue_button(of: str, image_id: str) -> None:
    pressed = st.button(
        "Put this cell into the review queue",
        icon=":material/playlist_add:",
        key="review_in",
        help="Two others judge its picture on Review without seeing label or model. You have seen "
        "both, so it is not offered to you.",
    )
    if pressed:
        store, who = accounts.store_to("keep"), accounts.visitor().name
        reviews.queue_cells(store, who, of=of, reasons={image_id: "chosen"})
        st.rerun(scope="fragment")
