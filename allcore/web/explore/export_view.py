"""The whole evaluation to take along: one HTML report, and the tables as CSV."""

import datetime

import streamlit as st

from allcore import report_html
from allcore.evaluation import report
from allcore.web import evaluated, frame
from allcore.web.charts import figure_format, table_csv
from allcore.web.explore import curve_figures, subjects_view
from allcore.web.explore.context import Context


def show(context: Context) -> None:
    """Draw the view."""
    st.markdown(
        "Everything here says on its first line that it is for research use only. Figures are "
        "saved from the camera in their corner.",
        width=frame.TEXT_WIDTH,
    )
    figure_format()
    _report(context)
    st.subheader("Tables", anchor=False)
    with st.container(horizontal=True):
        table_csv(curve_figures.figures_table(context), name=f"{context.source.name}-all-figures")
        if context.subjects:
            table_csv(
                subjects_view.subjects_frame(context), name=f"{context.source.name}-all-subjects"
            )


def _report(context: Context) -> None:
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
    model = evaluated.load(context.source.key)
    return report_html.html(
        report.evaluate(model.predictions, model.info),
        model.predictions,
        model.info,
        date=datetime.datetime.now(datetime.UTC).date(),
    )
