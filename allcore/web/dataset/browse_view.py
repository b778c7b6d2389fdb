"""The cells themselves: filtered, sorted, looked at and compared."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from allcore import formats
from allcore.audit.index.queries import Page, Query
from allcore.web import frame, guard
from allcore.web.components import picker
from allcore.web.components.charts import table_csv
from allcore.web.dataset import (
    browse_cards,
    browse_compare,
    browse_filters,
    browse_state,
    browse_subject,
    browse_table,
    cell_window,
)
from allcore.web.dataset.context import Context

METHOD = """
A picture shows the middle 360 x 360 pixels, so all cells are at one scale; the bar is 100 pixels
long. Measures are those of the index, taken inside the cell's mask. Images are copies of each other
where their textures agree, whatever their names, also turned or mirrored: they may be one file
twice, or one cell under two subjects. The address of this page holds filters, order and what is
chosen: copy it to show somebody else the same.
"""
KEYS = """
By keyboard: arrows, Home and End move, Enter opens a cell, Space chooses it for comparing.
"""
_ASKED = "browse_asked"


@guard.fragment  # a filter draws the cells anew, not all of the page
def show(context: Context) -> None:
    """Draw the view."""
    shelf = context.catalogue.shelf
    browse_filters.show(context)
    chosen = browse_state.chosen(shelf)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        layout = browse_filters.layout(len(chosen))
        if layout != "compare":
            browse_filters.order(shelf)
    if layout == "compare":
        browse_compare.show(context, chosen)
    else:
        _found(context, layout, chosen)
    with st.expander("Method"):
        st.markdown(METHOD, width=frame.TEXT_WIDTH)
        st.markdown(KEYS, width=frame.TEXT_WIDTH)


def _found(context: Context, layout: str, chosen: list[str]) -> None:
    """The images that meet the filters, a page of them."""
    query = browse_state.query()
    if len(query.subjects) == 1:
        browse_subject.show(context, query.subjects[0])
    found = context.catalogue.shelf.find(query)
    if not len(found):
        st.info("No image meets all filters: remove one.", icon=":material/filter_alt_off:")
        st.button("Clear all filters", icon=":material/close:", on_click=browse_state.clear)
        return
    page = _page(context, query, found)
    if layout == "table":
        browse_table.show(context, page, found, chosen)
    else:
        _pictures(context, page, found, chosen, query.measure or query.sort)
    table_csv(
        lambda: browse_table.exported(context.table, found),
        name=f"{context.manifest.name}-cells",
        label="Download this list as CSV",
        key="browse_csv",
    )


def _page(context: Context, query: Query, found: NDArray[np.intp]) -> Page:
    """The page that is turned to; the first one where something else is asked for."""
    shelf, held = context.catalogue.shelf, st.session_state
    asked = (context.name, query)
    if held.get(_ASKED, asked) != asked:
        held[browse_state.PAGE] = 1
    held[_ASKED] = asked
    pages = shelf.page(found, 1).pages
    if held.get(browse_state.PAGE, 1) > pages:
        held[browse_state.PAGE] = 1
    number = st.pagination(pages, key=browse_state.PAGE, bind="query-params") if pages > 1 else 1
    page = shelf.page(found, number)
    st.caption(f"{page.first:,} to {page.last:,} of {formats.count(page.total, 'image')}")
    return page


def _pictures(
    context: Context, page: Page, found: NDArray[np.intp], chosen: list[str], measure: str
) -> None:
    """A grid in which cells open and can be chosen."""
    sources = browse_cards.sources(context, page.rows)
    if not any(source.key for source in sources):
        st.caption(":material/hide_image: None of these pictures is on this machine.")
    choice = picker.choose(
        browse_cards.cards(page.rows, synthetic=context.synthetic, measure=measure),
        sources,
        key="browse_cells",
        chosen=chosen,
        limit=browse_state.LIMIT,
    )
    if list(choice.chosen) != chosen:
        browse_state.choose(choice.chosen)
        st.rerun(scope="fragment")
    if choice.opened is not None:
        cell_window.open_row(context, choice.opened, found)
