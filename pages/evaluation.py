from allcore.web import guard

user = guard.require("evaluation")

import streamlit as st

from allcore.errors import AllScopeError
from allcore.web import cell_images, evaluations, frame
from allcore.web.components import views
from allcore.web.evaluation import cell_dialog, controls, sources, synthetic_cells, threshold_bar
from allcore.web.evaluation.context import Context
from allcore.web.evaluation.views import VIEWS

frame.header(
    title="Evaluation",
    question="How often is the model right on held-out cells, and for whom is it wrong?",
)
line = controls.line()
try:
    with line:
        source = sources.choose_source(st.container(width=180))
        if source is None:
            st.stop()
        images = cell_images.at_hand(source.info)
        split = sources.choose_split(source, images)
    if split == synthetic_cells.SPLIT:
        source, split = synthetic_cells.wait_for(source), "test"
        images = synthetic_cells.images()
    evaluated = evaluations.evaluate_split(source, split)
    with line:
        threshold, rule = threshold_bar.choose_threshold(source, split)
        context = Context(source, split, evaluated, threshold, rule, images)
        controls.show_details(context)
except AllScopeError as error:
    frame.problem(error)
    st.stop()

controls.show_cautions(context)
view = views.choose_view(VIEWS)
cell_dialog.open_from_address(context)
try:
    view.show(context)
except AllScopeError as error:
    frame.problem(error)
