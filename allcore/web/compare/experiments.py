"""The section that shows what networks learn in place of the cell, from the experiments' files."""

import hashlib
from pathlib import Path

import streamlit as st

from allcore.errors import AllScopeError
from allcore.evaluation.experiments import ExperimentRecord
from allcore.plots import compare_experiments
from allcore.reports import json_files
from allcore.synthetic import dataset
from allcore.web import frame, guard
from allcore.web.compare import results_cache

TITLE = "What the networks learn instead"
FOLDER = "experiments"
_MISSING = {
    "cues": "What plain facts of the pictures tell was not measured yet: run "
    "`python -m allcore experiment cues --data DIR`.",
    "interventions": "What the models' answers hang on was not tried yet: run "
    "`python -m allcore experiment interventions --data DIR`.",
}
_TRIED = {
    "stages": "Head on a frozen body",
    "recipe": "Whole recipe",
    "head": "The paper's head",
}
_GROWN = {"subjects": "QCResNet", "subjects-features": "Frozen features"}


def folder() -> Path:
    """Where the experiments are kept."""
    return results_cache.folder() / FOLDER


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
        _chart(compare_experiments.cue_dumbbells(cues))
        _told(cues)
    if interventions and compare_experiments.intervention_models(interventions):
        _interventions(interventions)
    if tried := _present(_TRIED):
        st.subheader("What was tried for unseen subjects", anchor=False)
        _tried(tried)
    if grown := _present(_GROWN):
        st.subheader("Would more subjects help?", anchor=False)
        _grown(grown)


@guard.fragment
def _tried(records: dict[str, ExperimentRecord]) -> None:
    found = records[_one_of(records, _TRIED, "experiment_tried")]
    if any("difference" in row.figures for row in found.rows):
        _chart(compare_experiments.variant_bars(found))
    _told(found)


@guard.fragment
def _grown(records: dict[str, ExperimentRecord]) -> None:
    found = records[_one_of(records, _GROWN, "experiment_grown")]
    if found.rows:
        _chart(compare_experiments.growth_curves(found))
    _told(found)


def _one_of(records: dict[str, ExperimentRecord], titles: dict[str, str], key: str) -> str:
    """The experiment to show; asked for where there are several."""
    first, *others = records
    if not others:
        return first
    chosen = st.segmented_control(
        "Experiment",
        list(records),
        format_func=lambda name: titles[name],
        default=first,
        required=True,
        key=key,
    )
    return chosen or first


def _present(titles: dict[str, str]) -> dict[str, ExperimentRecord]:
    """Those that were run and can be read."""
    there = (name for name in titles if json_files.experiment_file(folder(), name).is_file())
    found = {name: _found(name) for name in there}
    return {name: each for name, each in found.items() if each}


@guard.fragment
def _interventions(found: ExperimentRecord) -> None:
    models = compare_experiments.intervention_models(found)
    model = models[0]
    if len(models) > 1:
        model = st.selectbox("Model", models, key="experiment_model")
    _chart(compare_experiments.intervention_bars(found, model))
    _told(found)


def _found(name: str) -> ExperimentRecord | None:
    path = json_files.experiment_file(folder(), name)
    if not path.is_file():
        st.info(_MISSING[name], icon=":material/experiment:", width=frame.TEXT_WIDTH)
        return None
    try:
        return _read(folder(), name, hashlib.sha256(path.read_bytes()).hexdigest())
    except (AllScopeError, OSError) as error:
        frame.problem(error)
        return None


@st.cache_data(max_entries=8, show_spinner=False)
def _read(_folder: Path, name: str, digest: str) -> ExperimentRecord:
    return json_files.read_experiment(_folder, name)


def _chart(figure: object) -> None:
    st.plotly_chart(figure, width="stretch", theme="streamlit", config={"displaylogo": False})


def _told(found: ExperimentRecord) -> None:
    """The finding beside what was expected, and how it came about."""
    if found.data == dataset.NAME:
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
