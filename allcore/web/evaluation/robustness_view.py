"""Metrics under alterations of the pictures; computed ahead by ``evaluate --robustness``."""

import streamlit as st

from allcore import formats
from allcore.evaluation import metrics, robustness
from allcore.plots.evaluation import robustness as robustness_plots
from allcore.reports import json_files
from allcore.web import frame
from allcore.web.components.charts import show_chart
from allcore.web.evaluation.context import Context

METRIC = "robust_by"
"""Key of the control, and of the address."""


def show_robustness(context: Context) -> None:
    """Draw the view."""
    model = context.source.model  # of its held-out cells, whatever cells are shown
    results = None if model is None else json_files.read_robustness(model.folder)
    if results is None:
        frame.info(
            "Not measured yet: `python -m allcore evaluate --robustness` alters the pictures step "
            "by step and keeps what becomes of the figures.",
            icon=":material/tune:",
        )
        return
    metric = str(st.segmented_control(
        "Figure", robustness.METRICS, default="auroc", required=True,
        format_func=metrics.TITLES.__getitem__, key=METRIC, bind="query-params",
    ))  # fmt: skip
    show_chart(
        robustness_plots.robustness_curves(results, metric),
        name="robustness",
        alt=f"{metrics.TITLES[metric]} by how far pictures are altered",
    )
    of, bands = "unknown subjects", "without subjects there are no bands"
    if results.subjects is not None:
        of, bands = formats.count(results.subjects, "subject"), "bands are 95 % over subjects"
    frame.caption(
        f"{formats.count(results.cells, 'held-out cell')} of {of}, at the model's own threshold; "
        f"{bands}."
    )
    with st.expander("Command"):
        st.code(results.command, language="shell", wrap_lines=True)
