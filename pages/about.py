from allcore.web import guard

user = guard.require("user")

import pandas as pd
import streamlit as st

from allcore import modelfolder, plots
from allcore.errors import AllScopeError
from allcore.evaluation import report
from allcore.web import evaluated, frame

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
    with cards.container(border=True, width=200):
        st.metric(label, value)

try:
    model = evaluated.load(name)
    text = report.card(model.info, model.report)
    _, _, body = text.partition("\n\n")  # the page has its own title
    st.markdown(body)
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
