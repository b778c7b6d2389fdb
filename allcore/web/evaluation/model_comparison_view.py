"""Two models on the same cells: where both err, and where only one does."""

import numpy as np
import pandas as pd
import streamlit as st

from allcore import formats, model_folder
from allcore.evaluation import metrics, model_agreement
from allcore.evaluation.model_agreement import JoinedPredictions, ModelAgreement
from allcore.plots.evaluation import errors as error_plots
from allcore.web import evaluations, frame
from allcore.web.components import chart_area
from allcore.web.components.charts import show_chart
from allcore.web.evaluation import cell_lists, sources
from allcore.web.evaluation.context import Context

OTHER, KIND = "other", "kind"
"""Keys of the controls, and of the address."""


def show_model_comparison(context: Context) -> None:
    """Draw the view."""
    names = [name for name in model_folder.names() if name != context.source.key]
    if not names:
        st.info("There is no second model to compare with.", icon=":material/compare_arrows:")
        return
    name = st.selectbox("Other model", names, key=OTHER, bind="query-params", width=360)
    other = sources.counterpart(context.source, name)
    split = context.split_of(other)
    other_table = evaluations.evaluate_split(other, split).table
    notes = sources.leakage_warnings([context.source, other])
    key = "|".join([context.source.digest, other.digest, split, *notes])
    shared = _join(context.table, other_table, notes, key)
    agreement = model_agreement.agreement_at(
        shared, threshold_a=context.threshold, threshold_b=other.threshold
    )
    _show_agreement(context, name, agreement)
    event = show_chart(
        error_plots.two_probabilities(
            agreement.table, thresholds=(context.threshold, other.threshold),
            names=(context.source.name, name),
        ),
        key=f"two_{name}",
        name="two-models",
        on_select="rerun",
        selection_mode=("box", "lasso"),
        alt="Probabilities of two models for the same cells",
    )  # fmt: skip
    area = chart_area.selected_area(event["selection"]) if event else None
    _show_cells(context, agreement, area)


@st.cache_resource(max_entries=4, show_spinner="Joining the cells of both")
def _join(
    _a: pd.DataFrame, _b: pd.DataFrame, notes: tuple[str, ...], key: str
) -> JoinedPredictions:
    return model_agreement.join_predictions(_a, _b, notes=notes)


def _show_agreement(context: Context, name: str, agreement: ModelAgreement) -> None:
    first, second = frame.plain(context.source.name), frame.plain(name)
    frame.markdown(
        f"On the {formats.count(len(agreement.table), 'cell')} that both hold out: both correct "
        f"{agreement.counts['both_right']:,}, only {first} {agreement.counts['only_a']:,}, only "
        f"{second} {agreement.counts['only_b']:,}, both wrong {agreement.counts['both_wrong']:,} "
        f"(McNemar p = {agreement.mcnemar.p:.3g}, cells taken as independent)."
    )
    differences = ", ".join(
        f"{metrics.TITLES[estimate.name]} {formats.estimate(estimate.difference)}"
        for estimate in agreement.differences
    )
    frame.markdown(f"{first} less {second}, over {agreement.joined.unit}: {differences}.")
    for note in agreement.joined.notes:
        frame.warning(note)


def _show_cells(
    context: Context, agreement: ModelAgreement, area: chart_area.Polygon | None
) -> None:
    kind = st.segmented_control(
        "Cells", list(model_agreement.KINDS), default="both_wrong", required=True,
        format_func=model_agreement.KINDS.__getitem__, key=KIND, bind="query-params",
    )  # fmt: skip
    table = agreement.table
    if area is None:
        table = table[table["kind"] == kind]
    else:
        points = table[["probability_a", "probability_b"]].to_numpy(dtype=float)
        table = table[chart_area.points_inside(points, area)]
        st.caption("The cells drawn around in the figure; double-click it to see a kind again.")
    place = {name: at for at, name in enumerate(context.table["image_id"])}
    apart = (table["probability_a"] - table["probability_b"]).abs()
    ids = table.loc[apart.sort_values(ascending=False, kind="stable").index, "image_id"]
    cell_lists.show_cells(
        context, np.array([place[image_id] for image_id in ids], dtype=np.intp), key="two_cells"
    )
