"""Experiments on what networks learn in place of the cell, from their stored records."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from allcore.errors import AllScopeError
from allcore.evaluation import experiments as experiment_records
from allcore.evaluation.experiments import ExperimentRecord
from allcore.plots import compare_experiments
from allcore.reports import json_files
from allcore.synthetic import dataset
from allcore.web import frame, guard
from allcore.web.compare import results_cache
from allcore.web.components.charts import show_chart

FOLDER = "experiments"
_EXPECTED = {"cues": "Facts of the picture", "interventions": "Altered pictures"}
_VARIANTS = {
    "runs": "Out-of-fold runs",
    "finetuning": "Fine-tuning",
    "stages": "Head on a frozen body",
    "recipe": "Head on a partly frozen body",
    "head": "The paper's head",
}
_GROWTH = {"subjects": "More subjects", "subjects-features": "More subjects, frozen features"}
_TITLES = _EXPECTED | _VARIANTS | _GROWTH
"""Titles of experiments by name; the expected ones come with the program."""


def experiments_folder() -> Path:
    """Folder of the records of experiments."""
    return results_cache.comparison_folder() / FOLDER


def show_experiments() -> None:
    """Draw one of the experiments; a sentence stands for each missing or unreadable record."""
    frame.markdown(
        "Every subject carries one class, so whatever tells the subject, or merely differs between "
        "the classes' pictures, can be learned in place of the cell."
    )
    records = {name: record for name in _TITLES if (record := _load(name)) and record.rows}
    if records:
        _show_one_of(records)


@guard.fragment
def _show_one_of(records: dict[str, ExperimentRecord]) -> None:
    """Draw the chosen experiment, with a plot where its rows have the figure that it needs."""
    first = next(iter(records))
    name = st.segmented_control(
        "Experiment", list(records), format_func=_TITLES.__getitem__, default=first, required=True,
        key="experiment", bind="query-params", label_visibility="collapsed", wrap=True,
    ) or first  # fmt: skip
    record = records[name]
    if name == "interventions":
        _show_interventions(record)
    else:
        plot, needs = _plot_of(name)
        if any(needs in row.figures for row in record.rows):
            show_chart(plot(record), name=name)
    _show_record(record)


def _plot_of(name: str) -> tuple[Callable[[ExperimentRecord], go.Figure], str]:
    """The plot of an experiment, and the figure that a row of it needs."""
    if name == "cues":
        return compare_experiments.cue_dumbbells, "unseen"
    if name in _GROWTH:
        return compare_experiments.growth_curves, "auroc"
    return compare_experiments.variant_bars, "difference"


def _show_interventions(record: ExperimentRecord) -> None:
    models = compare_experiments.intervention_models(record)
    if not models:
        return
    model = models[0]
    if len(models) > 1:
        model = st.selectbox("Model", models, key="experiment_model")
    figure = compare_experiments.intervention_bars(record, model)
    show_chart(figure, name=f"interventions-{model}")


def _load(name: str) -> ExperimentRecord | None:
    """The record of an experiment; None, with a sentence where it should be, without one."""
    folder = experiments_folder()
    path = json_files.experiment_file(folder, name)
    if not path.is_file():
        if name in _EXPECTED:
            frame.info(
                f"{_EXPECTED[name]}: the record is missing; restore `comparison/experiments/"
                f"{name}.json` in the models folder.",
                icon=":material/experiment:",
            )
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
    """Draw the question; finding, prediction and method unfold."""
    if record.data == dataset.NAME:
        frame.info(
            "**Synthetic**: these cells were drawn by ALLScope and say nothing about real ones.",
            icon=":material/draw:",
        )
    with st.expander(f"{record.question} Finding, prediction and method"):
        finding, verdicts = experiment_records.split_finding(record.finding)
        frame.markdown(frame.plain(finding))
        frame.markdown(f"Predicted before the run: {frame.plain(record.prediction)}")
        for text in (*verdicts, *record.notes):
            frame.markdown(f"- {frame.plain(text)}")
        st.code(record.command, language="shell", wrap_lines=True)
