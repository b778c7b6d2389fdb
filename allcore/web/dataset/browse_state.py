"""What Browse is asked for, as the session and the address hold it."""

import math
from collections.abc import Collection, Sequence
from typing import Any

import streamlit as st

from allcore.audit.index.queries import Query, Shelf
from allcore.web.components import views

BROWSE = "browse"
LABELS, SUBJECTS, PARTS, TEXT = "class", "subjects", "part", "text"
MEASURE, RANGE, COPIES, READABLE = "measure", "range", "copies", "usable"
SORT, DESCENDING, LAYOUT, PAGE = "sort", "descending", "layout", "page"
"""Keys of the controls, and of the address."""
SAME_AS, ONLY, CHOSEN = "same_as", "only", "chosen"
"""Keys of what stands in the address without a control."""
IDS, SAID = "dataset_ids", "dataset_ids_said"
"""Ids that a finding or a selection leads to, and in a few words where they come from."""
LIMIT = 8
"""Cells that can be compared at once."""
_IN_ADDRESS = 20  # ids; more would make an address that is cut on its way
_NOTHING: dict[str, Any] = {
    LABELS: [], SUBJECTS: [], PARTS: [], TEXT: "", MEASURE: None, COPIES: "all", READABLE: "all",
}  # fmt: skip


def ask(
    *,
    subjects: Collection[str] = (),
    same_as: str = "",
    only: Collection[str] | None = None,
    said: str = "",
) -> None:
    """Turn to Browse with these filters alone; for buttons, as ``on_click``.

    Args:
        subjects: whose cells are asked for.
        same_as: image whose copies are asked for.
        only: ids that are asked for.
        said: where these come from, such as "Near duplicates".
    """
    clear()
    views.turn_to(BROWSE)
    st.session_state[SUBJECTS] = list(subjects)
    if same_as:
        st.query_params[SAME_AS] = same_as
    if only is not None:
        st.session_state[IDS], st.session_state[SAID] = list(only), said


def clear() -> None:
    """Take all filters back; order, layout and what is chosen stay."""
    for key, value in _NOTHING.items():
        st.session_state[key] = value
    st.session_state.pop(RANGE, None)
    st.query_params.pop(SAME_AS, None)
    show_all()


def show_all() -> None:
    """Take back that only some ids are shown."""
    for key in (IDS, SAID):
        st.session_state.pop(key, None)
    st.query_params.pop(ONLY, None)


def forget_copies() -> None:
    """Take back that only the copies of one image are shown."""
    st.query_params.pop(SAME_AS, None)


def only() -> Sequence[str] | None:
    """The ids that are shown alone; a few of them stand in the address as well."""
    if IDS not in st.session_state:
        named = st.query_params.get_all(ONLY)
        return named or None
    ids: Sequence[str] = st.session_state[IDS]
    if len(ids) <= _IN_ADDRESS and st.query_params.get_all(ONLY) != list(ids):
        st.query_params[ONLY] = list(ids)
    elif len(ids) > _IN_ADDRESS:
        st.query_params.pop(ONLY, None)
    return ids


def chosen(shelf: Shelf) -> list[str]:
    """Ids of the images that were chosen for comparing, as far as the data set has them."""
    named = list(dict.fromkeys(st.query_params.get_all(CHOSEN)))[:LIMIT]
    return [image_id for image_id in named if len(shelf.places([image_id]))]


def choose(image_ids: Sequence[str]) -> None:
    """Choose these images for comparing."""
    if image_ids:
        st.query_params[CHOSEN] = list(image_ids)[:LIMIT]
    else:
        st.query_params.pop(CHOSEN, None)


def query() -> Query:
    """What the controls, which are drawn before, and the address ask for."""
    state = st.session_state
    span = state.get(RANGE) if state.get(MEASURE) else None
    ids = only()
    return Query(
        labels=tuple(state.get(LABELS) or ()),
        subjects=tuple(state.get(SUBJECTS) or ()),
        splits=tuple(state.get(PARTS) or ()),
        text=state.get(TEXT) or "",
        measure=state.get(MEASURE) or "",
        low=span[0] if span else -math.inf,
        high=span[1] if span else math.inf,
        copies=state.get(COPIES) or "all",
        same_as=st.query_params.get(SAME_AS, ""),
        readable=state.get(READABLE) or "all",
        only=None if ids is None else frozenset(ids),
        sort=state.get(SORT) or "",
        descending=bool(state.get(DESCENDING)),
    )
