"""Controls of the Validate page, and the progress of its job."""

from pathlib import Path

import streamlit as st

from allcore import formats
from allcore.errors import AllScopeError
from allcore.model_folder import InstalledModel
from allcore.web import datasets, frame, guard, navigation, resources
from allcore.web.accounts import Visitor
from allcore.web.validate import job
from allcore.web.validate.job import ValidationInputs

CELLS, FIELDS = "Single cells", "Smear fields"
_INTRODUCTION = (
    "Choose labelled cells of your laboratory: folders of the two classes, or a table with the "
    "columns path, label and subject. At least 5 subjects of each class are needed for any claim."
)


def choose_inputs(model: InstalledModel) -> ValidationInputs:
    """Draw the controls of data set and pictures; return what is validated.

    Raises:
        DataError: the data set can't be read.
    """
    name = str(st.selectbox("Data set", datasets.names(), key="validate_data", width=240))
    kind = st.segmented_control(
        "Pictures", [CELLS, FIELDS], default=CELLS, required=True, key="validate_kind",
        width="content",
    )  # fmt: skip
    return ValidationInputs(datasets.load(name), datasets.path_of(name), model, kind == FIELDS)


def show_start(inputs: ValidationInputs, file: Path, user: Visitor) -> None:
    """Draw what would be validated, and the button that starts it."""
    labels = inputs.data.table["label"]
    labelled, subjects = int(labels.notna().sum()), inputs.data.table["subject"].nunique()
    frame.markdown(_INTRODUCTION)
    text = f"{formats.count(labelled, 'labelled picture')} of {formats.count(subjects, 'subject')}"
    failed = job.find(file)
    if failed is not None and failed.error is not None:
        frame.problem(failed.error)
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button(
            f"Validate {inputs.model.name}", icon=":material/fact_check:", type="primary",
            disabled=not labelled or not user.may("check"),
        )  # fmt: skip
        st.caption(f"{text} in {frame.plain(inputs.data.name)}.", width="content")
        navigation.link("Dataset", "Connect a data set", address={"open": "connect"})
    if pressed:
        try:
            user.require("check")
            inputs.data.labelled()
            job.forget(file)
            job.start(inputs, resources.predictor(inputs.model))
        except AllScopeError as error:
            frame.problem(error)
            return
        st.rerun()


@guard.periodic_fragment(1.0)
def show_progress(file: Path) -> None:
    """Draw a bar with count and time left, and a button to cancel; rerun the page at the end."""
    running = job.find(file)
    if running is None or not running.is_alive():
        st.rerun()
    text = "Reading the pictures"
    if running.total:
        left = running.seconds_left
        rest = "" if left is None else f", about {max(1, round(left)):,} s left"
        text = f"{running.done:,} of {running.total:,} pictures{rest}"
    with st.container(width=frame.TEXT_WIDTH):
        st.progress(running.done / running.total if running.total else 0.0, text)
        if running.cancelled:
            st.caption("It stops after the cells under way.")
        else:
            st.button("Cancel", icon=":material/close:", on_click=running.cancel)
