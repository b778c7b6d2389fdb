"""The whole evaluation to take along: one HTML report, and the tables as CSV."""

import datetime

import streamlit as st

from allcore.reports import evaluation_html
from allcore.web import evaluations, frame
from allcore.web.components.charts import choose_figure_format, show_csv_download
from allcore.web.evaluation import curves_view, subjects_view
from allcore.web.evaluation.context import Context


def show_export(context: Context) -> None:
    """Draw the view."""
    st.markdown(
        "Everything here says on its first line that it is for research use only. Figures are "
        "saved from the camera in their corner.",
        width=frame.TEXT_WIDTH,
    )
    choose_figure_format()
    _show_report_download(context)
    st.subheader("Tables", anchor=False)
    with st.container(horizontal=True):
        show_csv_download(
            curves_view.estimates_table(context), name=f"{context.source.name}-all-figures"
        )
        if context.subjects:
            show_csv_download(
                subjects_view.subjects_table(context), name=f"{context.source.name}-all-subjects"
            )


def _show_report_download(context: Context) -> None:
    st.subheader("Report", anchor=False)
    if context.source.folder is None:
        st.info(
            "A report needs a model's card, which predictions in a file don't bring.",
            icon=":material/description:",
        )
        return
    if not context.is_own:
        st.caption("The report is made at the model's own threshold, as its card is.")
    st.download_button(
        "Download the report as HTML",
        lambda: _html(context),
        file_name=f"{context.source.name}-evaluation.html",
        mime="text/html",
        icon=":material/article:",
        on_click="ignore",
    )


def _html(context: Context) -> str:
    model = context.source.model
    assert model is not None  # a file has no report
    return evaluation_html.evaluation_html(
        evaluations.evaluate_model(model),
        evaluations.predictions(context.source),
        model.info,
        date=datetime.datetime.now(datetime.UTC).date(),
    )
