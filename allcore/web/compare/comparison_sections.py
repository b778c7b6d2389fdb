"""Sections of the Compare page: finding, table and gap on one screen, details in tabs."""

import dataclasses
from collections.abc import Callable

import pandas as pd
import streamlit as st

from allcore import model_folder, settings
from allcore.errors import AllScopeError
from allcore.evaluation import metrics
from allcore.evaluation.comparison import METRICS, NETWORKS, PROTOCOLS
from allcore.plots import compare
from allcore.reports import comparison_tables, comparison_text, paper_claims
from allcore.synthetic import dataset
from allcore.web import evaluations, frame, guard
from allcore.web.compare import experiments
from allcore.web.compare.results_cache import StoredComparison
from allcore.web.components.charts import show_chart, show_download

METHOD = """
**Unseen subjects**: subjects are split into folds; each cell is predicted once, by a network whose
training and validation cells came from other subjects. **Paper's image split**: images are split
8 : 1 : 1 at random, so a subject's cells are in training and in test alike; the difference is the
**leakage gap**. Logits become probabilities by Platt scaling fitted on validation cells, and a cell
is predicted ALL blast from 0.50 on, fixed beforehand. Intervals are of 95 %: over subjects for
unseen subjects, over cells for the image split. Paired tests see both networks' answers for the
same cells. McNemar's test takes cells as independent, which cells of one subject are not, so
where it and the interval over subjects disagree, go by the interval. The best network was chosen by
these very cells, which flatters it a little. **Epochs**: the first epoch, median over
folds, that reaches 95 % of that run's best validation score. **MACs**: multiply-adds a cell.
Pyramid CNN is our reading of a pyramid-style network; logistic regression and SVM work on a
network's penultimate features; an ensemble takes the mean of its members' calibrated logits.
"""
CLAIMS_NOTE = (
    "Accuracy is of the installed models, all else of the networks of this page at its budget. "
    "Intervals are of 95 %."
)
GAP_METRICS = ("weighted_f1", "accuracy", "auroc")
DEFAULT_CURVES = ("qcresnet", "resnet18")
_FINDING = 960  # width of the finding, pixels
_ROW, _HEADING = 35, 38  # height of a table's row and heading, pixels


def show_finding(data: StoredComparison) -> None:
    """Draw the conclusion; its details and conditions unfold beside it."""
    comparison = data.comparison
    answer, *details = comparison_text.answer_sentences(comparison)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(answer, anchor=False, width=_FINDING)
        with st.popover("Details", icon=":material/info:"):
            st.markdown("\n".join(f"- {sentence}" for sentence in details))
            st.markdown(frame.plain(comparison_text.tested_text(comparison)))
            st.markdown(frame.plain(comparison_text.budget_text(comparison)))


def show_cautions(data: StoredComparison) -> None:
    """Draw what changes how the figures are to be read."""
    if any(row.data == dataset.NAME for row in data.comparison.rows):
        frame.info(
            "**Synthetic**: these cells were drawn by ALLScope. The comparison shows that the "
            "program works and says nothing about real cells.",
            icon=":material/draw:",
        )
    if not comparison_text.same_budget(data.comparison):
        st.warning("Not all networks had the same data and budget: differences may come from it.")
    if missing := [title for key, title in PROTOCOLS.items() if key not in data.protocols]:
        frame.info(
            f"Not measured: {missing[0].lower()}. Run `python -m allcore compare --protocols "
            "paper,unseen` to see the gap between the two.",
            icon=":material/info:",
        )


@guard.fragment
def show_metric(data: StoredComparison) -> None:
    """Draw the networks by one metric: the table, and what leakage adds beside it."""
    metric = st.segmented_control(
        "Metric", GAP_METRICS, format_func=metrics.TITLES.__getitem__, key="compare_metric",
        default=GAP_METRICS[0], required=True, label_visibility="collapsed", bind="query-params",
    ) or GAP_METRICS[0]  # fmt: skip
    gap = len(data.protocols) == len(PROTOCOLS)
    table, chart = st.columns(2, gap="medium") if gap else (st.container(), None)
    with table:
        columns = ["Network", *(f"{metrics.TITLES[metric]}, {key}" for key in data.protocols)]
        _show_table(data, (metric,), columns=columns)
    if chart is not None:
        with chart:
            figure = compare.gap_dumbbells(data.comparison, metric)
            show_chart(figure, name=f"leakage-{metric}")


@guard.fragment
def show_tabs(data: StoredComparison) -> None:
    """Draw one of the details; only the open tab is computed."""
    tabs: dict[str, Callable[[StoredComparison], None]] = {
        "All metrics": show_all_metrics,
        "Paper's claims": show_claims,
        "Learning curves": show_learning_curves,
        "By subject": show_subjects,
        "Experiments": lambda _: experiments.show_experiments(),
        "Method and commands": show_method,
    }
    for tab, show in zip(
        st.tabs(list(tabs), key="compare_tab", bind="query-params"), tabs.values(), strict=True
    ):
        if tab.open:
            with tab:
                show(data)


def show_claims(data: StoredComparison) -> None:
    """Draw what the paper claims beside what was measured here."""
    try:
        headline = evaluations.read_headline(model_folder.resolve(settings.load().model))
    except AllScopeError:  # no model: the claim on accuracy is not measured
        headline = None
    claims = paper_claims.judge(data.comparison, headline)
    st.markdown(f"{paper_claims.summary(claims)} {CLAIMS_NOTE}")
    columns = ["Claim", PROTOCOLS["paper"], PROTOCOLS["unseen"], "On unseen subjects it"]
    table = pd.DataFrame([dataclasses.astuple(claim) for claim in claims], columns=columns)
    st.table(table.set_index("Claim"))


def show_all_metrics(data: StoredComparison) -> None:
    """Draw every metric, and what the networks cost, with the download."""
    _show_table(data, METRICS)
    show_download("Download comparison as CSV", data.export.encode, "comparison.csv")


def show_method(data: StoredComparison) -> None:
    """Draw how the networks were compared, and the commands."""
    frame.markdown(METHOD)
    for command in sorted({row.command for row in data.comparison.rows}):
        st.code(command, language="shell", wrap_lines=True)


def _show_table(
    data: StoredComparison, figures: tuple[str, ...], *, columns: list[str] | None = None
) -> None:
    number = st.column_config.NumberColumn
    epochs = number(format="%.1f", help="Epochs to 95 % of the best validation score")
    table = comparison_tables.comparison_table(
        data.comparison, figures=figures, protocols=data.protocols
    )
    st.dataframe(
        table,
        hide_index=True,
        height=_HEADING + _ROW * len(table),
        placeholder="",
        column_order=columns,
        column_config={
            "Network": st.column_config.TextColumn(pinned=True),
            "Parameters": number(format="compact"),
            "MACs": number(format="compact"),
            "Images/s": number(format="%.0f"),
            "Epochs, unseen": epochs,
            "Epochs, paper": epochs,
        },
    )


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
    if len(networks) < 2:
        st.info("Fewer than two networks were tested on unseen subjects.", icon=":material/info:")
        return
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
