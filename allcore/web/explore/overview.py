"""First view: how often it is right, where the threshold stands, and the cells it gets wrong."""

import numpy as np
import streamlit as st

from allcore import plots_explorer
from allcore.evaluation import metrics, words
from allcore.web.charts import chart
from allcore.web.explore import cells, curve_figures, subjects_view
from allcore.web.explore.context import Context

HEADLINE = ("accuracy", "weighted_f1", "sensitivity", "specificity", "auroc")
_MATRIX = "evaluation_matrix"


def show(context: Context) -> None:
    """Draw the view."""
    headline(context)
    left, right = st.columns([9, 11], gap="large")
    with left:
        _matrix(context)
        curve_figures.roc(context)
    with right:
        st.subheader("Cells", anchor=False)
        found = cells.chosen(context)
        cells.grid(context, found, key="overview_cells", per_page=12)
    st.subheader("Subjects", anchor=False)
    subjects_view.table(context)


def headline(context: Context) -> None:
    """The figures that a reader wants first, each with both intervals."""
    shown = st.container(horizontal=True)
    for key in HEADLINE:
        figure = context.figure(key)
        with shown.container(border=True, width=148):
            value = "undefined" if np.isnan(figure.value) else f"{figure.value:.3f}"
            st.metric(metrics.TITLES[key], value)
            st.caption(
                f"Over subjects  \n{words.bounds(figure.subject)}  \n"
                f"Over cells  \n{words.bounds(figure.image)}"
            )
    st.caption("95 % intervals. Over subjects is the one to go by for a new subject.")


def _matrix(context: Context) -> None:
    chart(
        plots_explorer.clickable_matrix(context.confusion),
        key=_MATRIX,
        name="confusion-matrix",
        on_select=_open_outcome,
        selection_mode="points",
        alt="Confusion matrix: counts and shares of each true class",
    )
    st.caption("Click a part of the matrix to see its cells.")


def _open_outcome() -> None:
    """Show the cells of the part of the matrix that was clicked."""
    points = st.session_state[_MATRIX]["selection"]["points"]
    if points:
        data = points[0].get("customdata")
        st.session_state[cells.SHOW] = data[0] if isinstance(data, list) else data
