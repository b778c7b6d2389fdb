from allcore.web import guard

user = guard.require("dataset")

import streamlit as st

from allcore.errors import AllScopeError
from allcore.web import frame
from allcore.web.components import views
from allcore.web.dataset import cell_window, connect_view
from allcore.web.dataset.context import DatasetContext, choose_dataset, choose_split, load_catalogue
from allcore.web.dataset.views import VIEWS

SYNTHETIC = """
**Synthetic**: every cell of this set was drawn by ALLScope, with faults planted on purpose
(duplicates, wrong labels, blur, the same cell under two subjects). It shows what these pages do and
says nothing about real cells.
"""


def show_heading(context: DatasetContext) -> None:
    st.subheader(frame.plain(context.manifest.name), anchor=False)
    if context.synthetic:
        st.info(SYNTHETIC, icon=":material/draw:", width=frame.TEXT_WIDTH)
    if context.catalogue.problem:
        st.warning(frame.plain(context.catalogue.problem), width=frame.TEXT_WIDTH)


frame.header(
    title="Dataset",
    question="Which cells of which subjects are in the data set, and what in it could spoil a "
    "study?",
)
name = choose_dataset()
split = choose_split(name)
try:
    context = DatasetContext(user, name, load_catalogue(name, split), split)
    show_heading(context)
except AllScopeError as error:
    frame.problem(error)
    connect_view.show_connections(user)  # to reconnect a data set that can't be read
    st.stop()
view = views.choose_view(VIEWS)
cell_window.open_from_address(context)
try:
    view.show(context)
except AllScopeError as error:
    frame.problem(error)
