"""The images of a data set: filtered, sorted, as pictures, as a table or side by side."""

import base64
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from allcore import formats
from allcore.audit.index import subject_profile
from allcore.audit.index.queries import RECORDED, CatalogueQuery, ResultPage
from allcore.audit.index.subject_profile import SubjectProfile
from allcore.labels import CLASS_NAMES
from allcore.web import frame, guard
from allcore.web.components import picker
from allcore.web.components.charts import show_csv_download
from allcore.web.dataset import browse_comparison, browse_filters, cell_window, image_cards
from allcore.web.dataset.context import DatasetContext

METHOD = """
A picture shows the middle 360 x 360 pixels, so all cells are at one scale; the bar is 100 pixels
long. Measures are those of the index, taken inside the cell's mask. Images are copies of each other
where their textures agree, whatever their names, also turned or mirrored: they may be one file
twice, or one cell under two subjects. The address of this page holds filters, order and what is
chosen: copy it to show somebody else the same.

By keyboard: arrows, Home and End move, Enter opens a cell, Space chooses it for comparing.
"""
_LAST_QUERY = "browse_asked"
_MAX_LINKED_SUBJECTS = 5
_NOT_EXPORTED = ("indexed", "mtime_ns", "phash", "model_sha256", "map_x", "map_y")
_FRACTIONS = ("saturated", "straight", "redness", "elongation")


@guard.fragment  # a filter redraws the images, not the whole page
def show_browse(context: DatasetContext) -> None:
    """Draw the view."""
    shelf = context.catalogue.shelf
    browse_filters.show_filters(context)
    chosen = browse_filters.chosen_images(shelf)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        layout = browse_filters.choose_layout(len(chosen))
        if layout != "compare":
            browse_filters.show_order(shelf)
    if layout == "compare":
        browse_comparison.show_comparison(context, chosen)
    else:
        _show_matches(context, layout, chosen)
    with st.expander("Method"):
        st.markdown(METHOD, width=frame.TEXT_WIDTH)


def subject_sentence(subject: SubjectProfile) -> str:
    """A subject's images by class and split, with the number of copies and unusable ones."""
    labels = _list_counts({CLASS_NAMES.get(key, key): n for key, n in subject.labels.items()})
    parts = [f"{formats.count(subject.cells, 'cell')}: {labels}", _list_counts(subject.splits)]
    if subject.copied:
        parts.append(f"{subject.copied:,} with copies")
    if subject.unusable:
        parts.append(f"{subject.unusable:,} can't be used")
    return f"{'; '.join(parts)}."


def table_rows(context: DatasetContext, rows: pd.DataFrame, measures: list[str]) -> pd.DataFrame:
    """Rows for the table layout, with thumbnails as data URIs."""
    thumbnails = picker.thumbnail_store().get(image_cards.thumbnail_sources(context, rows))
    table = rows[[*RECORDED, *measures, "copies"]].assign(
        label=rows["label"].map(lambda label: CLASS_NAMES.get(label, label))
    )
    rounded = [name for name in measures if name not in _FRACTIONS]
    table[rounded] = table[rounded].astype(float).round(1)
    uris = [
        f"data:image/webp;base64,{base64.b64encode(webp).decode()}" if webp else None
        for webp in thumbnails
    ]
    table.insert(0, "picture", uris)
    return table if (rows["error"] == "").all() else table.assign(error=rows["error"])


def export_table(table: pd.DataFrame, matches: NDArray[np.intp]) -> pd.DataFrame:
    """The matching rows, in their order, without columns that only the index needs."""
    return table[[name for name in table if name not in _NOT_EXPORTED]].iloc[matches]


def _show_matches(context: DatasetContext, layout: str, chosen: list[str]) -> None:
    query = browse_filters.current_query()
    if len(query.subjects) == 1:
        _show_subject(context, query.subjects[0])
    matches = context.catalogue.shelf.find(query)
    if not len(matches):
        st.info("No image meets all filters: remove one.", icon=":material/filter_alt_off:")
        clear = browse_filters.clear_filters
        st.button("Clear all filters", icon=":material/close:", on_click=clear)
        return
    page = _choose_page(context, query, matches)
    if layout == "table":
        _show_table(context, page, matches, chosen)
    else:
        _show_pictures(context, page, matches, chosen, query.measure or query.sort)
    show_csv_download(
        lambda: export_table(context.table, matches),
        name=f"{context.manifest.name}-cells",
        label="Download this list as CSV",
        key="browse_csv",
    )


