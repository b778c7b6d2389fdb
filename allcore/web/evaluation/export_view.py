"""Downloads of the evaluation: one HTML report, and the tables as CSV."""

import datetime

import streamlit as st

from allcore.model_folder import InstalledModel
from allcore.reports import evaluation_html
from allcore.web import evaluations, frame
from allcore.web.components.charts import choose_figure_format, show_csv_download
from allcore.web.evaluation import curves_view, subjects_view
from allcore.web.evaluation.context import Context
from allcore.web.evaluations import PredictionSource


def show_export(context: Context) -> None:
    """Draw the view."""
    frame.markdown(
        "Every file says that it is for research use only. Figures are saved from the camera in "
        "their corner."
    )
    choose_figure_format()
    st.subheader("Report", anchor=False)
    if context.source.model is None:
        st.info(
            "A report needs a model's card, which predictions in a file don't bring.",
            icon=":material/description:",
        )
    else:
        _show_report_download(context.source.model)
    st.subheader("Tables", anchor=False)
    name = context.source.name
    with st.container(horizontal=True):
        show_csv_download(
            curves_view.estimates_table(context),
            name=f"{name}-all-figures",
            label="Metrics as CSV",
        )
        if context.subjects:
            show_csv_download(
                subjects_view.subjects_table(context),
                name=f"{name}-all-subjects",
                label="Subjects as CSV",
            )


def _show_report_download(model: InstalledModel) -> None:
    st.caption("Of the model's held-out cells at its own threshold, as its card is.")
    st.download_button(
        "Download the report as HTML",
        lambda: evaluation_html.evaluation_html(
            evaluations.evaluate_model(model),
            evaluations.predictions(PredictionSource.of_model(model)),
            model.info,
            date=datetime.datetime.now(datetime.UTC).date(),
        ),
        file_name=f"{model.name}-evaluation.html",
        mime="text/html",
        icon=":material/article:",
        on_click="ignore",
    )
