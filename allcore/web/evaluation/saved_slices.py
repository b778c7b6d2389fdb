"""Slices that a user has named and saved."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from allcore.errors import AllScopeError
from allcore.evaluation import slices as evaluated_slices
from allcore.evaluation.slices import Slice
from allcore.store import slices
from allcore.store.slices import SavedSlice
from allcore.web import accounts, frame
from allcore.web.evaluation.context import Context


def show_save_form(context: Context, indices: NDArray[np.intp]) -> None:
    """Draw a form that saves some cells as a slice."""
    if not len(indices) or not accounts.visitor().may("keep"):
        return
    with st.form("keep_slice", clear_on_submit=True, width=frame.FORM_WIDTH):
        name = st.text_input("Keep these cells as a slice named", max_chars=80)
        sent = st.form_submit_button("Keep", icon=":material/bookmark_add:")
    if not sent:
        return
    ids = context.table["image_id"].iloc[indices].astype(str).tolist()
    try:
        store, who = accounts.store_to("keep"), accounts.visitor().name
        slices.save(store, who, of=context.source.key, name=name, image_ids=ids)
    except AllScopeError as error:
        frame.problem(error)
    else:
        st.success(f"Kept: see {frame.plain(name)} among the slices.", icon=":material/bookmark:")


def read_saved_slices(context: Context) -> tuple[SavedSlice, ...]:
    """The slices of this user and source; none, with a sentence, where they can't be read."""
    try:
        return slices.list_of(accounts.store(), accounts.visitor().name, of=context.source.key)
    except AllScopeError as error:
        frame.problem(error)
        return ()


def as_slices(context: Context) -> list[Slice]:
    """The saved slices as sets of cells; ids that match no cell are left out."""
    ids = context.table["image_id"].astype(str).to_numpy()
    return [
        evaluated_slices.selection_slice(str(saved.id), saved.name, saved.image_ids, image_ids=ids)
        for saved in read_saved_slices(context)
    ]


def show_saved_slices(context: Context) -> None:
    """Draw the list of the saved slices, each with a button that removes it."""
    for saved in read_saved_slices(context):
        text, remove = st.columns([5, 1], vertical_alignment="center", width=frame.TEXT_WIDTH)
        text.markdown(f"**{frame.plain(saved.name)}**, {len(saved.image_ids):,} cells")
        if remove.button("Remove", key=f"remove_slice_{saved.id}", icon=":material/delete:"):
            try:
                slices.delete(accounts.store_to("keep"), accounts.visitor().name, saved.id)
            except AllScopeError as error:
                frame.problem(error)
            else:
                st.rerun()
