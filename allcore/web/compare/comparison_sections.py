"""Sections of the Compare page: the answer, the table, and charts of the compared networks."""

import streamlit as st

from allcore.evaluation import metrics
from allcore.evaluation.comparison import METRICS, NETWORKS, PROTOCOLS
from allcore.plots import compare
from allcore.reports import comparison_tables, comparison_text
from allcore.synthetic import dataset
from allcore.web import frame, guard
from allcore.web.compare.results_cache import StoredComparison
from allcore.web.components.charts import show_chart, show_download

GAP_METRICS = ("weighted_f1", "accuracy", "auroc")
DEFAULT_CURVES = ("qcresnet", "resnet18")


def show_answer(data: StoredComparison) -> None:
    """Draw the conclusion, the conditions of the comparison and its caveats."""
    comparison = data.comparison
    answer, *details = comparison_text.answer_sentences(comparison)
    st.subheader(answer, anchor=False, width=frame.TEXT_WIDTH)
    st.markdown(" ".join(details), width=frame.TEXT_WIDTH)
    tested, budget = (
        comparison_text.tested_text(comparison),
        comparison_text.budget_text(comparison),
    )
    st.caption(f"{frame.plain(tested)} {frame.plain(budget)}", width=frame.TEXT_WIDTH)
    if any(row.data == dataset.NAME for row in comparison.rows):
        st.info(
            "**Synthetic**: these cells were drawn by ALLScope. The comparison shows that the "
            "program works and says nothing about real cells.",
            icon=":material/draw:",
            width=frame.TEXT_WIDTH,
        )
    if not comparison_text.same_budget(comparison):
        st.warning("Not all networks had the same data and budget: differences may come from it.")
    if missing := [title for key, title in PROTOCOLS.items() if key not in data.protocols]:
        st.info(
            f"Not measured: {missing[0].lower()}. Run `python -m allcore compare --protocols "
            "paper,unseen` to see the gap between the two.",
            icon=":material/info:",
            width=frame.TEXT_WIDTH,
        )


@guard.fragment
def show_table(data: StoredComparison) -> None:
    """Draw the table of networks by metric and protocol."""
    left, right = st.columns(2)
    chosen_metrics = left.pills(
        "Figures", METRICS, selection_mode="multi", default="weighted_f1", wrap=True,
        format_func=metrics.TITLES.__getitem__, key="compare_figures",
    )  # fmt: skip
    protocols = right.pills(
        "Protocols", data.protocols, selection_mode="multi", default=data.protocols, wrap=True,
        format_func=PROTOCOLS.__getitem__, key="compare_protocols",
    )  # fmt: skip
    number = st.column_config.NumberColumn
    epochs = number(format="%.1f", help="Epochs to 95 % of the best validation score")
    table = comparison_tables.comparison_table(
        data.comparison, figures=chosen_metrics, protocols=protocols
    )
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        placeholder="",
        column_config={
            "Network": st.column_config.TextColumn(pinned=True),
            "Parameters": number(format="compact"),
            "MACs": number(format="compact"),
            "Images/s": number(format="%.0f"),
            "Epochs, unseen": epochs,
            "Epochs, paper": epochs,
        },
    )
    show_download("Download comparison as CSV", data.export.encode, "comparison.csv")


@guard.fragment
def show_leakage_gap(data: StoredComparison) -> None:
    """Draw the difference between the two protocols."""
    metric = st.radio(
        "Figure", GAP_METRICS, format_func=metrics.TITLES.__getitem__, horizontal=True,
        key="compare_gap",
    )  # fmt: skip
    show_chart(compare.gap_dumbbells(data.comparison, metric), name=f"leakage-{metric}")


@guard.fragment
def show_learning_curves(data: StoredComparison) -> None:
    """Draw validation scores by epoch, or by another clock, of some networks."""
    left, middle, right = st.columns([2, 2, 4])
    protocol = left.radio(
        "Protocol", data.protocols, format_func=PROTOCOLS.__getitem__, key="compare_curves"
    )
    clock = middle.radio(
        "Along", list(compare.CLOCKS), format_func=compare.CLOCKS.__getitem__, key="compare_by"
    )
    curves = comparison_tables.loss_curves(data.comparison.history, protocol)
    recorded = set(curves["network"])
    networks = [network for network in NETWORKS if network in recorded]
    if not networks:
        st.info("No learning curve was kept for this protocol.", icon=":material/info:")
        return
    best = [network for network in data.networks if network in recorded][:3]
    chosen = right.multiselect(
        "Networks", networks, format_func=NETWORKS.__getitem__, key=f"compare_lines_{protocol}",
        default=[network for network in networks if network in (*DEFAULT_CURVES, *best)],
    )  # fmt: skip
    if not chosen:
        st.info("Choose a network to see its curve.", icon=":material/show_chart:")
        return
    show_chart(compare.learning_curves(curves, chosen, clock=clock), name="learning-curves")
    st.caption("Lines are means over folds, bands reach from the lowest to the highest fold.")


@guard.fragment
def show_subjects(data: StoredComparison) -> None:
    """Draw two networks subject by subject, with their paired test."""
    tested = set(data.subjects["network"])
    networks = [network for network in data.networks if network in tested]
    left, right = st.columns(2)
    one = left.selectbox("One network", networks, format_func=NETWORKS.__getitem__, key="compare_a")
    rest = [network for network in networks if network != one]
    default = rest.index("qcresnet") if "qcresnet" in rest else 0
    other = right.selectbox(
        "Another", rest, index=default, format_func=NETWORKS.__getitem__, key=f"compare_b_{one}"
    )
    left, right = st.columns([3, 2], vertical_alignment="center")
    with left:
        show_chart(compare.subject_accuracies(data.subjects, one, other), name="subjects")
    test = comparison_text.paired_test(data.comparison, one, other)
    sentences = comparison_text.pair_sentences(test) if test else ["No paired test was kept."]
    with right:
        for sentence in sentences:
            st.markdown(sentence)
