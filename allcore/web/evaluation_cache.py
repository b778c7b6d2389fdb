"""Evaluations of the installed models, computed once a process and content."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from allcore import model_folder, settings
from allcore.model_folder import ModelInfo
from allcore.reports import evaluation_json as report
from allcore.reports.evaluation_json import Report
from allcore.reports.headline import PAPER_SUFFIX, Headline


@dataclass(frozen=True)
class Evaluated:
    """A model's description, its held-out predictions and what follows from them; only to read."""

    info: ModelInfo
    predictions: pd.DataFrame
    report: Report


def choose() -> str | None:
    """The model to look at, chosen in the sidebar; None, with a sentence, where there is none."""
    names = model_folder.names()
    if not names:
        st.info(
            "No model is installed yet: train one with `python -m allcore train`, or point "
            "`ALLSCOPE_MODELS` at a folder that holds some.",
            icon=":material/deployed_code:",
        )
        return None
    preferred = settings.load().model
    index = names.index(preferred) if preferred in names else 0
    return st.sidebar.selectbox("Model", names, index=index)


def load(name: str) -> Evaluated:
    """The evaluation of an installed model.

    Raises:
        ModelError: the folder or its predictions are missing or damaged.
        DataError: the predictions can't be evaluated.
    """
    folder = model_folder.folder(name)
    return _load(folder, digest(folder))


def headline(name: str) -> Headline:
    """The figures of the Home page for an installed model.

    Raises:
        ModelError: the folder or its predictions are missing or damaged.
        DataError: the predictions can't be evaluated.
    """
    folder = model_folder.folder(name)
    companion = folder.with_name(folder.name + PAPER_SUFFIX)
    return _headline(folder, digest(folder) + digest(companion))


@st.cache_data(max_entries=8, show_spinner=False)
def _headline(_folder: Path, digest: str) -> Headline:
    return report.headline(_folder)


@st.cache_resource(max_entries=8, show_spinner="Computing figures and intervals")
def _load(_folder: Path, digest: str) -> Evaluated:
    info = model_folder.read_info(_folder)
    predictions = model_folder.read_predictions(_folder)
    return Evaluated(info, predictions, report.evaluate(predictions, info))


def digest(folder: Path) -> str:
    """Of what the evaluation is computed from; a missing file is said by whoever reads it."""
    files = (folder / model_folder.INFO, folder / model_folder.PREDICTIONS)
    return hashlib.sha256(b"".join(f.read_bytes() for f in files if f.is_file())).hexdigest()
