"""First view: headline metrics, confusion matrix, ROC curve, cells and subjects."""

import streamlit as st

from allcore import formats
from allcore.evaluation import metrics
from allcore.plots.evaluation import errors as error_plots
from allcore.reports.model_card import results
from allcore.web.components.charts import show_chart
from allcore.web.evaluation import cell_lists, curves_view, subjects_view
from allcore.web.evaluation.context import Context

HEADLINE = ("accuracy", "weighted_f1", "sensitivity", "specificity", "auroc")
_MATRIX = "evaluation_matrix"


def show_overview(context: Context) -> None:
    """Draw the view."""
    _show_headline(context)
    left, right = st.columns([9, 11], gap="large")
    with left:
        show_chart(
            error_plots.clickable_matrix(context.confusion),
            key=_MATRIX,
            name="confusion-matrix",
            on_select=_open_outcome,
            selection_mode="points",
            alt="Confusion matrix: counts and shares of each true class",
        )
        st.caption("Click a part of the matrix to see its cells.")
        curves_view.show_roc(context)
    with right:
        st.subheader("Cells", anchor=False)
        indices = cell_lists.choose_cells(context)
        cell_lists.show_cells(context, indices, key="overview_cells", per_page=12)
    st.subheader("Subjects", anchor=False)
    subjects_view.show_subject_table(context)


def _show_headline(context: Context) -> None:
    cards = st.container(horizontal=True)
    for key in HEADLINE:
        estimate = context.estimate(key)
        with cards.container(border=True, width=148):
            st.metric(metrics.TITLES[key], formats.number(estimate.value))
            st.caption(
                f"Over subjects  \n{formats.bounds(estimate.over_subjects)}  \n"
                f"Over cells  \n{formats.bounds(estimate.over_cells)}"
            )
    st.caption(results.intervals_text(context.evaluated.evaluation))


def _open_outcome() -> None:
    """Show the cells of the part of the matrix that was clicked."""
    points = st.session_state[_MATRIX]["selection"]["points"]
    if points:
        data = points[0].get("customdata")
        st.session_state[cell_lists.SHOW] = data[0] if isinstance(data, list) else data
