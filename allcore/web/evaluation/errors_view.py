"""The error explorer: the lists of cells over the whole width, with what can be done with some."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from allcore import formats
from allcore.errors import AllScopeError
from allcore.store import reviews
from allcore.web import accounts, frame, guard
from allcore.web.components.charts import show_csv_download
from allcore.web.evaluation import cell_lists, slices_view
from allcore.web.evaluation.context import Context


@guard.fragment
def show_errors(context: Context) -> None:
    """Draw the view."""
    indices = cell_lists.choose_cells(context)
    if st.session_state.get(cell_lists.SHOW) == "suspicious":
        _show_label_errors(context)
    cell_lists.show_cells(context, indices, key="errors_cells", actions=_show_actions)
    if len(indices):
        table, name = cell_lists.export_table(context, indices), f"{context.source.name}-cells"
        show_csv_download(table, name=name, label="Download this list as CSV")


def _show_actions(context: Context, indices: NDArray[np.intp]) -> None:
    """Draw what can be done with the selected cells."""
    name = f"{context.source.name}-selected-cells"
    show_csv_download(cell_lists.export_table(context, indices), name=name, label="CSV")
    if not accounts.visitor().may("keep"):
        return
    with st.popover("Save as slice", icon=":material/bookmark_add:"):
        slices_view.show_save_form(context, indices)
    if not context.source.synthetic and st.button("Queue for review", icon=":material/inbox:"):
        ids = context.table["image_id"].iloc[indices].astype(str)
        try:
            store, who = accounts.store_to("keep"), accounts.visitor().name
            reasons = dict.fromkeys(ids, "chosen")
            reviews.queue_cells(store, who, of=context.source.key, reasons=reasons)
        except AllScopeError as error:
            frame.problem(error)
        else:
            st.toast(f"{formats.count(len(ids), 'cell')} in the review queue.")


def _show_label_errors(context: Context) -> None:
    label_errors = context.evaluated.label_errors
    if label_errors is None:
        return
    flagged = formats.count(int(label_errors.flagged.sum()), "label")
    frame.caption(
        f"{flagged} stand out by confident learning (Northcutt et al., 2021) over held-out "
        "probabilities."
    )
    mostly = [subject for subject in label_errors.by_subject if subject.mostly]
    if mostly:
        names = ", ".join(
            f"{frame.plain(subject.subject)} ({subject.flagged} of {subject.cells})"
            for subject in mostly[:8]
        )
        frame.warning(
            f"Most cells of some subjects stand out: {names}. The model misjudges these subjects; "
            "that is no sign of wrong labels."
        )
