from allcore.web import guard

user = guard.require("compare")

import streamlit as st

from allcore.errors import AllScopeError
from allcore.evaluation import metrics
from allcore.evaluation.comparison import METRICS, NETWORKS, PROTOCOLS
from allcore.plots import compare
from allcore.reports import comparison_tables, comparison_text
from allcore.synthetic import dataset
from allcore.web import frame
from allcore.web.compare import experiments, results_cache
from allcore.web.compare.results_cache import Compared

GAPS = ("weighted_f1", "accuracy", "auroc")
CURVES = ("qcresnet", "resnet18")
METHOD = """
**Unseen subjects**: subjects are split into folds; each cell is predicted once, by a network whose
training and validation cells came from other subjects. **Paper's image split**: images are split
8 : 1 : 1 at random, so a subject's cells are in training and in test alike; the difference is the
**leakage gap**. Logits become probabilities by Platt scaling fitted on validation cells, and a cell
is called an ALL blast from 0.50 on, fixed beforehand. Intervals are of 95 %: over subjects for
unseen subjects, over cells for the image split. Paired tests see both networks' answers for the
same cells. McNemar's test takes cells as independent, which cells of one subject are not, so
where it and the interval over subjects disagree, go by the interval. The best network was chosen by
these very cells, which flatters it a little. **Epochs**: the first epoch, median over
folds, that reaches 95 % of that run's best validation score. **MACs**: multiply-adds a cell.
Pyramid CNN is our reading of a pyramid-style network; logistic regression and SVM work on a
network's penultimate features; an ensemble takes the mean of its members' calibrated logits.
"""


def chart(figure: object) -> None:
    st.plotly_chart(figure, width="stretch", theme="streamlit", config={"displaylogo": False})


def the_answer() -> None:
    first, *others = comparison_text.answer(comparison)
    st.subheader(first, anchor=False, width=frame.TEXT_WIDTH)
    st.markdown(" ".join(others), width=frame.TEXT_WIDTH)
    tested = frame.plain(comparison_text.tested(comparison))
    st.caption(
        f"{tested} {frame.plain(comparison_text.budget(comparison))}", width=frame.TEXT_WIDTH
    )
    if any(row.data == dataset.NAME for row in comparison.rows):
        st.info(
            "**Synthetic**: these cells were drawn by ALLScope. The comparison shows that the "
            "program works and says nothing about real cells.",
            icon=":material/draw:",
            width=frame.TEXT_WIDTH,
        )
    if not comparison_text.same_budget(comparison):
        st.warning("Not all networks had the same data and budget: differences may come from it.")
    if missing := [title for key, title in PROTOCOLS.items() if key not in measured]:
        st.info(
            f"Not measured: {missing[0].lower()}. Run `python -m allcore compare --protocols "
            "paper,unseen` to see the gap between the two.",
            icon=":material/info:",
            width=frame.TEXT_WIDTH,
        )


@guard.fragment
def the_table() -> None:
    left, right = st.columns(2)
    figures = left.pills(
        "Figures",
        METRICS,
        selection_mode="multi",
        default="weighted_f1",
        format_func=metrics.TITLES.get,
        wrap=True,
        key="compare_figures",
    )
    protocols = right.pills(
        "Protocols",
        measured,
        selection_mode="multi",
        default=measured,
        format_func=PROTOCOLS.get,
        wrap=True,
        key="compare_protocols",
    )
    number, waited = st.column_config.NumberColumn, "Epochs to 95 % of the best validation score"
    st.dataframe(
        comparison_tables.table(comparison, figures=figures, protocols=protocols),
        hide_index=True,
        height="content",
        placeholder="",
        column_config={
            "Network": st.column_config.TextColumn(pinned=True),
            "Parameters": number(format="compact"),
            "MACs": number(format="compact"),
            "Images/s": number(format="%.0f"),
            "Epochs, unseen": number(format="%.1f", help=waited),
            "Epochs, paper": number(format="%.1f", help=waited),
        },
    )
    st.download_button(
        "Download comparison as CSV",
        found.export,
        file_name="comparison.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


@guard.fragment
def the_gap() -> None:
    metric = st.radio(
        "Figure", GAPS, format_func=metrics.TITLES.get, horizontal=True, key="compare_gap"
    )
    chart(compare.gap_dumbbells(comparison, metric))


@guard.fragment
def the_curves() -> None:
    left, middle, right = st.columns([2, 2, 4])
    protocol = left.radio("Protocol", measured, format_func=PROTOCOLS.get, key="compare_curves")
    clock = middle.radio(
        "Along", list(compare.CLOCKS), format_func=compare.CLOCKS.get, key="compare_by"
    )
    curves = comparison_tables.curves(comparison.history, protocol)
    known = [network for network in NETWORKS if network in set(curves["network"])]
    if not known:
        st.info("No learning curve was kept for this protocol.", icon=":material/info:")
        return
    best = [network for network in order if network in known][:3]
    chosen = right.multiselect(
        "Networks",
        known,
        default=[network for network in known if network in (*CURVES, *best)],
        format_func=NETWORKS.get,
        key=f"compare_lines_{protocol}",
    )
    if not chosen:
        st.info("Choose a network to see its curve.", icon=":material/show_chart:")
        return
    chart(compare.learning_curves(curves, chosen, clock=clock))
    st.caption("Lines are means over folds, bands reach from the lowest to the highest fold.")


@guard.fragment
def the_subjects() -> None:
    known = [network for network in order if network in set(found.subjects["network"])]
    left, right = st.columns(2)
    a = left.selectbox("One network", known, format_func=NETWORKS.get, key="compare_a")
    others = [network for network in known if network != a]
    usual = others.index("qcresnet") if "qcresnet" in others else 0
    b = right.selectbox(
        "Another", others, index=usual, format_func=NETWORKS.get, key=f"compare_b_{a}"
    )
    left, right = st.columns([3, 2], vertical_alignment="center")
    with left:
        chart(compare.subject_accuracies(found.subjects, a, b))
    test = comparison_text.pair(comparison, a, b)
    with right:
        for sentence in (
            comparison_text.pair_sentences(test) if test else ["No paired test was kept."]
        ):
            st.markdown(sentence)


frame.header(
    title="Compare",
    question="Which network is best, by the paper's own protocol and on subjects that it never "
    "saw?",
)
if not results_cache.exists():
    st.info(
        "No networks have been compared yet: run `python -m allcore compare --data DIR`.",
        icon=":material/deployed_code:",
        width=frame.TEXT_WIDTH,
    )
    experiments.section()
    st.stop()
try:
    found: Compared = results_cache.load()
except AllScopeError as error:
    frame.problem(error)
    st.stop()
comparison = found.comparison
if not comparison.rows:
    st.info("The comparison holds no network: run `python -m allcore compare` again.")
    st.stop()
measured = [key for key in ("unseen", "paper") if any(r.protocol == key for r in comparison.rows)]
order = comparison_tables.order(comparison)

the_answer()
the_table()
if len(measured) == len(PROTOCOLS):
    st.subheader("What leakage adds", anchor=False)
    the_gap()
st.subheader("Learning curves", anchor=False)
the_curves()
if found.subjects["network"].nunique() > 1:
    st.subheader("One network's subjects against another's", anchor=False)
    the_subjects()
experiments.section()
with st.expander("Method and commands"):
    st.markdown(METHOD, width=frame.TEXT_WIDTH)
    for command in sorted({row.command for row in comparison.rows}):
        st.code(command, language="shell", wrap_lines=True)
