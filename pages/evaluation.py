from allcore.web import guard

user = guard.require("evaluation")

import streamlit as st

from allcore import formats
from allcore.errors import AllScopeError
from allcore.web import cell_images, evaluations, frame
from allcore.web.components import views
from allcore.web.evaluation import cell_dialog, sources, threshold_bar
from allcore.web.evaluation.context import Context
from allcore.web.evaluation.views import VIEWS

METHOD = """
All figures are computed from predictions for held-out cells that came with the model; no image is
needed. **Over subjects** is the interval to go by for the next subject: whole subjects are drawn
anew within their class 2,000 times (rescaled bootstrap of Rao and Wu) and the spread becomes a
Student's t interval. **Over cells** treats every cell as independent (Wilson for shares, DeLong for
the AUROC, bootstrap for the others), so it says only how well the figure is known for these very
subjects. The baseline is a set of boosted trees that see a cell's area and brightness, no more.
The address of this page holds the model, the threshold, the view and its filters: copy it to show
somebody else the same.
"""


def show_source(context: Context) -> None:
    st.markdown(
        f"**{frame.plain(source.name)}**, {formats.SPLITS[split].lower()} split: "
        f"{context.evaluated.evaluation.size_text}.",
        width=frame.TEXT_WIDTH,
    )
    training = {} if source.info is None else source.info.training
    separation = evaluations.separate_subjects(source)
    if not separation.new_subjects:
        st.warning(frame.plain(separation.sentence), width=frame.TEXT_WIDTH)
    if folds := training.get("out_of_fold"):
        st.info(
            f"Out of fold: each cell was predicted by one of {folds} networks that never saw its "
            f"{'subject' if separation.new_subjects else 'fold'}; the network that answers on "
            "Predict was then trained alike on all of them.",
            icon=":material/info:",
            width=frame.TEXT_WIDTH,
        )
    if source.columns:
        st.caption(frame.plain(source.columns))
    for problem in source.problems:
        st.warning(frame.plain(problem), width=frame.TEXT_WIDTH)
    for note in context.evaluated.evaluation.notes:
        st.info(note, icon=":material/info:", width=frame.TEXT_WIDTH)


frame.header(
    title="Evaluation",
    question="How often is the model right on held-out cells, and for whom is it wrong?",
)
try:
    source = sources.choose_source()
    if source is None:
        st.stop()
    known = evaluations.splits(source)
    split = st.sidebar.radio(
        "Split", known, format_func=formats.SPLITS.get, horizontal=True, key=sources.SPLIT,
        bind="query-params",
    )  # fmt: skip
    evaluated = evaluations.evaluate_split(source, split)
except AllScopeError as error:
    frame.problem(error)
    st.stop()

threshold, rule = threshold_bar.choose_threshold(source, split)
context = Context(source, split, evaluated, threshold, rule, cell_images.at_hand(source.info))
if context.images.problem:
    st.warning(frame.plain(context.images.problem), width=frame.TEXT_WIDTH)
show_source(context)
view = views.choose_view(VIEWS)
cell_dialog.open_from_address(context)
try:
    view.show(context)
except AllScopeError as error:
    frame.problem(error)
with st.expander("Method"):
    st.markdown(METHOD, width=frame.TEXT_WIDTH)
    st.markdown(f"Threshold: {frame.plain(rule)}", width=frame.TEXT_WIDTH)
