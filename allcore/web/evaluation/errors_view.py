"""The error explorer: the lists of cells over the whole width."""

import streamlit as st

from allcore import formats
from allcore.web import frame
from allcore.web.components.charts import show_csv_download
from allcore.web.evaluation import cell_lists
from allcore.web.evaluation.context import Context


def show_errors(context: Context) -> None:
    """Draw the view."""
    indices = cell_lists.choose_cells(context)
    if st.session_state.get(cell_lists.SHOW) == "suspicious":
        _show_label_errors(context)
    cell_lists.show_cells(context, indices, key="errors_cells")
    if len(indices):
        table, name = cell_lists.export_table(context, indices), f"{context.source.name}-cells"
        show_csv_download(table, name=name, label="Download this list as CSV")


def _show_label_errors(context: Context) -> None:
    label_errors = context.evaluated.label_errors
    if label_errors is None:
        return
    flagged = formats.count(int(label_errors.flagged.sum()), "label")
    st.caption(
        f"{flagged} stand out by confident learning (Northcutt et al., 2021) over held-out "
        "probabilities.",
        width=frame.TEXT_WIDTH,
    )
    mostly = [subject for subject in label_errors.by_subject if subject.mostly]
    if mostly:
        names = ", ".join(
            f"{frame.plain(subject.subject)} ({subject.flagged} of {subject.cells})"
            for subject in mostly[:8]
        )
        st.warning(
            f"Most cells of some subjects stand out: {names}. The model misjudges these subjects; "
            "that is no sign of wrong labels.",
            width=frame.TEXT_WIDTH,
        )
