"""One cell in a window of its own, reached by a click or by its address."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from allcore.errors import AllScopeError
from allcore.evaluation import outcomes
from allcore.web import frame, guard
from allcore.web.components import cell_details
from allcore.web.components.cell_details import CellContext
from allcore.web.evaluation import review_marks
from allcore.web.evaluation.context import Context

CELL = "cell"
"""Key of the open cell in the address."""
_ORDER = "cell_order"


def open_cell(context: Context, image_id: str, order: Sequence[str]) -> None:
    """Open a cell; the ids of its list, in order, lead to the ones before and after it."""
    st.session_state[_ORDER] = list(order)
    st.query_params[CELL] = image_id
    _show_dialog(context)


def open_from_address(context: Context) -> None:
    """Open the cell that the address names, once a visit."""
    image_id = st.query_params.get(CELL)
    if not image_id or st.session_state.get(_ORDER):
        return
    if image_id not in set(context.table["image_id"]):
        st.warning(
            f"The cell {frame.plain(image_id)} of this address is not among the cells shown.",
            width=frame.TEXT_WIDTH,
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
    step = cell_details.show(_cell_context(context, order[at], at, len(order)))
    if step:
        st.query_params[CELL] = order[(at + step) % len(order)]
        st.rerun(scope="fragment")
    review_marks.show_review_mark(of=context.source.key, image_id=order[at])


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
    """The measures of a cell's picture, and the share of cells below each of them."""
    try:
        measures = context.facts
    except AllScopeError as error:  # the cell has more to tell than its measures
        frame.problem(error)
        return {}, {}
    if measures is None:
        return {}, {}
    numbers = measures.select_dtypes("number").astype(float)
    values = numbers.iloc[place]
    known = values[values.notna()]
    below = (numbers[known.index] < known).mean() * 100
    flags = measures.select_dtypes("bool").iloc[place]
    return dict(known) | {str(name): bool(flag) for name, flag in flags.items()}, dict(below)
