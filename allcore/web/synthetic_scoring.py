"""The job that scores the synthetic cells, one a model and process."""

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import streamlit as st

from allcore.background import BackgroundThread
from allcore.errors import AllScopeError

if TYPE_CHECKING:  # app.py imports this module, and its first page must not wait for pandas
    from allcore.model_folder import InstalledModel

_RETRY = 60.0  # seconds after which it is seen again whether scoring has to be started


class ScoringJob(BackgroundThread):
    """A thread that scores the synthetic cells."""

    def __init__(self, model: "InstalledModel") -> None:
        super().__init__("scoring the synthetic cells")
        self._model = model

    def work(self) -> None:
        """Score."""
        from allcore.inference import synthetic_predictions

        synthetic_predictions.score(self._model, progress=self.advance)

    def advance(self, done: int, total: int) -> None:
        """Note the progress; the time counts from the first cell, after the set was drawn."""
        if not self.done:
            self._since = time.monotonic()
        super().advance(done, total)


def job_of(model: "InstalledModel") -> ScoringJob:
    """The job of a model, started by the first call."""
    return _job(model, f"{model.folder} {model.digest}")


def forget_jobs() -> None:
    """Start anew at the next call, after a failure."""
    _job.clear()


@st.cache_resource(ttl=_RETRY, show_spinner=False)
def prepare() -> None:
    """Start scoring ahead of the first visit, once the set is drawn, where no real set is there.

    ``ALLSCOPE_SCORE_SYNTHETIC`` switches it off.
    """
    from allcore import model_folder, settings
    from allcore.inference import synthetic_predictions
    from allcore.synthetic import demo
    from allcore.web import datasets

    with suppress(AllScopeError):  # reported by the pages that need a model or the database
        config = settings.load()
        if not config.score_synthetic:
            return
        if not demo.is_drawn() or datasets.real_names():
            return
        model = model_folder.resolve(config.model)
        if synthetic_predictions.can_score(model) and not synthetic_predictions.is_scored(model):
            job_of(model)


@st.cache_resource(max_entries=4, show_spinner=False)
def _job(_model: "InstalledModel", key: str) -> ScoringJob:
    job = ScoringJob(_model)
    job.start()
    return job
