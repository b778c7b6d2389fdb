"""Window of one cell, opened by a click or by the address."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from allcore import formats
from allcore.errors import AllScopeError
from allcore.evaluation import outcomes
from allcore.store import reviews
from allcore.store.reviews import ReviewItem
from allcore.web import accounts, frame, guard
from allcore.web.components import cell_details
from allcore.web.components.cell_details import CellContext
from allcore.web.evaluation.context import Context
from allcore.web.evaluation.sources import CELL

_ORDER = "cell_order"


def open_cell(context: Context, image_id: str, order: Sequence[str]) -> None:
    """Open a cell of a list of ids, which the window's buttons step through."""
    st.session_state[_ORDER] = list(order)
    st.query_params[CELL] = image_id
    _show_dialog(context)


def open_from_address(context: Context) -> None:
    """Open the cell that the address names, once a visit."""
    image_id = st.query_params.get(CELL)
    if not image_id or st.session_state.get(_ORDER):
        return
    if image_id not in set(context.table["image_id"]):
        frame.warning(
            f"The cell {frame.plain(image_id)} of this address is not among the cells shown."
        )
        return
    open_cell(context, image_id, [image_id])


def _forget_cell() -> None:
    st.query_params.pop(CELL, None)
    st.session_state.pop(_ORDER, None)


@guard.dialog("Cell", width="large", on_dismiss=_forget_cell)
def _show_dialog(context: Context) -> None:
    order: list[str] = st.session_state[_ORDER]
    image_id = st.query_params.get(CELL, order[0])
    at = order.index(image_id) if image_id in order else 0
    step = cell_details.show_cell(_cell_context(context, order[at], at, len(order)))
    if step:
        st.query_params[CELL] = order[(at + step) % len(order)]
        st.rerun(scope="fragment")
    if not context.source.synthetic:
        show_review_mark(of=context.source.key, image_id=order[at])


def _cell_context(context: Context, image_id: str, at: int, of: int) -> CellContext:
    place = context.table.index[context.table["image_id"] == image_id][0]
    row: dict[str, Any] = context.table.loc[place].to_dict()
    facts, percentiles = _facts(context, int(place))
    return CellContext(
        row=row | {"outcome": outcomes.OUTCOMES[str(context.outcomes[place])]},
        threshold=context.threshold,
        model=context.source.model,
        images=context.images,
        facts=facts,
        percentiles=percentiles,
        position=(at, of),
    )


def _facts(context: Context, place: int) -> tuple[dict[str, float], dict[str, float]]:
    """Measures of a cell's picture, and the percentage of cells below each of them."""
    try:
        measures = context.facts
    except AllScopeError as error:  # the rest of the cell can be shown without measures
        frame.problem(error)
        measures = None
    if measures is None:
        return {}, {}
    numbers = measures.select_dtypes("number").astype(float)
    values = numbers.iloc[place]
    known = values[values.notna()]
    below = (numbers[known.index] < known).mean() * 100
    flags = measures.select_dtypes("bool").iloc[place]
    return dict(known) | {str(name): bool(flag) for name, flag in flags.items()}, dict(below)


def show_review_mark(*, of: str, image_id: str) -> None:
    """Draw whether a cell is queued for blind review, or the button that queues it.

    `of` is the model's name or the file's key.
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
    frame.caption(
        f":material/inventory: In the review queue since {item.at:%d %B %Y} "
        f"({reviews.REASONS[item.reason]}, put there by {by}); judged by "
        f"{formats.count(len(judged), 'account')}."
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
