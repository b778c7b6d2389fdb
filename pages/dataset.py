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
Every cell of this set was drawn by ALLScope, with faults planted on purpose (duplicates, wrong
labels, blur, the same cell under two subjects). It says nothing about real cells.
"""

frame.header(
    title="Dataset",
    question="Which cells of which subjects are in the data set, and what could spoil a study?",
)
with st.container(horizontal=True, vertical_alignment="center"):
    name = choose_dataset()
    split = choose_split(name)
    view = views.choose_view(VIEWS)
    badge = st.container(width="content")
try:
    context = DatasetContext(user, name, load_catalogue(name, split), split)
except AllScopeError as error:
    frame.problem(error)
    connect_view.show_connections(user)  # to reconnect a data set that can't be read
    st.stop()
if context.synthetic:
    badge.badge("Synthetic", icon=":material/draw:", color="violet", help=SYNTHETIC)
if context.catalogue.problem:
    frame.warning(frame.plain(context.catalogue.problem))
cell_window.open_from_address(context)
try:
    view.show(context)
except AllScopeError as error:
    frame.problem(error)
