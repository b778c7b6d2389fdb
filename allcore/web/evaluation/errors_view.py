"""The error explorer: the lists of cells, wide."""

import streamlit as st

from allcore import formats
from allcore.web import frame
from allcore.web.components.charts import show_csv_download
from allcore.web.evaluation import cell_lists
from allcore.web.evaluation.context import Context


def show_errors(context: Context) -> None:
    """Draw the view."""
    found = cell_lists.choose_cells(context)
    if st.session_state.get(cell_lists.SHOW) == "suspicious":
        _show_label_errors(context)
    cell_lists.show_cells(context, found, key="errors_cells")
    if len(found):
        show_csv_download(
            cell_lists.export_table(context, found),
            name=f"{context.source.name}-cells",
            label="Download this list as CSV",
        )


def _show_label_errors(context: Context) -> None:
    found = context.evaluated.label_errors
    if found is None:
        return
    flagged = formats.count(int(found.flagged.sum()), "label")
    st.caption(
        f"{flagged} stand out by confident learning (Northcutt et al., 2021) over held-out "
        "probabilities.",
        width=frame.TEXT_WIDTH,
    )
    mostly = [each for each in found.by_subject if each.mostly]
    if mostly:
        said = ", ".join(
            f"{frame.plain(each.subject)} ({each.flagged} of {each.cells})" for each in mostly[:8]
        )
        st.warning(
            f"Most cells of some subjects stand out: {said}. The model misjudges these subjects; "
            "that is no sign of wrong labels.",
            width=frame.TEXT_WIDTH,
        )
