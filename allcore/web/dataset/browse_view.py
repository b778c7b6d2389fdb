"""The images of a data set: filtered, sorted, as a gallery, as a table or side by side."""

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
from allcore.web.components.picker import Card
from allcore.web.dataset import (
    browse_comparison,
    browse_filters,
    cell_window,
    held_out_answers,
    image_cards,
    selection,
)
from allcore.web.dataset.context import DatasetContext
from allcore.web.dataset.held_out_answers import ImagePredictions

METHOD = """
A picture shows the middle 360 x 360 pixels, so all cells are at one scale; the bar is 100 pixels
long. Measures are those of the index, taken inside the cell's mask. Images are copies of each other
where their textures agree, whatever their names, also rotated or mirrored: they may be one file
twice, or one cell under two subjects. The address of this page holds filters, order and selected
images: copy it to show somebody else the same.

In the gallery arrows, Home and End move, Enter opens a cell, Space or Ctrl-click selects it, Shift
selects a range and Ctrl+A the page. A picture is enlarged under the resting pointer; size and
brightness change the view alone.
"""
_LAST_QUERY = "browse_asked"
_MAX_LINKED_SUBJECTS = 5
_FRACTIONS = ("saturated", "straight", "redness", "elongation")


@guard.fragment  # a filter redraws the images, not the whole page
def show_browse(context: DatasetContext) -> None:
    """Draw the view."""
    tags = selection.tagged_images(context)
    predictions = held_out_answers.load_predictions(
        context.table, context.split, synthetic=context.synthetic
    )
    layout = browse_filters.show_filters(context, tags, errors=predictions is not None)
    selected = selection.selected_images(context.catalogue.shelf)
    if layout == "compare":
        selection.show_actions(context, selected)
        browse_comparison.show_comparison(context, selected)
    else:
        _show_matches(context, layout, browse_filters.current_query(tags), predictions, selected)
    with st.expander("Method"):
        frame.markdown(METHOD)


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


def _show_matches(
    context: DatasetContext,
    layout: str,
    query: CatalogueQuery,
    predictions: ImagePredictions | None,
    selected: list[str],
) -> None:
    if len(query.subjects) == 1:
        _show_subject(context, query.subjects[0])
    matches = context.catalogue.shelf.find(query)
    notes = None
    if predictions is not None and st.session_state.get(browse_filters.ERRORS):
        labels = context.table["label"]
        matches = predictions.errors_among(matches, labels, ranked=not query.sort)
        notes = predictions.words
    if not len(matches):
        st.info("No image meets all filters: remove one.", icon=":material/filter_alt_off:")
        clear = browse_filters.clear_filters
        st.button("Clear all filters", icon=":material/close:", on_click=clear)
        return
    bar = st.container(horizontal=True, vertical_alignment="center")
    with bar:
        page = _choose_page(context, query, matches)
    if layout == "table":
        selected = _show_table(context, page, matches, selected)
    else:
        cards = image_cards.make_cards(
            page.rows, synthetic=context.synthetic, measure=query.measure or query.sort, notes=notes
        )
        selected = _show_pictures(context, page, matches, selected, cards)
    with bar:  # after what is selected in this run
        selection.show_actions(context, selected)
    show_csv_download(
        lambda: browse_filters.export_table(context.table, matches),
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
    place = st.container(width="content")
    number = 1
    if pages > 1:
        number = st.pagination(pages, key=key, bind="query-params", width=picker.PAGES_WIDTH)
    page = shelf.page(matches, number)
    place.caption(f"{page.first:,} to {page.last:,} of {formats.count(page.total, 'image')}")
    return page


def _show_pictures(
    context: DatasetContext,
    page: ResultPage,
    matches: NDArray[np.intp],
    selected: list[str],
    cards: list[Card],
) -> list[str]:
    """Draw the gallery; return the ids that are selected now."""
    if not image_cards.any_file(context, page.rows):
        st.caption(":material/hide_image: None of these images is on this machine.")
    choice = picker.show_selectable(
        cards,
        image_cards.thumbnail_sources(context, page.rows),
        key="browse_cells",
        chosen=selected,
        limit=selection.MAX_SELECTED,
    )
    if list(choice.chosen) != selected:
        selection.select_images(choice.chosen)
    if choice.opened is not None:
        cell_window.open_row(context, choice.opened, matches)
    return list(choice.chosen)


def _show_table(
    context: DatasetContext, page: ResultPage, matches: NDArray[np.intp], selected: list[str]
) -> list[str]:
    """Draw the table; return the ids that are selected now, those of the marked rows included."""
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
        selection_mode="multi-row",
        key=f"browse_table_{page.number}",
    )
    marked = [row for row in event["selection"]["rows"] if row < len(page.rows)]
    ids = page.rows["image_id"].astype(str)
    if marked and st.button("Open the cell", icon=":material/open_in_full:", key="table_open"):
        cell_window.open_row(context, str(ids.iat[marked[0]]), matches)
    here = [str(ids.iat[row]) for row in marked]
    return [*(name for name in selected if name not in here), *here]


def _show_subject(context: DatasetContext, name: str) -> None:
    subject = subject_profile.profile_subject(context.catalogue.shelf, name)
    if not subject.cells:
        return
    with st.container(border=True):
        st.subheader(f"Subject {frame.plain(name)}", anchor=False)
        frame.markdown(frame.plain(subject_sentence(subject)))
        for beside in subject.measures:
            sentence = frame.plain(subject_profile.measure_sentence(beside))
            frame.markdown(f"- {sentence}")
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
