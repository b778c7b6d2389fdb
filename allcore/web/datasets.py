"""The data sets that pages offer, read once a process."""

from pathlib import Path

import pandas as pd
import streamlit as st

from allcore import modelfolder, settings
from allcore.data import demo, readers, synthetic
from allcore.data.manifest import Manifest
from allcore.errors import AllScopeError
from allcore.evaluation import held_out

CONNECTED = "Connected data set"


def choose() -> str:
    """Name of the data set to look at, chosen in the sidebar."""
    connected = settings.load().data
    names = [synthetic.NAME] if connected is None else [CONNECTED, synthetic.NAME]
    help_text = None if connected else "Set ALLSCOPE_DATA to a folder to connect a data set."
    return str(st.sidebar.selectbox("Data set", names, help=help_text))


def load(name: str) -> Manifest:
    """The manifest of a data set that ``choose`` offered; the demonstration set is drawn first.

    Raises:
        DataError: it is missing, or in no known layout.
    """
    chosen = settings.load()
    connected = chosen.data
    if name == CONNECTED and connected is not None:
        return _read(connected, _state(connected))
    if not demo.is_drawn(chosen.demo_set):
        with st.spinner("Drawing the synthetic demonstration set, once: about half a minute"):
            demo.ensure_demo(chosen.demo_set)
    return _read(chosen.demo_set, _state(chosen.demo_set))


def choose_model() -> str | None:
    """Name of the model whose split is shown, chosen in the sidebar; None without a model."""
    names = modelfolder.names()
    if not names:
        return None
    preferred = settings.load().model
    index = names.index(preferred) if preferred in names else 0
    return st.sidebar.selectbox("Split of the model", names, index=index)


def parts(manifest: Manifest, model: str | None) -> "pd.Series[str] | None":
    """The part of a model's split that each image is in; None where no model says anything."""
    if model is None:
        return None
    folder = modelfolder.folder(model)
    try:
        return held_out.parts(manifest.table, modelfolder.read_info(folder), folder)
    except AllScopeError as error:
        st.warning(str(error))
        return None


def _state(path: Path) -> tuple[float, ...]:
    """Changes when files are added at the top of the data set, or its table is written anew."""
    watched = [path, path / "manifest.csv", path / "index.csv"]
    return tuple(each.stat().st_mtime for each in watched if each.exists())


@st.cache_resource(max_entries=4, show_spinner="Reading the data set")
def _read(path: Path, state: tuple[float, ...]) -> Manifest:
    return readers.read(path)
