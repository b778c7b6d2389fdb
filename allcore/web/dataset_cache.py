"""The data sets that pages offer, read once a process."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from allcore import model_folder, settings
from allcore.data import data_roots, dataset_inspection
from allcore.data.manifest import Manifest
from allcore.errors import AllScopeError, DataError
from allcore.inference import held_out
from allcore.settings import Settings
from allcore.store import admin_settings, data_sets
from allcore.store.data_sets import DataSet
from allcore.synthetic import dataset, demo
from allcore.web import accounts

CONNECTED = "Connected data set"
"""The one of ALLSCOPE_DATA."""
OWN = (CONNECTED, dataset.NAME)
"""Names that no other data set may have."""
HELP = "More sets: under Connect data, or by ALLSCOPE_DATA."
WATCHED = 200
"""Folders of a data set that are looked at for new files at most."""


def names() -> list[str]:
    """Names of the data sets there are, the one to show first at the front."""
    first = [] if settings.load().data is None else [CONNECTED]
    return [*first, *(each.name for each in connected()), dataset.NAME]


def connected() -> tuple[DataSet, ...]:
    """Those that people have connected, whether or not they can be read now."""
    return data_sets.list_of(accounts.store())


def config() -> Settings:
    """The settings, with the folders that an administrator has allowed beside theirs."""
    kept = admin_settings.read(accounts.store(), "data_roots").value
    return data_roots.widened(settings.load(), kept)


def check(place: Path) -> None:
    """Refuse a place that may not be read any more, whoever has it open.

    Raises:
        DataError: it is gone, or lies outside of what is allowed now.
    """
    chosen = config()
    if place != chosen.demo_set:
        data_roots.checked(place, chosen)


def path(name: str) -> Path:
    """Folder or CSV file of a data set of `names`.

    Raises:
        DataError: it is not connected any more, gone, or no longer below an allowed folder.
    """
    chosen = settings.load()
    if name == dataset.NAME:
        return chosen.demo_set
    if name == CONNECTED and chosen.data is not None:
        return chosen.data
    for each in connected():
        if each.name == name:
            return data_roots.checked(each.path, config())
    raise DataError(f"There is no data set named '{name}': choose another one in the sidebar.")


def load(name: str) -> Manifest:
    """The manifest of a data set of `names`; the demonstration set is drawn first.

    Raises:
        DataError: it is missing, or in no known layout.
    """
    place = path(name)
    if name == dataset.NAME and not demo.is_drawn(place):
        with st.spinner("Drawing the synthetic demonstration set, once: about half a minute"):
            demo.ensure_demo(place)
    return read(place)


def read(place: Path) -> Manifest:
    """The manifest of a folder or CSV file, read again only where it changed.

    Raises:
        DataError: it is missing, or in no known layout.
    """
    return _read(place, state(place))


def parts(manifest: Manifest, model: str) -> "pd.Series[str]":
    """The part of a model's split by image id; missing where it says nothing of an image.

    Raises:
        ModelError: the model's folder does not tell its split.
    """
    folder = model_folder.folder(model)
    found = held_out.parts(manifest.table, model_folder.read_info(folder), folder)
    return found.set_axis(manifest.table["image_id"])


def state(path: Path) -> tuple[float, ...]:
    """Changes when files come, go or are renamed, or the data set's table is written anew."""
    top = _top(path)
    try:
        return top + _times(_first(path, top).folders)
    except AllScopeError:  # it can't be read, which whoever reads it is told
        return top


@dataclass(frozen=True)
class _Reading:
    """A data set as it was read first, the folders of its files, and `state` at that time."""

    manifest: Manifest
    folders: tuple[Path, ...]
    state: tuple[float, ...]


@st.cache_resource(max_entries=8, show_spinner="Reading the data set")
def _read(path: Path, state: tuple[float, ...]) -> Manifest:
    top = _top(path)
    if state == (first := _first(path, top)).state:
        return first.manifest
    return dataset_inspection.read(path)


@st.cache_resource(max_entries=8, show_spinner="Reading the data set")
def _first(path: Path, top: tuple[float, ...]) -> _Reading:
    manifest = dataset_inspection.read(path)
    below = sorted({str(file).rpartition("/")[0] for file in manifest.table["path"]} - {""})
    # A folder's time changes with what is directly in it, so those above are watched as well.
    above = {str(each) for name in below for each in Path(name).parents} - {"."}
    folders = tuple(manifest.root / name for name in sorted({*below, *above})[:WATCHED])
    return _Reading(manifest, folders, top + _times(folders))


def _top(path: Path) -> tuple[float, ...]:
    return _times((path, path / "manifest.csv", path / "index.csv"))


def _times(paths: tuple[Path, ...]) -> tuple[float, ...]:
    """When each was changed last; -1 where it is not there."""
    return tuple(_time(path) for path in paths)


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except (OSError, ValueError):
        return -1.0
