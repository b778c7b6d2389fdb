"""Filters, order and layout of Browse: their controls, and their state in session and address."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from allcore import formats
from allcore.audit.index import queries
from allcore.audit.index.queries import CatalogueQuery, QueryTable
from allcore.data import dataset_counts
from allcore.labels import CLASS_NAMES
from allcore.web import frame
from allcore.web.components import views
from allcore.web.dataset.context import DatasetContext

BROWSE = "browse"
LAYOUTS = {"pictures": "Gallery", "table": "Table", "compare": "Compare"}
LABELS, SUBJECTS, SPLITS, TEXT, TAG = "class", "subjects", "part", "text", "tag"
ERRORS = "errors"
MEASURE, RANGE, COPIES, READABLE = "measure", "range", "copies", "usable"
SORT, DESCENDING, LAYOUT, PAGE = "sort", "descending", "layout", "page"
"""Keys of the controls, and of the address."""
SAME_AS, ONLY = "same_as", "only"
"""Keys in the address that have no control."""
IDS, IDS_LABEL = "dataset_ids", "dataset_ids_said"
"""Session keys of image ids that another view has selected, and of what they are."""
NOT_INDEXED = "Filters by measure and by copies need the index: see Connect data."
MAX_IDS_IN_ADDRESS = 20
"""More would make an address that is cut on its way."""
_NOT_EXPORTED = ("indexed", "mtime_ns", "phash", "model_sha256", "map_x", "map_y")
_DEFAULTS: dict[str, Any] = {
    LABELS: [], SUBJECTS: [], SPLITS: [], TEXT: "", TAG: None, MEASURE: None, COPIES: "all",
    ERRORS: False,
    READABLE: "all",
}  # fmt: skip


def open_browse(
    *,
    subjects: Collection[str] = (),
    same_as: str = "",
    only: Collection[str] | None = None,
    label: str = "",
) -> None:
    """Turn to Browse with these filters alone; for buttons, as ``on_click``.

    The filters are subjects, an image whose copies to list, and ids with what they are.
    """
    clear_filters()
    views.turn_to(BROWSE)
    st.session_state[SUBJECTS] = list(subjects)
    if same_as:
        st.query_params[SAME_AS] = same_as
    if only is not None:
        st.session_state[IDS], st.session_state[IDS_LABEL] = list(only), label


def clear_filters() -> None:
    """Remove all filters; order, layout and selected images stay."""
    st.session_state.update(_DEFAULTS)
    st.session_state.pop(RANGE, None)
    for key in (SAME_AS, ONLY):
        _clear_address_filter(key)


def id_filter() -> Sequence[str] | None:
    """The ids that are listed alone; None without this filter. A few are put into the address."""
    if IDS not in st.session_state:
        return st.query_params.get_all(ONLY) or None
    ids: Sequence[str] = st.session_state[IDS]
    if len(ids) > MAX_IDS_IN_ADDRESS:
        st.query_params.pop(ONLY, None)
    elif st.query_params.get_all(ONLY) != list(ids):
        st.query_params[ONLY] = list(ids)
    return ids


def export_table(table: pd.DataFrame, matches: NDArray[np.intp]) -> pd.DataFrame:
    """Rows of the table, in this order, without columns that only the index needs."""
    return table[[name for name in table if name not in _NOT_EXPORTED]].iloc[matches]


def current_query(tags: Mapping[str, frozenset[str]]) -> CatalogueQuery:
    """The query that the controls, drawn before, and the address stand for.

    Args:
        tags: image ids by tag.
    """
    state = st.session_state
    span = state.get(RANGE) if state.get(MEASURE) else None
    ids = id_filter()
    only = None if ids is None else frozenset(ids)
    if (tagged := tags.get(state.get(TAG) or "")) is not None:
        only = tagged if only is None else only & tagged
    return CatalogueQuery(
        labels=tuple(state.get(LABELS) or ()),
        subjects=tuple(state.get(SUBJECTS) or ()),
        splits=tuple(state.get(SPLITS) or ()),
        text=state.get(TEXT) or "",
        measure=state.get(MEASURE) or "",
        low=span[0] if span else -math.inf,
        high=span[1] if span else math.inf,
        copies=state.get(COPIES) or "all",
        same_as=st.query_params.get(SAME_AS, ""),
        readable=state.get(READABLE) or "all",
        only=only,
        sort=state.get(SORT) or "",
        descending=bool(state.get(DESCENDING)),
    )


def show_filters(
    context: DatasetContext, tags: Mapping[str, frozenset[str]], *, errors: bool
) -> str:
    """Draw the controls of layout, filters and order, in one line; return a key of `LAYOUTS`.

    Args:
        context: of the page.
        tags: image ids by tag.
        errors: whether there are held-out predictions, so that errors can be filtered.
    """
    shelf, state = context.catalogue.shelf, st.session_state
    with st.container(horizontal=True, vertical_alignment="bottom"):
        layout = st.segmented_control(
            "Show as", list(LAYOUTS), default="pictures", required=True, key=LAYOUT,
            format_func=LAYOUTS.__getitem__, bind="query-params",
        )  # fmt: skip
        _multiselect("Class", shelf.values("label"), key=LABELS, names=CLASS_NAMES, width=150)
        _multiselect("Subject", shelf.values("subject"), key=SUBJECTS, width=170)
        if tags:
            _reset_unknown(TAG, list(tags), None)
            st.selectbox(
                "Tag", list(tags), index=None, placeholder="Any", key=TAG, width=150,
                bind="query-params",
            )  # fmt: skip
        st.text_input(
            "Name or path contains", key=TEXT, bind="query-params", width=180,
            icon=":material/search:",
        )  # fmt: skip
        keys = (SPLITS, MEASURE, COPIES, READABLE)
        active = sum(state.get(key) not in (None, "all", []) for key in keys)
        title = f"More filters ({active})" if active else "More filters"
        with st.popover(title, icon=":material/tune:"):
            known = shelf.values("split")
            splits = [name for name in dataset_counts.SPLITS if name in known]
            _multiselect("Split", splits, key=SPLITS, width=300)
            _show_index_filters(context)
        with st.popover("Sort", icon=":material/sort:"):
            _show_order(shelf)
        if errors:
            st.toggle(
                "Errors only", key=ERRORS, bind="query-params",
                help="Cells whose held-out prediction differs from the label, the most confident "
                "first.",
            )  # fmt: skip
    _show_id_filters(shelf)
    return str(layout)


def _show_order(shelf: QueryTable) -> None:
    titles = {name: fact.title for name, fact in shelf.measures.items()}
    columns = {"": "As in the data set", **queries.RECORDED, **titles}
    if shelf.measures:
        columns["copies"] = "Number of copies"
    _reset_unknown(SORT, list(columns), "")
    st.selectbox(
        "Sort by", list(columns), format_func=columns.__getitem__, key=SORT, width=220,
        bind="query-params",
    )  # fmt: skip
    st.toggle("Largest first", key=DESCENDING, bind="query-params")


def _clear_address_filter(key: str) -> None:
    st.query_params.pop(key, None)
    if key == ONLY:
        for state in (IDS, IDS_LABEL):
            st.session_state.pop(state, None)


def _show_index_filters(context: DatasetContext) -> None:
    if not context.catalogue.is_indexed:
        st.caption(NOT_INDEXED)
        return
    _show_range(context.catalogue.shelf)
    for title, options, key in (
        ("Copies", queries.COPIES, COPIES), ("Pictures", queries.READABLE, READABLE),
    ):  # fmt: skip
        st.segmented_control(
            title, list(options), default="all", required=True, key=key,
            format_func=options.__getitem__, bind="query-params",
        )  # fmt: skip


def _show_range(shelf: QueryTable) -> None:
    titles = {name: fact.title for name, fact in shelf.measures.items()}
    _reset_unknown(MEASURE, list(titles), None)
    measure = st.selectbox(
        "Measure", list(titles), index=None, placeholder="Any", key=MEASURE,
        format_func=titles.__getitem__, bind="query-params",
        on_change=lambda: st.session_state.pop(RANGE, None),
    )  # fmt: skip
    if measure is None:
        return
    span, fact = queries.value_range(shelf.table[measure]), shelf.measures[measure]
    current = st.session_state.get(RANGE)
    if current is not None and not (span.low <= current[0] <= current[1] <= span.high):
        st.session_state[RANGE] = (span.low, span.high)
    st.slider(
        f"{fact.title}, {fact.unit}" if fact.unit else fact.title,
        span.low, span.high, (span.low, span.high), span.step,
        key=RANGE, bind="query-params",
    )  # fmt: skip


def _multiselect(
    title: str, options: list[str], *, key: str, width: int, names: dict[str, str] | None = None
) -> None:
    """A control of several options; choosing none stands for all."""
    values = st.session_state.get(key)
    if values and not set(values) <= set(options):  # of another data set
        st.session_state[key] = [value for value in values if value in options]
    st.multiselect(
        title, options, key=key, placeholder="All", width=width, bind="query-params",
        format_func=lambda option: (names or {}).get(option, option),
    )  # fmt: skip


def _reset_unknown(key: str, options: list[str], default: Any) -> None:
    """Reset a control whose value is of another data set."""
    if st.session_state.get(key, default) not in (default, *options):
        st.session_state[key] = default


def _show_id_filters(shelf: QueryTable) -> None:
    """Draw the filters without a control, each with a button that removes it."""
    ids = id_filter()
    if ids is not None:
        known = len(shelf.places(ids))
        label = st.session_state.get(IDS_LABEL) or "chosen elsewhere"
        missing = f" ({len(ids) - known:,} are not in this data set)" if known < len(ids) else ""
        _show_address_filter(f"Only {formats.count(known, 'cell')}: {label}{missing}", ONLY)
    same_as = st.query_params.get(SAME_AS)
    if same_as:
        copies = len(shelf.family(same_as))
        text = f"Only the {formats.count(copies, 'image')} of the cell {same_as}"
        _show_address_filter(text if copies else f"{same_as} is not in this data set", SAME_AS)


def _show_address_filter(text: str, key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"chip_{key}"):
        st.markdown(f":material/filter_alt: {frame.plain(text)}", width="content")
        st.button(
            "Show all cells", icon=":material/close:", key=f"all_{key}",
            on_click=_clear_address_filter, args=(key,),
        )  # fmt: skip
