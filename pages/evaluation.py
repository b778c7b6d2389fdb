from allcore.web import guard

user = guard.require("user")

import pandas as pd
import streamlit as st

from allcore import plots
from allcore.errors import AllScopeError
from allcore.evaluation import calibration, curves, metrics, report, results, words
from allcore.evaluation.results import SplitReport
from allcore.web import evaluated, frame

HEADLINE = ("accuracy", "weighted_f1", "sensitivity", "specificity", "auroc")
METHOD = """
All figures are computed from predictions for held-out cells that came with the model; no image is
needed. **Over subjects** is the interval to go by for the next subject: whole subjects are drawn
anew within their class 2,000 times (rescaled bootstrap of Rao and Wu) and the spread becomes a
Student's t interval. **Over cells** treats every cell as independent (Wilson for shares, DeLong for
the AUROC, bootstrap for the others), so it says only how well the figure is known for these very
subjects. The baseline is a set of boosted trees that see a cell's area and brightness, no more.
"""


def figures_table(part: SplitReport) -> pd.DataFrame:
    baseline = {figure.name: words.figure(figure.subject) for figure in part.baseline}
    return pd.DataFrame(
        {
            "Figure": metrics.TITLES[figure.name],
            "Value": figure.value,
            "Over subjects": words.bounds(figure.subject),
            "Over cells": words.bounds(figure.image),
            "Area and brightness only": baseline.get(figure.name, "not measured"),
        }
        for figure in part.figures
    )


def subjects_table(part: SplitReport) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Subject": row.subject,
            "Class": plots.NAMES[row.label],
            "Cells": row.cells,
            "Called rightly": words.share(row.accuracy, row.cells),
            "Called ALL blast": words.share(row.blasts, row.cells),
            "Median probability": row.probability,
        }
        for row in part.subjects
    )


def chart(figure: object) -> None:
    st.plotly_chart(figure, width="stretch", theme="streamlit", config={"displaylogo": False})


frame.header(
    title="Evaluation",
    question="How often is the model right on cells of subjects that it never saw, and for whom "
    "is it wrong?",
)
name = evaluated.choose()
if name is None:
    st.stop()
try:
    model = evaluated.load(name)
except AllScopeError as error:
    frame.problem(error)
    st.stop()

parts = {p.split: p for p in (model.report.test, model.report.validation) if p is not None}
split = st.sidebar.radio("Split", list(parts), format_func=words.SPLITS.get, horizontal=True)
part = parts[split]
cells = model.predictions[
    (model.predictions["split"] == split) & model.predictions["label"].notna()
]
sample = results.sample_of(cells)

st.markdown(
    f"**{frame.plain(model.info.name)}**, {words.SPLITS[split].lower()} split: "
    f"{words.cells_of(part)}. A cell is called an ALL blast from a probability of "
    f"{model.report.threshold:.2f} on.",
    width=frame.TEXT_WIDTH,
)
if model.report.split_kind == "image":
    st.warning("Images were split at random: these cells' subjects were also trained on.")
if folds := model.info.training.get("out_of_fold"):
    st.info(
        f"Out of fold: each cell was predicted by one of {folds} networks that never saw its "
        "subject; the network that answers on Predict was then trained alike on all of them.",
        icon=":material/info:",
        width=frame.TEXT_WIDTH,
    )
for note in part.notes:
    st.info(note, icon=":material/info:", width=frame.TEXT_WIDTH)

cards = st.container(horizontal=True)
for key in HEADLINE:
    figure = part.figure(key)
    with cards.container(border=True, width=148):
        value = "undefined" if figure.value != figure.value else f"{figure.value:.3f}"
        st.metric(metrics.TITLES[key], value)
        st.caption(
            f"Over subjects  \n{words.bounds(figure.subject)}  \n"
            f"Over cells  \n{words.bounds(figure.image)}"
        )
st.caption("95 % intervals. Over subjects is the one to go by for a new subject.")

left, right = st.columns(2)
with left:
    chart(plots.confusion_matrix(part.confusion))
with right:
    if part.blast.cells and part.normal.cells:
        operating = (1 - part.figure("specificity").value, part.figure("sensitivity").value)
        area = part.figure("auroc").subject
        chart(plots.roc(curves.roc(sample), point=operating, area=area))
    else:
        st.info("A ROC curve needs cells of both classes.", icon=":material/info:")

st.subheader("Subjects", anchor=False)
if part.subjects:
    chart(plots.subject_strip(cells, part.subjects, threshold=model.report.threshold))
    st.dataframe(
        subjects_table(part),
        hide_index=True,
        column_config={"Median probability": st.column_config.NumberColumn(format="%.2f")},
    )
else:
    st.markdown("Subjects are unknown for these cells.")

st.subheader("Calibration", anchor=False)
bins = calibration.reliability(labels=sample.labels, probabilities=sample.probabilities)
chart(plots.reliability(bins, error=part.figure("ece").value))

st.subheader("All figures", anchor=False)
st.dataframe(
    figures_table(part),
    hide_index=True,
    height="content",
    column_config={"Value": st.column_config.NumberColumn(format="%.3f")},
)
st.download_button(
    "Download figures as CSV",
    pd.DataFrame(report.rows(model.report)).to_csv(index=False),
    file_name=f"{model.info.name}-figures.csv",
    mime="text/csv",
    icon=":material/download:",
)
with st.expander("Method"):
    st.markdown(METHOD, width=frame.TEXT_WIDTH)
    st.markdown(f"Threshold: {frame.plain(model.report.threshold_rule)}", width=frame.TEXT_WIDTH)
