from allcore.web import guard

user = guard.require("predict")

import uuid
from collections.abc import Iterator
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from allcore.data import demo
from allcore.errors import AllScopeError
from allcore.inference import archive
from allcore.inference.archive import Source
from allcore.inference.jobs import Job
from allcore.web import answers, evaluated, frame, resources

QUICK = 1.0  # seconds to wait for an answer before a progress bar is worth showing
METHOD = """
The cell is cut out of its black background and goes through the network, whose score becomes a
probability by the temperature found on validation subjects. From the threshold on, the cell is
called an ALL blast. A picture is refused where it can't be read or does not show one cell on black;
what else could be wrong with it (focus, stain, another kind of cell) is not checked. Nothing you
upload is stored.
"""


def sources_of(files: list[UploadedFile], example: str | None) -> Iterator[Source]:
    for file in files:
        if file.name.lower().endswith(".zip"):
            yield from archive.members(file, name=file.name)
        else:
            yield Source(name=file.name, read=file.getvalue)
    if example and not files:
        yield Source(name=f"{example} (synthetic)", read=examples()[example].read_bytes)


@st.cache_data(max_entries=1, show_spinner="Drawing synthetic cells")
def examples() -> dict[str, Path]:
    return {each.name: each.path for each in demo.examples()}


def job_of(files: list[UploadedFile], example: str | None) -> Job | None:
    """The job for what was chosen, running or done; None where nothing is chosen."""
    state = st.session_state
    what = (model, example, *(file.file_id for file in files)) if files or example else None
    known, job = state.get("predict_job", (None, None))
    if known != what:
        if job:
            job.cancel()
        session = state.setdefault("predict_session", uuid.uuid4().hex)
        job = what and service.start(list(sources_of(files, example)), session=session)
        state["predict_job"] = (what, job)
    return job


def forget_example() -> None:
    st.session_state["predict_example"] = None


def forget_files() -> None:
    st.session_state["predict_round"] = st.session_state.get("predict_round", 0) + 1


frame.header(
    title="Predict",
    question="Is the cell in a picture an ALL blast or normal, and what is that answer based on?",
)
try:
    model = evaluated.choose()
except AllScopeError as error:
    frame.problem(error)
    st.stop()
if model is None:
    st.stop()

drop, try_out = st.columns([3, 2], gap="large")
files = drop.file_uploader(
    "Pictures of single cells on black, or zip archives of them",
    accept_multiple_files=True,
    key=f"predict_files_{st.session_state.get('predict_round', 0)}",
    on_change=forget_example,
    help="BMP, PNG, JPEG, TIFF or WebP. What can't be answered is refused, with a reason.",
)
with try_out:
    if demo.is_drawn() or st.button("Draw synthetic cells to try", icon=":material/draw:"):
        example = st.pills(
            "Or try a synthetic cell, drawn by this program",
            list(examples()),
            key="predict_example",
            wrap=True,
            on_change=forget_files,
        )
    else:
        example = None

try:
    with st.container():  # a place of its own, so that nothing moves when the model is loaded
        service = resources.service(model)
except AllScopeError as error:
    frame.problem(error)
    st.stop()

job = job_of(files, example)
if job is None:
    st.info(
        "Drop one picture or many, or choose a synthetic cell. Each gets its own answer.",
        icon=":material/biotech:",
        width=frame.TEXT_WIDTH,
    )
    st.stop()

if not job.wait(QUICK):
    answers.progress(job)
if job.failed:
    frame.problem(AllScopeError("The network stopped answering: drop the pictures again."))
answers.show(job, service)
with st.expander("Method"):
    st.markdown(METHOD, width=frame.TEXT_WIDTH)
    rule = frame.plain(service.predictor.info.threshold_rule)
    st.markdown(f"Threshold: {rule}", width=frame.TEXT_WIDTH)
