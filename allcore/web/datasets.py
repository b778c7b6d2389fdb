"""The data sets that pages offer, read once a process."""

from pathlib import Path

import pandas as pd
import streamlit as st

from allcore import modelfolder, settings
from allcore.data import demo, readers, synthetic
from allcore.data.manifest import Manifest
from allcore.evaluation import held_out

CONNECTED = "Connected data set"


HELP = "More sets: under Connect data, or by ALLSCOPE_DATA."


def names() -> list[str]:
    """Names of the data sets there are, the one to show first at the front."""
    connected = settings.load().data
    return [synthetic.NAME] if connected is None else [CONNECTED, synthetic.NAME]


def path(name: str) -> Path:
    """Folder or CSV file of a data set of `names`."""
    chosen = settings.load()
    return chosen.data if name == CONNECTED and chosen.data is not None else chosen.demo_set


def load(name: str) -> Manifest:
    """The manifest of a data set of `names`; the demonstration set is drawn first.

    Raises:
        DataError: it is missing, or in no known layout.
    """
    place = path(name)
    if name == synthetic.NAME and not demo.is_drawn(place):
        with st.spinner("Drawing the synthetic demonstration set, once: about half a minute"):
            demo.ensure_demo(place)
    return _read(place, state(place))


def parts(manifest: Manifest, model: str) -> "pd.Series[str]":
    """The part of a model's split by image id; missing where it says nothing of an image.

    Raises:
        ModelError: the model's folder does not tell its split.
    """
    folder = modelfolder.folder(model)
    found = held_out.parts(manifest.table, modelfolder.read_info(folder), folder)
    return found.set_axis(manifest.table["image_id"])


def state(path: Path) -> tuple[float, ...]:
    """Changes when files are added at the top of the data set, or its table is written anew."""
    watched = [path, path / "manifest.csv", path / "index.csv"]
    return tuple(each.stat().st_mtime for each in watched if each.exists())


@st.cache_resource(max_entries=4, show_spinner="Reading the data set")
def _read(path: Path, state: tuple[float, ...]) -> Manifest:
    return readers.read(path)