def _choose_page(
    context: DatasetContext, query: CatalogueQuery, matches: NDArray[np.intp]
) -> ResultPage:
    """Draw the control of pages; return the chosen one, the first after a change of the query."""
    shelf, state, key = context.catalogue.shelf, st.session_state, browse_filters.PAGE
    current = (context.name, query)
    changed = state.get(_LAST_QUERY, current) != current
    state[_LAST_QUERY] = current
    pages = shelf.page(matches, 1).pages
    if changed or state.get(key, 1) > pages:
        state[key] = 1
    number = st.pagination(pages, key=key, bind="query-params") if pages > 1 else 1
    page = shelf.page(matches, number)
    st.caption(f"{page.first:,} to {page.last:,} of {formats.count(page.total, 'image')}")
    return page


def _show_pictures(
    context: DatasetContext,
    page: ResultPage,
    matches: NDArray[np.intp],
    chosen: list[str],
    measure: str,
) -> None:
    if not image_cards.any_file(context, page.rows):
        st.caption(":material/hide_image: None of these pictures is on this machine.")
    choice = picker.show_selectable(
        image_cards.make_cards(page.rows, synthetic=context.synthetic, measure=measure),
        image_cards.thumbnail_sources(context, page.rows),
        key="browse_cells",
        chosen=chosen,
        limit=browse_filters.MAX_COMPARED,
    )
    if list(choice.chosen) != chosen:
        browse_filters.choose_images(choice.chosen)
        st.rerun(scope="fragment")
    if choice.opened is not None:
        cell_window.open_row(context, choice.opened, matches)


def _show_table(
    context: DatasetContext, page: ResultPage, matches: NDArray[np.intp], chosen: list[str]
) -> None:
    measures = context.catalogue.shelf.measures
    columns: dict[str, Any] = {
        "picture": st.column_config.ImageColumn("Picture", width="small"),
        **{name: st.column_config.TextColumn(title) for name, title in RECORDED.items()},
        **{
            name: st.column_config.NumberColumn(
                fact.title.split(" (")[0],
                help=", ".join(filter(None, (fact.title, fact.unit))),
                format="%.3f" if name in _FRACTIONS else "localized",
            )
            for name, fact in measures.items()
        },
        "copies": st.column_config.NumberColumn("Copies", help="Images of the same cell"),
        "error": st.column_config.TextColumn("Why it can't be used"),
    }
    event = st.dataframe(
        table_rows(context, page.rows, list(measures)),
        column_config=columns,
        hide_index=True,
        row_height=64,
        height=620,
        on_select="rerun",
        selection_mode="single-row",
        key=f"browse_table_{page.number}",
    )
    marked = event["selection"]["rows"]
    if not marked:
        st.caption("Mark a row to open its cell, or to choose it for comparing.")
    elif marked[0] < len(page.rows):
        _show_row_actions(context, str(page.rows["image_id"].iat[marked[0]]), matches, chosen)


def _show_row_actions(
    context: DatasetContext, image_id: str, matches: NDArray[np.intp], chosen: list[str]
) -> None:
    most, choose = browse_filters.MAX_COMPARED, browse_filters.choose_images
    with st.container(horizontal=True, vertical_alignment="center"):
        opened = st.button("Open the cell", icon=":material/open_in_full:", key="table_open")
        if image_id in chosen:
            label, ids = "Take off the choice", [name for name in chosen if name != image_id]
        else:
            label, ids = "Choose for comparing", [*chosen, image_id]
        st.button(label, key="table_choose", disabled=len(ids) > most, on_click=choose, args=(ids,))
        if chosen:
            st.markdown(f"{len(chosen)} of {most} chosen", width="content")
    if opened:
        cell_window.open_row(context, image_id, matches)


def _show_subject(context: DatasetContext, name: str) -> None:
    subject = subject_profile.profile_subject(context.catalogue.shelf, name)
    if not subject.cells:
        return
    with st.container(border=True):
        st.subheader(f"Subject {frame.plain(name)}", anchor=False)
        st.markdown(frame.plain(subject_sentence(subject)), width=frame.TEXT_WIDTH)
        for beside in subject.measures:
            sentence = frame.plain(subject_profile.measure_sentence(beside))
            st.markdown(f"- {sentence}", width=frame.TEXT_WIDTH)
        _show_linked_subjects(context, subject)


def _list_counts(counts: dict[str, int]) -> str:
    if len(counts) == 1:
        return f"all {next(iter(counts))}"
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def _show_linked_subjects(context: DatasetContext, subject: SubjectProfile) -> None:
    """Draw the subjects that share cells with this one, so that both may be one person."""
    for other in subject_profile.linked_subjects(subject)[:_MAX_LINKED_SUBJECTS]:
        ids = subject.shared[other]
        count = f"{formats.count(len(ids), 'cell')} also filed under subject {other}"
        text = f":material/warning: {frame.plain(count)}: the two may be one person."
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(text, width="content")
            st.button(
                "Show these",
                key=f"shared_{other}",
                on_click=browse_filters.open_browse,
                kwargs={
                    "only": subject_profile.with_copies(context.catalogue.shelf, ids),
                    "label": f"of {subject.name}, also filed under {other}",
                },
            )
