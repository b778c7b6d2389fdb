"""Synthetic cells as what a model is evaluated on, until real images are connected."""

import streamlit as st

from allcore.errors import DataError
from allcore.inference import synthetic_predictions
from allcore.model_folder import InstalledModel
from allcore.synthetic import dataset
from allcore.web import datasets, frame, guard, synthetic_scoring
from allcore.web.cell_images import CellImages
from allcore.web.evaluations import PredictionSource

SPLIT, TITLE = "synthetic", "Synthetic"
"""Key and title of the choice beside the parts of the model's split."""
NOTE = (
    ":material/draw: **Synthetic cells, drawn by ALLScope**: they say nothing about real cells, "
    "whose figures are under **Test**."
)
_ONCE = (
    "The model scores the synthetic cells, once: they stand for real ones until some are "
    "connected. The figures of the held-out cells are there already, under **Test**."
)
_FAILED = "The synthetic cells could not be scored: sign in and open Evaluation to read why."
_POLL = 1.0  # seconds between two looks at the progress


def source_of(model: InstalledModel) -> PredictionSource:
    """The predictions of a model for the synthetic cells.

    Raises:
        DataError: they are not there yet.
    """
    if not synthetic_predictions.is_scored(model):
        raise DataError(
            f"{model.name} has not scored the synthetic cells: choose it as Model, and wait a "
            "minute."
        )
    return PredictionSource.of_synthetic(model, synthetic_predictions.folder(model))


def wait_for(source: PredictionSource) -> PredictionSource:
    """The predictions of a source's model; while there are none, the run ends with the progress.

    Raises:
        AllScopeError: the predictions are damaged.
    """
    if source.model is None:
        return source
    if not synthetic_predictions.is_scored(source.model):
        show_progress(source.model)
        frame.caption(_ONCE)
        st.stop()
    return source_of(source.model)


def images() -> CellImages:
    """The synthetic cells' pictures.

    Raises:
        DataError: the set can't be read.
    """
    return CellImages.of([datasets.load(dataset.NAME)])


@guard.periodic_fragment(_POLL)
def show_progress(model: InstalledModel, *, may_retry: bool = True) -> None:
    """Draw how far scoring has come, where its result will stand; run the page when it is done.

    Args:
        model: scores the cells.
        may_retry: whether this visitor reads why it failed, and may start it again.
    """
    if synthetic_predictions.is_scored(model):
        st.rerun()
    job = synthetic_scoring.job_of(model)
    if job.error is not None:
        _show_failure(job.error) if may_retry else frame.info(_FAILED)
        return
    text = "The synthetic cells are being drawn"
    if job.total:
        left = job.seconds_left or 0.0
        text = f"Step {job.done:,} of {job.total:,}, about {max(1, round(left)):,} s left"
    st.progress(job.done / job.total if job.total else 0.0, text)


def _show_failure(error: Exception) -> None:
    frame.problem(error)
    if st.button("Try again", icon=":material/refresh:"):
        synthetic_scoring.forget_jobs()
        st.rerun()
