"""Evaluations of the installed models, computed once a process and content."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from allcore import model_folder
from allcore.evaluation import model_evaluation
from allcore.evaluation.model_evaluation import ModelEvaluation
from allcore.model_folder import InstalledModel, ModelInfo
from allcore.reports import headline as headlines
from allcore.reports.headline import PAPER_SUFFIX, Headline


@dataclass(frozen=True)
class Evaluated:
    """A model's description, its held-out predictions and what follows from them; only to read."""

    info: ModelInfo
    predictions: pd.DataFrame
    report: ModelEvaluation


def load(model: InstalledModel) -> Evaluated:
    """The evaluation of an installed model.

    Raises:
        ModelError: its predictions are missing or damaged.
        DataError: the predictions can't be evaluated.
    """
    return _load(model, f"{model.folder} {model.digest} {model.revision}")


def headline(model: InstalledModel) -> Headline:
    """The figures of the Home page for an installed model.

    Raises:
        ModelError: its predictions are missing or damaged.
        DataError: the predictions can't be evaluated.
    """
    companion = model.folder.with_name(model.name + PAPER_SUFFIX)
    return _headline(model.folder, digest(model.folder) + digest(companion))


@st.cache_data(max_entries=8, show_spinner=False)
def _headline(_folder: Path, digest: str) -> Headline:
    return headlines.read_headline(_folder)


@st.cache_resource(max_entries=8, show_spinner="Computing figures and intervals")
def _load(_model: InstalledModel, key: str) -> Evaluated:
    predictions = model_folder.read_predictions(_model.folder)
    evaluation = model_evaluation.evaluate_model(predictions, _model.info)
    return Evaluated(_model.info, predictions, evaluation)


def digest(folder: Path) -> str:
    """Of what the evaluation is computed from; a missing file is said by whoever reads it."""
    files = (folder / model_folder.INFO, folder / model_folder.PREDICTIONS)
    return hashlib.sha256(b"".join(f.read_bytes() for f in files if f.is_file())).hexdigest()
