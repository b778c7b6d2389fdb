from allcore.web import guard

user = guard.require("about")

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from allcore import modelfolder, plots
from allcore.errors import AllScopeError
from allcore.evaluation import card, card_checklist, card_text
from allcore.evaluation.card_text import Block, Chapter, Paragraph, Table
from allcore.web import charts, evaluated, frame


def draw(chapters: Sequence[Chapter]) -> None:
    """The card's chapters; tables scroll inside, checklists wait until they are asked for."""
    for chapter in chapters:
        st.markdown(f"{'#' * chapter.level} {frame.plain(chapter.title)}", width=frame.TEXT_WIDTH)
        for block in chapter.blocks:
            draw_block(block)


def draw_block(block: Block) -> None:
    if isinstance(block, Paragraph):
        st.markdown(frame.plain(block.text), width=frame.TEXT_WIDTH)
    elif not isinstance(block, Table):
        st.markdown(card_text.markdown_of(block), width=frame.TEXT_WIDTH)
    elif block.head == card_checklist.HEAD:
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
    model, gate = evaluated.load(name), modelfolder.read_gate(modelfolder.folder(name))
    draw(card.chapters(model.info, model.report, gate=gate))
    st.download_button(
        "Download the model card",
        card.card(model.info, model.report, gate),
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
    charts.chart(curve, name=f"{name}-learning-curve")
except (OSError, ValueError, KeyError):
    st.markdown("This model came without a record of its training (history.csv).")
