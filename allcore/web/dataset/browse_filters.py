"""The controls of Browse: what is asked for, and how it is shown."""

from typing import Any

import streamlit as st

from allcore import formats
from allcore.audit.index import queries
from allcore.audit.index.queries import COPIES, READABLE, RECORDED, Shelf
from allcore.data import dataset_counts
from allcore.labels import CLASS_NAMES
from allcore.web import frame
from allcore.web.dataset import browse_state as state
from allcore.web.dataset.context import Context

LAYOUTS = {"pictures": "Pictures", "table": "Table", "compare": "Compare"}
NOT_INDEXED = (
    "This data set is not indexed yet, so nothing is known of quality and copies: start it under "
    "Connect data."
)


def show(context: Context) -> None:
    """Draw the filters."""
    shelf = context.catalogue.shelf
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _several("Class", shelf.values("label"), key=state.LABELS, names=CLASS_NAMES, width=165)
        known = shelf.values("split")
        splits = [name for name in dataset_counts.SPLITS if name in known]
        _several("Split", splits, key=state.PARTS, width=165)
        _several("Subject", shelf.values("subject"), key=state.SUBJECTS, width=210)
        st.text_input(
            "Name or path contains", key=state.TEXT, bind="query-params", width=190,
            icon=":material/search:",
        )  # fmt: skip
        active = _more_are_set()
        with st.popover(
            f"More filters ({active})" if active else "More filters", icon=":material/tune:"
        ):
            _more(context)
    _chips(shelf)


def order(shelf: Shelf) -> None:
    """Draw the controls of the order."""
    titles = {name: fact.title for name, fact in shelf.measures.items()}
    columns = {"": "As in the data set", **RECORDED, **titles}
    if shelf.measures:
        columns["copies"] = "Number of copies"
    _prune(state.SORT, list(columns), "")
    st.selectbox(
        "Sort by", list(columns), format_func=columns.__getitem__, key=state.SORT, width=220,
        bind="query-params",
    )  # fmt: skip
    st.toggle("Largest first", key=state.DESCENDING, bind="query-params")


def layout(chosen: int) -> str:
    """Draw the control of the layout; give a key of ``LAYOUTS``."""
    found = st.segmented_control(
        "Show as", list(LAYOUTS), default="pictures", required=True, key=state.LAYOUT,
        format_func=LAYOUTS.__getitem__, bind="query-params",
    )  # fmt: skip
    st.button(
        "Clear the choice",
        icon=":material/deselect:",
        help=f"{chosen} of {state.LIMIT} cells are chosen for comparing.",
        disabled=not chosen,
        key="browse_clear",
        on_click=state.choose,
        args=((),),
    )
    return found or "pictures"


def _more(context: Context) -> None:
    """Filters by what the index has measured."""
    shelf = context.catalogue.shelf
    if not context.catalogue.is_indexed:
        st.caption(NOT_INDEXED)
        return
    _range(shelf)
    for title, options, key in (
        ("Copies", COPIES, state.COPIES), ("Pictures", READABLE, state.READABLE),
    ):  # fmt: skip
        st.segmented_control(
            title, list(options), default="all", required=True, key=key,
            format_func=options.__getitem__, bind="query-params",
        )  # fmt: skip


def _range(shelf: Shelf) -> None:
    """A measure, and from where to where it may lie."""
    titles = {name: fact.title for name, fact in shelf.measures.items()}
    _prune(state.MEASURE, list(titles), None)
    measure = st.selectbox(
        "Measure", list(titles), index=None, placeholder="Any", key=state.MEASURE,
        format_func=titles.__getitem__, bind="query-params", on_change=_forget_range,
    )  # fmt: skip
    if measure is None:
        return
    span, fact = queries.ends(shelf.table[measure]), shelf.measures[measure]
    unit = f", {fact.unit}" if fact.unit else ""
    kept = st.session_state.get(state.RANGE)
    if kept is not None and not (span.low <= kept[0] <= kept[1] <= span.high):
        st.session_state[state.RANGE] = (span.low, span.high)
    st.slider(
        f"{fact.title}{unit}", span.low, span.high, (span.low, span.high), span.step,
        key=state.RANGE, bind="query-params",
    )  # fmt: skip


def _forget_range() -> None:
    st.session_state.pop(state.RANGE, None)


def _more_are_set() -> int:
    """Number of filters in the popover that let not everything pass."""
    held = st.session_state
    return sum(
        held.get(key) not in (None, "all") for key in (state.MEASURE, state.COPIES, state.READABLE)
    )


def _several(
    title: str, options: list[str], *, key: str, width: int, names: dict[str, str] | None = None
) -> None:
    """A control of several texts, none of which stands for all."""
    kept = st.session_state.get(key)
    if kept and not set(kept) <= set(options):  # of another data set
        st.session_state[key] = [each for each in kept if each in options]
    st.multiselect(
        title, options, key=key, placeholder="All", width=width, bind="query-params",
        format_func=lambda each: (names or {}).get(each, each),
    )  # fmt: skip


def _prune(key: str, options: list[str], default: Any) -> None:
    """Let a control fall back where what it holds is of another data set."""
    if st.session_state.get(key, default) not in (default, *options):
        st.session_state[key] = default


def _chips(shelf: Shelf) -> None:
    """What narrows the list without a control, each with the button that takes it back."""
    ids = state.only()
    if ids is not None:
        known = len(shelf.places(ids))
        said = st.session_state.get(state.SAID) or "chosen elsewhere"
        missing = f" ({len(ids) - known:,} are not in this data set)" if known < len(ids) else ""
        _chip(f"Only {formats.count(known, 'cell')}: {said}{missing}", "only", state.show_all)
    same_as = st.query_params.get(state.SAME_AS)
    if same_as:
        count = len(shelf.family(same_as))
        named = f"Only the {formats.count(count, 'image')} of the cell {same_as}"
        _chip(named if count else f"{same_as} is not in this data set", "same", state.forget_copies)


def _chip(said: str, key: str, take_back: Any) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"chip_{key}"):
        st.markdown(f":material/filter_alt: {frame.plain(said)}", width="content")
        st.button("Show all cells", icon=":material/close:", key=f"all_{key}", on_click=take_back)
