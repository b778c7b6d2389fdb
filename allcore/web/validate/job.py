"""The job that answers the cells of a data set, one a data set and model; it needs no viewer."""

import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import streamlit as st

from allcore import settings
from allcore.background import BackgroundThread
from allcore.data.manifest import Manifest
from allcore.errors import DataError
from allcore.inference import site_answers
from allcore.inference.site_answers import SiteAnswers
from allcore.model_folder import InstalledModel

if TYPE_CHECKING:
    from allcore.inference.predictor import Predictor

BATCH = 8
"""Cells in one pass: predictions of other people wait for at most one."""
_LOCK = threading.Lock()


@dataclass(frozen=True)
class ValidationInputs:
    """What a validation is of."""

    data: Manifest
    path: Path  # of the data set
    model: InstalledModel
    fields: bool  # whether pictures that are no single cell are read as smear fields

    @property
    def mode(self) -> Literal["auto"] | None:
        """How pictures are read as fields."""
        return "auto" if self.fields else None

    @property
    def file(self) -> Path:
        """File of the answers, in the home folder."""
        text = f"{self.model.digest} {self.data.digest()} {self.mode}"
        name = hashlib.sha256(text.encode()).hexdigest()[:32]
        return settings.load().home / "validations" / f"{name}.parquet"


class ValidationJob(BackgroundThread):
    """A thread that answers the cells, and writes the answers at the end."""

    def __init__(self, inputs: ValidationInputs, file: Path, predictor: "Predictor") -> None:
        super().__init__("a validation")
        self._inputs, self._file, self._predictor = inputs, file, predictor

    def work(self) -> None:
        """Answer the cells."""
        try:
            answers = site_answers.answer(
                self._inputs.data, self._inputs.model, self._predictor, mode=self._inputs.mode,
                batch_size=BATCH, progress=self.advance, cancelled=self._cancelled.is_set,
            )  # fmt: skip
            site_answers.write(answers, self._file)
        except OSError as error:
            raise DataError(f"{self._file} can't be written ({error.strerror}).") from error


def start(inputs: ValidationInputs, predictor: "Predictor") -> None:
    """Start a job, unless one of the same cells is running."""
    file = inputs.file
    with _LOCK:
        jobs = _jobs()
        known = jobs.get(str(file))
        if known is None or not known.is_alive():
            jobs[str(file)] = job = ValidationJob(inputs, file, predictor)
            job.start()


def find(file: Path) -> ValidationJob | None:
    """The job that is writing a file, or that failed; None without one."""
    with _LOCK:
        job = _jobs().get(str(file))
    return job if job and (job.is_alive() or job.error) else None


def forget(file: Path) -> None:
    """Drop a finished job, with its error."""
    with _LOCK:
        _jobs().pop(str(file), None)


def load(file: Path) -> SiteAnswers | None:
    """The answers in a file; None before they are there."""
    return _load(file, file.stat().st_mtime_ns) if file.is_file() else None


@st.cache_resource(max_entries=4, show_spinner=False)
def _load(file: Path, changed: int) -> SiteAnswers | None:
    return site_answers.read(file)


@st.cache_resource(show_spinner=False)
def _jobs() -> dict[str, ValidationJob]:
    """The jobs by file; one for all sessions."""
    return {}
