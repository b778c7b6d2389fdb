from allcore.web import guard

user = guard.require("about")

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from allcore import model_folder
from allcore.errors import AllScopeError
from allcore.plots import about
from allcore.reports.model_card import checklist, document, text
from allcore.reports.model_card.text import Block, Chapter, Paragraph, Table
from allcore.web import evaluations, frame, resources
from allcore.web.components import charts


def show_chapters(chapters: Sequence[Chapter]) -> None:
    """The card's chapters; tables scroll, checklists are folded."""
    for chapter in chapters:
        frame.markdown(f"{'#' * chapter.level} {frame.plain(chapter.title)}")
        for block in chapter.blocks:
            show_block(block)


def show_block(block: Block) -> None:
    if isinstance(block, Paragraph):
        frame.markdown(frame.plain(block.text))
    elif not isinstance(block, Table):
        frame.markdown(text.block_markdown(block))
    elif block.head == checklist.HEAD:
        with st.expander("Item by item"):
            st.table(
                pd.DataFrame(block.rows, columns=block.head).map(frame.plain).set_index("Item")
            )
    else:
        table = pd.DataFrame(block.rows, columns=block.head)
        st.dataframe(table, hide_index=True, height="content")


frame.header(
    title="About this model",
    question="What is this model, how was it trained, and what is it not made for?",
)
try:
    model = resources.choose_model()
except AllScopeError as error:
    frame.problem(error)
    st.stop()
if model is None:
    st.stop()

info = model.info
facts = {
    "Architecture": info.architecture,
    "Input": f"{info.preprocessing.size} px",
    "Threshold": f"{info.threshold:.3f}",
    "Temperature": f"{info.temperature:.3f}",
}
cards = st.container(horizontal=True, key="facts")
for label, value in facts.items():
    with cards.container(border=True, width=168):
        st.metric(label, value)

try:
    evaluation, gate = evaluations.evaluate_model(model), model_folder.read_gate(model.folder)
    show_chapters(document.chapters(info, evaluation, gate=gate))
    st.download_button(
        "Download the model card",
        document.card(info, evaluation, gate),
        file_name=f"{model.name}-{model_folder.CARD}",
        mime="text/markdown",
        icon=":material/download:",
    )
except AllScopeError as error:
    frame.problem(error)

st.subheader("Learning curve", anchor=False)
history = model.folder / model_folder.HISTORY
try:
    curve = about.learning_curve(pd.read_csv(history))
    charts.show_chart(curve, name=f"{model.name}-learning-curve")
except (OSError, ValueError, KeyError):
    st.markdown("This model came without a record of its training (history.csv).")
