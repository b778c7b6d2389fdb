"""Slices: groups of cells on which the model does worse than on the rest, tested for chance."""

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from allcore import formats
from allcore.errors import AllScopeError
from allcore.evaluation import model_evaluation, slice_search, slices
from allcore.evaluation.slices import CountedSlices, Slice, SliceResult
from allcore.plots.evaluation import errors as error_plots
from allcore.store import slices as slice_store
from allcore.store.slices import SavedSlice
from allcore.web import accounts, frame
from allcore.web.components.charts import show_chart, show_csv_download
from allcore.web.evaluation import cell_lists
from allcore.web.evaluation.context import Context

METHOD = """
Each slice is compared with the rest of the cells by accuracy at the threshold above. Cells of one
subject resemble each other, so the test goes by subjects wherever a slice has enough of them, and
for a slice that is one subject by how far apart the other subjects of its class lie. All slices are
tried at once, so their p-values are adjusted (Holm, 1979); a slice counts as **worse** where its
adjusted p-value is below 0.05. Clusters are of the map, which the network itself has drawn: one
between the two classes is worse by its nature, and worth a look at what its cells have in common.
"""
_MOST = 14


def show_slices(context: Context) -> None:
    """Draw the view."""
    saved = saved_as_slices(context)
    prepared = _count_slices(context, saved, "|".join([context.key, *(one.key for one in saved)]))
    if not prepared.slices:
        st.info(
            "No slice can be made: there are no subjects, no measures of the pictures and no map "
            "for these cells.",
            icon=":material/pie_chart:",
        )
        return
    rows = slices.compare_slices(prepared, right=~context.wrong)
    worse, tried = [row for row in rows if row.worse], formats.count(len(rows), "slice")
    answer = f"Of {tried} tried, none is clearly worse than the rest."
    if worse:
        names = ", ".join(frame.plain(row.slice.title) for row in worse[:3])
        more = f" and {len(worse) - 3} more" if len(worse) > 3 else ""
        answer = (
            f"Of {tried} tried, **{len(worse)}** are clearly worse than the rest: {names}{more}."
        )
    st.markdown(answer)
    show_chart(
        error_plots.slice_bars(rows, most=_MOST),
        name="slices",
        alt="Difference in accuracy between each slice and the rest, with its interval",
    )
    selected = _show_slice_table(rows)
    show_csv_download(_export_table(rows), name=f"{context.source.name}-slices")
    if selected is not None:
        st.subheader(frame.plain(selected.slice.title), anchor=False)
        members = np.flatnonzero(selected.slice.members)
        wrong_first = members[np.argsort(~context.wrong[members], kind="stable")]
        cell_lists.show_cells(context, wrong_first, key="slice_cells")
    _show_saved_slices(context)
    with st.expander("How slices are tested"):
        frame.markdown(METHOD)


def show_save_form(context: Context, indices: NDArray[np.intp]) -> None:
    """Draw a form that saves some cells as a slice."""
    if not len(indices) or not accounts.visitor().may("keep"):
        return
    with st.form("keep_slice", clear_on_submit=True, width=frame.FORM_WIDTH):
        name = st.text_input("Save these cells as a slice named", max_chars=80)
        sent = st.form_submit_button("Save", icon=":material/bookmark_add:")
    if not sent:
        return
    ids = context.table["image_id"].iloc[indices].astype(str).tolist()
    try:
        store, who = accounts.store_to("keep"), accounts.visitor().name
        slice_store.save(store, who, of=context.source.key, name=name, image_ids=ids)
    except AllScopeError as error:
        frame.problem(error)
    else:
        st.success(f"Saved: see {frame.plain(name)} among the slices.", icon=":material/bookmark:")


def read_saved_slices(context: Context) -> tuple[SavedSlice, ...]:
    """The slices of this user and source; none, with a sentence, where they can't be read."""
    try:
        return slice_store.list_of(accounts.store(), accounts.visitor().name, of=context.source.key)
    except AllScopeError as error:
        frame.problem(error)
        return ()


def saved_as_slices(context: Context) -> list[Slice]:
    """The saved slices as sets of cells; ids that match no cell are left out."""
    ids = context.table["image_id"].astype(str).to_numpy()
    return [
        slices.selection_slice(str(saved.id), saved.name, saved.image_ids, image_ids=ids)
        for saved in read_saved_slices(context)
    ]


def _show_slice_table(rows: tuple[SliceResult, ...]) -> SliceResult | None:
    table = pd.DataFrame(
        {
            "Slice": row.slice.title,
            "Found": "worse" if row.worse else "",
            "Cells": row.cells,
            "Subjects": row.subjects,
            "Correct": formats.share(row.accuracy, row.cells),
            "Difference from the rest": formats.estimate(row.difference),
            "Adjusted p": "below 0.001" if row.p_adjusted < 0.001 else f"{row.p_adjusted:.3f}",
        }
        for row in rows
    )
    selection = st.dataframe(
        table, hide_index=True, on_select="rerun", selection_mode="single-row", key="slices_table",
        alt="One row a slice, the worst first",
    )  # fmt: skip
    selected = selection["selection"]["rows"]
    return rows[selected[0]] if selected and selected[0] < len(rows) else None


def _export_table(rows: tuple[SliceResult, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "slice": row.slice.title,
            "kind": row.slice.kind,
            "cells": row.cells,
            "subjects": row.subjects,
            "accuracy": row.accuracy.value,
            "accuracy_rest": row.rest.value,
            "difference": row.difference.value,
            "difference_low": row.difference.low,
            "difference_high": row.difference.high,
            "unit": row.unit,
            "p": row.p,
            "p_adjusted": row.p_adjusted,
            "worse": row.worse,
        }
        for row in rows
    )


@st.cache_resource(max_entries=8, show_spinner="Making slices")
def _count_slices(_context: Context, _saved: list[Slice], key: str) -> CountedSlices:
    points, table = _context.map_points, _context.table
    facts = pd.DataFrame(index=table.index) if _context.facts is None else _context.facts
    clusters = None if points is None else slice_search.find_clusters(points)
    candidates = slice_search.candidate_slices(
        table, facts.drop(columns="image_id", errors="ignore"), clusters
    )
    groups = model_evaluation.subject_groups(table)
    return slices.count_slices([*candidates, *_saved], labels=_context.sample.labels, groups=groups)


def _show_saved_slices(context: Context) -> None:
    """Draw the list of the saved slices, each with a button that removes it."""
    for saved in read_saved_slices(context):
        text, remove = st.columns([5, 1], vertical_alignment="center", width=frame.TEXT_WIDTH)
        text.markdown(f"**{frame.plain(saved.name)}**, {len(saved.image_ids):,} cells")
        if remove.button("Remove", key=f"remove_slice_{saved.id}", icon=":material/delete:"):
            try:
                slice_store.delete(accounts.store_to("keep"), accounts.visitor().name, saved.id)
            except AllScopeError as error:
                frame.problem(error)
            else:
                st.rerun()
