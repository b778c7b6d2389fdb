"""Experiments on what networks learn in place of the cell, from their stored records."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from allcore.errors import AllScopeError
from allcore.evaluation.experiments import ExperimentRecord
from allcore.plots import compare_experiments
from allcore.reports import json_files
from allcore.synthetic import dataset
from allcore.web import frame, guard
from allcore.web.compare import results_cache
from allcore.web.components.charts import show_chart

TITLE = "What the networks learn instead"
FOLDER = "experiments"
_MISSING = {
    "cues": "The record of what plain facts of the pictures tell is missing: restore "
    "`comparison/experiments/cues.json` in the models folder.",
    "interventions": "What the models' answers hang on was not tried yet: run "
    "`python -m allcore experiment interventions --data DIR`.",
}
_VARIANTS = {
    "finetuning": "Fine-tuning",
    "stages": "Head on a frozen body",
    "recipe": "Head on a partly frozen body",
    "head": "The paper's head",
}
_GROWTH = {"subjects": "QCResNet", "subjects-features": "Frozen features"}
"""Titles of experiments by name: on training recipes, and on the number of subjects."""


def experiments_folder() -> Path:
    """Folder of the records of experiments."""
    return results_cache.comparison_folder() / FOLDER


def show_experiments() -> None:
    """Draw the section; a sentence stands for each record that is missing or unreadable."""
    st.subheader(TITLE, anchor=False)
    st.markdown(
        "Every subject carries one class, so whatever tells the subject, or merely differs between "
        "the classes' pictures, can be learned in place of the cell.",
        width=frame.TEXT_WIDTH,
    )
    cues, interventions = (_load(name) for name in _MISSING)
    if cues and cues.rows:
        show_chart(compare_experiments.cue_dumbbells(cues), name="cues")
        _show_record(cues)
    if interventions and compare_experiments.intervention_models(interventions):
        _show_interventions(interventions)
    if variants := _load_all(_VARIANTS):
        st.subheader("What was tried for unseen subjects", anchor=False)
        plot = compare_experiments.variant_bars
        _show_one_of(variants, _VARIANTS, plot, needs="difference", key="experiment_tried")
    if growth := _load_all(_GROWTH):
        st.subheader("Would more subjects help?", anchor=False)
        plot = compare_experiments.growth_curves
        _show_one_of(growth, _GROWTH, plot, needs="auroc", key="experiment_grown")


@guard.fragment
def _show_one_of(
    records: dict[str, ExperimentRecord],
    titles: dict[str, str],
    plot: Callable[[ExperimentRecord], go.Figure],
    *,
    needs: str,
    key: str,
) -> None:
    """Draw one of several experiments, with a plot if a row has the figure that it needs."""
    name = next(iter(records))
    if len(records) > 1:
        name = st.segmented_control(
            "Experiment", list(records), format_func=titles.__getitem__, default=name,
            required=True, key=key,
        ) or name  # fmt: skip
    if any(needs in row.figures for row in records[name].rows):
        show_chart(plot(records[name]), name=name)
    _show_record(records[name])


@guard.fragment
def _show_interventions(record: ExperimentRecord) -> None:
    models = compare_experiments.intervention_models(record)
    model = models[0]
    if len(models) > 1:
        model = st.selectbox("Model", models, key="experiment_model")
    figure = compare_experiments.intervention_bars(record, model)
    show_chart(figure, name=f"interventions-{model}")
    _show_record(record)


def _load_all(titles: dict[str, str]) -> dict[str, ExperimentRecord]:
    """The records of those experiments that were run and can be read."""
    folder = experiments_folder()
    run = [name for name in titles if json_files.experiment_file(folder, name).is_file()]
    records = {name: _load(name) for name in run}
    return {name: record for name, record in records.items() if record}


def _load(name: str) -> ExperimentRecord | None:
    folder = experiments_folder()
    path = json_files.experiment_file(folder, name)
    if not path.is_file():
        st.info(_MISSING[name], icon=":material/experiment:", width=frame.TEXT_WIDTH)
        return None
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return _read(folder, name, digest)
    except (AllScopeError, OSError) as error:
        frame.problem(error)
        return None


@st.cache_data(max_entries=8, show_spinner=False)
def _read(_folder: Path, name: str, digest: str) -> ExperimentRecord:
    return json_files.read_experiment(_folder, name)


def _show_record(record: ExperimentRecord) -> None:
    """Draw the finding, the prediction made before, and the method."""
    if record.data == dataset.NAME:
        st.info(
            "**Synthetic**: these cells were drawn by ALLScope and say nothing about real ones.",
            icon=":material/draw:",
            width=frame.TEXT_WIDTH,
        )
    st.markdown(frame.plain(record.finding), width=frame.TEXT_WIDTH)
    with st.expander(f"{record.question} Prediction and method"):
        st.markdown(
            f"Predicted before the run: {frame.plain(record.prediction)}", width=frame.TEXT_WIDTH
        )
        for note in record.notes:
            st.markdown(f"- {frame.plain(note)}", width=frame.TEXT_WIDTH)
        st.code(record.command, language="shell", wrap_lines=True)
