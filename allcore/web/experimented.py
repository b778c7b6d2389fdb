"""The section that shows what networks learn in place of the cell, from the experiments' files."""

import hashlib
from pathlib import Path

import streamlit as st

from allcore import plots_experiments
from allcore.data import synthetic
from allcore.errors import AllScopeError
from allcore.experiments import record
from allcore.experiments.record import Record
from allcore.web import compared, frame, guard

TITLE = "What the networks learn instead"
FOLDER = "experiments"
_MISSING = {
    "cues": "What plain facts of the pictures tell was not measured yet: run "
    "`python -m allcore experiment cues --data DIR`.",
    "interventions": "What the models' answers hang on was not tried yet: run "
    "`python -m allcore experiment interventions --data DIR`.",
}


def folder() -> Path:
    """Where the experiments are kept."""
    return compared.folder() / FOLDER


def section() -> None:
    """Draw the section; what was not run, or can't be read, is said in its place."""
    st.subheader(TITLE, anchor=False)
    st.markdown(
        "Every subject carries one class, so whatever tells the subject, or merely differs between "
        "the classes' pictures, can be learned in place of the cell.",
        width=frame.TEXT_WIDTH,
    )
    cues, interventions = (_found(name) for name in _MISSING)
    if cues and cues.rows:
        _chart(plots_experiments.cues(cues))
        _told(cues)
    if interventions and plots_experiments.models(interventions):
        _interventions(interventions)


@guard.fragment
def _interventions(found: Record) -> None:
    models = plots_experiments.models(found)
    model = models[0]
    if len(models) > 1:
        model = st.selectbox("Model", models, key="experiment_model")
    _chart(plots_experiments.interventions(found, model))
    _told(found)


def _found(name: str) -> Record | None:
    path = record.path(folder(), name)
    if not path.is_file():
        st.info(_MISSING[name], icon=":material/experiment:", width=frame.TEXT_WIDTH)
        return None
    try:
        return _read(folder(), name, hashlib.sha256(path.read_bytes()).hexdigest())
    except (AllScopeError, OSError) as error:
        frame.problem(error)
        return None


@st.cache_data(max_entries=8, show_spinner=False)
def _read(_folder: Path, name: str, digest: str) -> Record:
    return record.read(_folder, name)


def _chart(figure: object) -> None:
    st.plotly_chart(figure, width="stretch", theme="streamlit", config={"displaylogo": False})


def _told(found: Record) -> None:
    """The finding beside what was expected, and how it came about."""
    if found.data == synthetic.NAME:
        st.info(
            "**Synthetic**: these cells were drawn by ALLScope and say nothing about real ones.",
            icon=":material/draw:",
            width=frame.TEXT_WIDTH,
        )
    st.markdown(frame.plain(found.finding), width=frame.TEXT_WIDTH)
    with st.expander(f"{found.question} Prediction and method"):
        st.markdown(
            f"Predicted before the run: {frame.plain(found.prediction)}", width=frame.TEXT_WIDTH
        )
        for note in found.notes:
            st.markdown(f"- {frame.plain(note)}", width=frame.TEXT_WIDTH)
        st.code(found.command, language="shell", wrap_lines=True)
