from allcore.web import guard

user = guard.require("user")

import pandas as pd
import streamlit as st

from allcore import modelfolder, plots
from allcore.errors import AllScopeError
from allcore.evaluation import report
from allcore.web import evaluated, frame


def draw(card: str) -> None:
    """The card below its title and notice, which the page has itself; tables scroll inside."""
    for block in card.split("\n\n")[2:]:
        if not block.startswith("|"):
            st.markdown(block, width=frame.TEXT_WIDTH)
            continue
        head, _, *rows = ([c.strip() for c in line.split("|")[1:-1]] for line in block.splitlines())
        st.dataframe(pd.DataFrame(rows, columns=head), hide_index=True, height="content")


frame.header(
    title="About this model",
    question="What is this model, how was it trained, and what is it not made for?",
)
name = evaluated.choose()
if name is None:
    st.stop()
try:
    info = modelfolder.read_info(modelfolder.folder(name))
except AllScopeError as error:
    frame.problem(error)
    st.stop()

facts = {
    "Architecture": info.architecture,
    "Input": f"{info.preprocessing.size} px",
    "Threshold": f"{info.threshold:.3f}",
    "Temperature": f"{info.temperature:.3f}",
}
cards = st.container(horizontal=True)
for label, value in facts.items():
    with cards.container(border=True, width=168):
        st.metric(label, value)

try:
    model = evaluated.load(name)
    text = report.card(model.info, model.report)
    draw(text)
    st.download_button(
        "Download the model card",
        text,
        file_name=f"{name}-{modelfolder.CARD}",
        mime="text/markdown",
        icon=":material/download:",
    )
except AllScopeError as error:
    frame.problem(error)

st.subheader("Learning curve", anchor=False)
history = modelfolder.folder(name) / modelfolder.HISTORY
try:
    curve = plots.learning_curve(pd.read_csv(history))
    st.plotly_chart(curve, width="stretch", theme="streamlit", config={"displaylogo": False})
except (OSError, ValueError, KeyError):
    st.markdown("This model came without a record of its training (history.csv).")
