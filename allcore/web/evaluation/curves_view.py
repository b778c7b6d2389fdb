"""ROC, precision and recall, all metrics, and predictive values, of one model or several."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from allcore import formats, model_folder
from allcore.errors import AllScopeError
from allcore.evaluation import curves, metrics, prevalence
from allcore.evaluation.curves import PrecisionRecallCurve, RocCurve
from allcore.evaluation.estimates import Estimate
from allcore.evaluation.metrics import Floats
from allcore.plots.evaluation import curves as curve_plots
from allcore.reports import evaluation_html
from allcore.web import evaluations, frame
from allcore.web.components.charts import show_chart, show_csv_download
from allcore.web.evaluation import sources
from allcore.web.evaluation.context import Context
from allcore.web.evaluations import EvaluatedSplit, PredictionSource

BESIDE, PREVALENCE = "beside", "prevalence"
"""Keys of the controls, and of the address."""
ONE_CLASS = "A ROC curve and what follows from it need cells of both classes."
_GRID = np.concatenate([np.geomspace(0.001, 0.1, 40), np.linspace(0.11, 0.99, 60)])


class ModelCurves(NamedTuple):
    """The curves of one model, its areas by name, and its metrics at its threshold."""

    roc: RocCurve
    precision_recall: PrecisionRecallCurve
    areas: Mapping[str, Estimate]
    values: Mapping[str, Floats]


def show_curves(context: Context) -> None:
    """Draw the view."""
    if not has_both_classes(context.evaluated):
        st.info(ONE_CLASS, icon=":material/info:")
        show_estimates(context)
        return
    beside = _choose_others(context)
    for sentence in sources.leakage_warnings(beside.values()):
        frame.warning(sentence)
    left, right = st.columns(2)
    with left:
        show_roc(context, beside)
    with right:
        show_precision_recall(context, beside)
    st.subheader("All figures", anchor=False)
    show_estimates(context)
    st.subheader("At another prevalence", anchor=False)
    show_predictive_values(context)


def has_both_classes(part: EvaluatedSplit) -> bool:
    """Whether there are blasts and normal cells."""
    return bool(part.evaluation.blast.cells and part.evaluation.normal.cells)


def show_roc(
    context: Context,
    beside: Mapping[str, PredictionSource] | None = None,
    *,
    compact: bool = False,
) -> None:
    """Draw the ROC curve, with those of other models beside it."""
    if not has_both_classes(context.evaluated):
        st.info(ONE_CLASS, icon=":material/info:")
        return
    models = _model_curves(context, beside or {})
    show_chart(
        curve_plots.roc(
            {name: model.roc for name, model in models.items()},
            points={
                name: (1 - float(model.values["specificity"]), float(model.values["sensitivity"]))
                for name, model in models.items()
            },
            areas={name: model.areas["auroc"] for name, model in models.items()},
            prevalence=None if compact else float(context.sample.labels.mean()),
            compact=compact,
        ),
        name="roc",
        alt="ROC curve with its band over subjects and the operating point",
    )


def show_precision_recall(context: Context, beside: Mapping[str, PredictionSource]) -> None:
    """Draw precision by recall, with the curves of other models beside it."""
    models = _model_curves(context, beside)
    show_chart(
        curve_plots.precision_recall(
            {name: model.precision_recall for name, model in models.items()},
            points={
                name: (float(model.values["sensitivity"]), float(model.values["ppv"]))
                for name, model in models.items()
            },
            areas={name: model.areas["auprc"] for name, model in models.items()},
        ),
        name="precision-recall",
        alt="Precision by recall with its band over subjects and the operating point",
    )


def show_estimates(context: Context) -> None:
    """Draw every metric, with an interval over subjects and one over cells."""
    baseline = context.evaluated.evaluation.baseline
    table = evaluation_html.estimates_table(context.estimates, baseline)
    st.dataframe(
        table.assign(Value=[figure.value for figure in context.estimates]),
        hide_index=True,
        height="content",
        column_config={"Value": st.column_config.NumberColumn(format="%.3f")},
    )
    show_csv_download(estimates_table(context), name=f"{context.source.name}-figures")


def estimates_table(context: Context) -> pd.DataFrame:
    """The same as numbers, for the export."""
    return pd.DataFrame(
        {
            "model": context.source.name,
            "split": context.split,
            "threshold": context.threshold,
            "figure": metrics.TITLES[figure.name],
            "value": figure.value,
            "over_subjects_low": figure.over_subjects.low,
            "over_subjects_high": figure.over_subjects.high,
            "over_cells_low": figure.over_cells.low,
            "over_cells_high": figure.over_cells.high,
        }
        for figure in context.estimates
    )


def show_predictive_values(context: Context) -> None:
    """Draw predictive values at the chosen prevalence, and the likelihood ratios behind them."""
    own = float(context.sample.labels.mean())
    percent = st.slider(
        "Share of ALL blasts among the cells you would check (%)", 0.1, 99.0, 10.0, 0.1,
        format="%.1f", key=PREVALENCE, bind="query-params", width=frame.TEXT_WIDTH,
    )  # fmt: skip
    frame.caption(
        f"Here {100 * own:.0f} % of the cells are ALL blasts, because the data set was made so; "
        "predictive values hang on that share, so they are given at yours."
    )
    grid = np.unique(np.append(_GRID, percent / 100))
    values = prevalence.predictive_values(context.sample, context.threshold, grid)
    positive, negative = prevalence.likelihood_ratios(context.sample, context.threshold)
    show_chart(
        curve_plots.predictive_values(values, prevalence=percent / 100),
        name="predictive-values",
        alt="Positive and negative predictive value by prevalence",
    )
    for figure, text in (
        (positive, "A prediction of ALL blast multiplies the odds of a blast by"),
        (negative, "A prediction of normal multiplies them by"),
    ):
        st.markdown(f"{text} **{figure.value:.2f}** ({formats.both_bounds(figure)}).")


def _choose_others(context: Context) -> dict[str, PredictionSource]:
    names = [name for name in model_folder.names() if name != context.source.key]
    selection = st.multiselect(
        "Other models", names, placeholder="At their own thresholds", key=BESIDE,
        bind="query-params", width=frame.TEXT_WIDTH,
    )  # fmt: skip
    return {
        name: other
        for name in selection
        if (other := _comparable_source(context, name)) is not None
    }


def _comparable_source(context: Context, name: str) -> PredictionSource | None:
    """A model that can be drawn beside the one shown; None, with a sentence, where it can't."""
    try:
        other = sources.counterpart(context.source, name)
        part = evaluations.evaluate_split(other, context.split_of(other))
    except AllScopeError as error:
        frame.problem(error)
        return None
    if not has_both_classes(part):
        frame.warning(f"{frame.plain(name)} is left out. {ONE_CLASS}")
        return None
    return other


def _model_curves(
    context: Context, beside: Mapping[str, PredictionSource]
) -> dict[str, ModelCurves]:
    parts = {context.source.name: (context.evaluated, context.key, context.threshold)}
    for other in beside.values():
        split = context.split_of(other)
        part = evaluations.evaluate_split(other, split)
        parts[other.name] = (part, other.digest + split, other.threshold)
    models = {}
    for name, (part, key, threshold) in parts.items():
        areas = {figure.name: figure for figure in part.threshold_free}
        values = metrics.confusion_metrics(part.sample.confusion(threshold))
        models[name] = ModelCurves(*_cached_curves(part, key), areas, values)
    return models


@st.cache_resource(max_entries=16, show_spinner="Drawing subjects anew for the bands")
def _cached_curves(_part: EvaluatedSplit, key: str) -> tuple[RocCurve, PrecisionRecallCurve]:
    return curves.roc_curve(_part.sample), curves.precision_recall_curve(_part.sample)
