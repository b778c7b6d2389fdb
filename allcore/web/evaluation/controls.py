"""The head of the Evaluation page: one line of controls, and what has to be known of the cells."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from allcore import formats
from allcore.web import evaluations, frame, navigation
from allcore.web.components import views
from allcore.web.evaluation import synthetic_cells
from allcore.web.evaluation.context import Context

METHOD = """
All figures are computed from predictions for held-out cells that came with the model; no image is
needed. **Over subjects** is the interval to go by for the next subject: whole subjects are drawn
anew within their class 2,000 times (rescaled bootstrap of Rao and Wu) and the spread becomes a
Student's t interval. **Over cells** treats every cell as independent (Wilson for shares, DeLong for
the AUROC, bootstrap for the others), so it says only how well the figure is known for these very
subjects. The baseline is a set of boosted trees that see a cell's area and brightness, no more.
The address of this page holds the model, the cells, the threshold, the view and its filters: copy
it to show somebody else the same.
"""


def line() -> DeltaGenerator:
    """The container of the controls, which stays in sight."""
    return st.container(key="controls", horizontal=True, vertical_alignment="bottom", gap="xsmall")


def show_details(context: Context) -> None:
    """Draw the button that unfolds what the cells, the threshold and the figures are."""
    source = context.source
    with st.popover("Details", icon=":material/info:"):
        st.markdown(
            f"**{frame.plain(source.name)}**, {formats.SPLITS[context.split].lower()} split: "
            f"{context.evaluated.evaluation.size_text}."
        )
        st.markdown(f"**Threshold {context.threshold:.3f}.** {frame.plain(context.rule)}")
        if not source.synthetic:
            _show_out_of_fold(context)
        st.markdown(METHOD)


def _show_out_of_fold(context: Context) -> None:
    info = context.source.info
    if info is None or not (folds := info.training.get("out_of_fold")):
        return
    unit = "subject" if evaluations.separate_subjects(context.source).new_subjects else "fold"
    st.markdown(
        f"**Out of fold**: each cell was predicted by one of {folds} networks that never saw its "
        f"{unit}; the network that answers on Predict was then trained alike on all of them."
    )


def show_cautions(context: Context) -> None:
    """Draw what changes how the figures are to be read."""
    source = context.source
    if source.synthetic:
        with st.container(horizontal=True, vertical_alignment="center"):
            frame.markdown(synthetic_cells.NOTE)
            navigation.link("Dataset", "Connect images", address={views.OPEN: "connect"})
        return
    if source.columns:
        frame.caption(frame.plain(source.columns))
    separation = evaluations.separate_subjects(source)
    cautions = [] if separation.new_subjects else [separation.sentence]
    if context.images.problem:
        cautions.append(context.images.problem)
    for sentence in (*cautions, *source.problems):
        frame.warning(frame.plain(sentence))
    for note in context.evaluated.evaluation.notes:
        frame.info(note, icon=":material/info:")
