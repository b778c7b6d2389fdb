"""First view: confusion matrix, ROC curve, cells, headline metrics and subjects."""

import streamlit as st

from allcore import formats
from allcore.evaluation import metrics
from allcore.plots.evaluation import errors as error_plots
from allcore.reports.model_card import results
from allcore.web import guard
from allcore.web.components import picker
from allcore.web.components.charts import show_chart
from allcore.web.evaluation import cell_lists, curves_view, subjects_view
from allcore.web.evaluation.context import Context

HEADLINE = ("accuracy", "weighted_f1", "sensitivity", "specificity", "auroc")
_MATRIX = "evaluation_matrix"
_PER_PAGE = 8


def show_overview(context: Context) -> None:
    """Draw the view."""
    figures, gallery = st.columns([13, 8], gap="medium")
    with figures:
        matrix, roc = st.columns(2, gap="small")
        with matrix:
            show_chart(
                error_plots.clickable_matrix(context.confusion),
                key=_MATRIX,
                name="confusion-matrix",
                on_select=_open_outcome,
                selection_mode="points",
                alt="Confusion matrix: counts and shares of each actual class",
            )
        with roc:
            curves_view.show_roc(context, compact=True)
        _show_headline(context)
    with gallery:
        _show_gallery(context)
    st.subheader("Subjects", anchor=False)
    subjects_view.show_subject_table(context)


@guard.fragment
def _show_gallery(context: Context) -> None:
    indices = cell_lists.choose_cells(context, filters=False)
    cell_lists.show_cells(
        context, indices, key="overview_cells", per_page=_PER_PAGE, size=picker.SMALL
    )


def _show_headline(context: Context) -> None:
    cards = st.container(horizontal=True, gap="xsmall")
    for key in HEADLINE:
        estimate = context.estimate(key)
        with cards.container(width=112, gap="xxsmall"):
            st.metric(
                metrics.TITLES[key],
                formats.number(estimate.value),
                help=f"95 % interval over cells {formats.bounds(estimate.over_cells)}",
            )
            st.caption(formats.bounds(estimate.over_subjects))
    evaluation = context.evaluated.evaluation
    st.caption(
        f"{evaluation.size_text}. {results.intervals_text(evaluation)} Click a part of the matrix "
        "to see its cells."
    )


def _open_outcome() -> None:
    """Show the cells of the part of the matrix that was clicked."""
    points = st.session_state[_MATRIX]["selection"]["points"]
    if points:
        data = points[0].get("customdata")
        st.session_state[cell_lists.SHOW] = data[0] if isinstance(data, list) else data
