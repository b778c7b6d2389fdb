"""Filters, order and layout of Browse: their controls, and their state in session and address."""

import math
from collections.abc import Collection, Sequence
from typing import Any

import streamlit as st

from allcore import formats
from allcore.audit.index import queries
from allcore.audit.index.queries import CatalogueQuery, QueryTable
from allcore.data import dataset_counts
from allcore.labels import CLASS_NAMES
from allcore.web import frame
from allcore.web.components import views
from allcore.web.dataset.context import DatasetContext

BROWSE = "browse"
LAYOUTS = {"pictures": "Pictures", "table": "Table", "compare": "Compare"}
LABELS, SUBJECTS, SPLITS, TEXT = "class", "subjects", "part", "text"
MEASURE, RANGE, COPIES, READABLE = "measure", "range", "copies", "usable"
SORT, DESCENDING, LAYOUT, PAGE = "sort", "descending", "layout", "page"
"""Keys of the controls, and of the address."""
SAME_AS, ONLY, CHOSEN = "same_as", "only", "chosen"
"""Keys in the address that have no control."""
IDS, IDS_LABEL = "dataset_ids", "dataset_ids_said"
"""Session keys of image ids that another view has selected, and of what they are."""
MAX_COMPARED = 8
"""Most images that can be compared at once."""
NOT_INDEXED = (
    "This data set is not indexed yet, so nothing is known of quality and copies: start it under "
    "Connect data."
)
_MAX_IDS_IN_ADDRESS = 20  # more would make an address that is cut on its way
_DEFAULTS: dict[str, Any] = {
    LABELS: [], SUBJECTS: [], SPLITS: [], TEXT: "", MEASURE: None, COPIES: "all", READABLE: "all",
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
    """Remove all filters; order, layout and the images chosen for comparison stay."""
    st.session_state.update(_DEFAULTS)
    st.session_state.pop(RANGE, None)
    for key in (SAME_AS, ONLY):
        _clear_address_filter(key)


def id_filter() -> Sequence[str] | None:
    """The ids that are listed alone; None without this filter. A few are put into the address."""
    if IDS not in st.session_state:
        return st.query_params.get_all(ONLY) or None
    ids: Sequence[str] = st.session_state[IDS]
    if len(ids) > _MAX_IDS_IN_ADDRESS:
        st.query_params.pop(ONLY, None)
    elif st.query_params.get_all(ONLY) != list(ids):
        st.query_params[ONLY] = list(ids)
    return ids


def chosen_images(shelf: QueryTable) -> list[str]:
    """Ids of the images chosen for comparison that the data set has."""
    ids = list(dict.fromkeys(st.query_params.get_all(CHOSEN)))[:MAX_COMPARED]
    return [image_id for image_id in ids if len(shelf.places([image_id]))]


def choose_images(image_ids: Sequence[str]) -> None:
    """Choose these images for comparison."""
    if image_ids:
        st.query_params[CHOSEN] = list(image_ids)[:MAX_COMPARED]
    else:
        st.query_params.pop(CHOSEN, None)


def current_query() -> CatalogueQuery:
    """The query that the controls, drawn before, and the address stand for."""
    state = st.session_state
    span = state.get(RANGE) if state.get(MEASURE) else None
    ids = id_filter()
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
        only=None if ids is None else frozenset(ids),
        sort=state.get(SORT) or "",
        descending=bool(state.get(DESCENDING)),
    )


def show_filters(context: DatasetContext) -> None:
    """Draw the filters."""
    shelf = context.catalogue.shelf
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _multiselect("Class", shelf.values("label"), key=LABELS, names=CLASS_NAMES, width=165)
        known = shelf.values("split")
        splits = [name for name in dataset_counts.SPLITS if name in known]
        _multiselect("Split", splits, key=SPLITS, width=165)
        _multiselect("Subject", shelf.values("subject"), key=SUBJECTS, width=210)
        st.text_input(
            "Name or path contains", key=TEXT, bind="query-params", width=190,
            icon=":material/search:",
        )  # fmt: skip
        keys = (MEASURE, COPIES, READABLE)
        active = sum(st.session_state.get(key) not in (None, "all") for key in keys)
        title = f"More filters ({active})" if active else "More filters"
        with st.popover(title, icon=":material/tune:"):
            _show_index_filters(context)
    _show_id_filters(shelf)


def show_order(shelf: QueryTable) -> None:
    """Draw the controls of the order."""
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


def choose_layout(chosen: int) -> str:
    """Draw the control of the layout, and the button that clears the choice of images.

    Returns:
        A key of ``LAYOUTS``.
    """
    layout = st.segmented_control(
        "Show as", list(LAYOUTS), default="pictures", required=True, key=LAYOUT,
        format_func=LAYOUTS.__getitem__, bind="query-params",
    )  # fmt: skip
    st.button(
        "Clear the choice", icon=":material/deselect:", disabled=not chosen, key="browse_clear",
        help=f"{chosen} of {MAX_COMPARED} cells are chosen for comparing.",
        on_click=choose_images, args=((),),
    )  # fmt: skip
    return layout or "pictures"


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
