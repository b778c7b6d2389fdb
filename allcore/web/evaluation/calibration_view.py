"""Reliability curves, calibration error and coverage of the prediction sets."""

from dataclasses import replace

import numpy as np
import streamlit as st
from scipy.special import expit

from allcore import formats
from allcore.evaluation import conformal, curves, metrics
from allcore.evaluation.curves import ReliabilityCurve
from allcore.evaluation.estimates import Sample
from allcore.plots.evaluation import curves as curve_plots
from allcore.reports.model_card import results
from allcore.web import evaluations, frame
from allcore.web.components.charts import show_chart
from allcore.web.evaluation.context import Context


def show_calibration(context: Context) -> None:
    """Draw the view."""
    before, after = _curves(context, context.key)
    if _is_out_of_fold(context) or context.source.info is None:
        before = None  # only calibrated log-odds are stored
    show_chart(
        curve_plots.calibration(
            before, after, errors=(_error(_uncalibrated(context)), _error(context.sample))
        ),
        name="calibration",
        alt="Share of ALL blasts by predicted probability, before and after calibration",
    )
    estimate = context.estimate("ece")
    frame.markdown(
        f"Expected calibration error **{estimate.value:.3f}** ({formats.both_bounds(estimate)})."
    )
    frame.caption(_method_text(context))
    model = context.source.model
    coverage = model and conformal.coverage_in_use(evaluations.evaluate_model(model).coverage)
    if coverage:  # a file has no prediction sets
        st.markdown(f"**{results.SETS_TITLE}**")
        frame.markdown(frame.plain(results.coverage_text(coverage)))
        frame.caption(
            "Of all held-out cells, whatever split is chosen above. The model's card compares "
            "the rules that were tried."
        )


def _is_out_of_fold(context: Context) -> bool:
    info = context.source.info
    out_of_fold = info is not None and bool(info.training.get("out_of_fold"))
    return out_of_fold and not context.source.synthetic


def _method_text(context: Context) -> str:
    info = context.source.info
    if info is None:
        return "A file's probabilities are shown as they came."
    if _is_out_of_fold(context):
        return (
            "An out-of-fold model is calibrated fold by fold on other folds than it is shown for "
            "(Platt scaling); only the calibrated log-odds are kept, so there is no curve "
            "from before."
        )
    return (
        f"Before: the sigmoid of the network's log-odds. After: divided by the temperature "
        f"{info.temperature:.2f}, found on validation cells."
    )


def _uncalibrated(context: Context) -> Sample:
    logits = context.table["logit"].to_numpy(dtype=float)
    return replace(context.sample, probabilities=expit(logits))


def _error(sample: Sample) -> float:
    table = metrics.residual_table(labels=sample.labels, probabilities=sample.probabilities)
    return float(np.asarray(metrics.calibration_error(table.sum(0))))


@st.cache_resource(max_entries=8, show_spinner=False)
def _curves(_context: Context, key: str) -> tuple[ReliabilityCurve | None, ReliabilityCurve]:
    before = curves.reliability_curve(_uncalibrated(_context))
    return before, curves.reliability_curve(_context.sample)
