"""The data sets that pages offer, read once a process.

These are the data set that `ALLSCOPE_DATA` names, those that people have connected on the Dataset
page, and the synthetic demonstration set.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from allcore import model_folder, settings
from allcore.data import data_roots, label_choice, readers
from allcore.data.manifest import Manifest
from allcore.errors import AllScopeError, DataError
from allcore.inference import held_out
from allcore.settings import Settings
from allcore.store import admin_settings, data_sets
from allcore.store.data_sets import DataSet
from allcore.synthetic import dataset, demo
from allcore.web import accounts

CONFIGURED = "Connected data set"
"""Name of the data set that ALLSCOPE_DATA points at."""
RESERVED_NAMES = (CONFIGURED, dataset.NAME)
"""Names that no other data set may have."""
MAX_WATCHED_FOLDERS = 200
"""At most so many folders of a data set are watched for changes."""
_MAX_MANIFESTS = 16


def names() -> list[str]:
    """Names of all data sets, the one to show by default first."""
    return [*real_names(), dataset.NAME]


def real_names() -> list[str]:
    """Names of the data sets with real images, without the synthetic one."""
    configured = [] if settings.load().data is None else [CONFIGURED]
    return [*configured, *(connection.name for connection in connections())]


def connections() -> tuple[DataSet, ...]:
    """The data sets that people have connected, whether or not they can be read now."""
    return data_sets.list_of(accounts.store())


def data_settings() -> Settings:
    """The settings, with the data folders that an administrator has allowed added to theirs."""
    extra_roots = admin_settings.read(accounts.store(), "data_roots").value
    return data_roots.widened(settings.load(), extra_roots)


def check_allowed(path: Path) -> None:
    """Refuse a data set that may no longer be read.

    Raises:
        DataError: it is gone, or lies outside the allowed folders.
    """
    config = data_settings()
    if path != config.demo_set:
        data_roots.checked(path, config)


def path_of(name: str) -> Path:
    """Folder or CSV file of a data set in `names`.

    Raises:
        DataError: it is no longer connected, gone, or no longer below an allowed folder.
    """
    config = settings.load()
    if name == dataset.NAME:
        return config.demo_set
    if name == CONFIGURED and config.data is not None:
        return config.data
    for connection in connections():
        if connection.name == name:
            return data_roots.checked(connection.path, data_settings())
    raise DataError(f"There is no data set named '{name}': choose another one.")


def load(name: str) -> Manifest:
    """The manifest of a data set in `names`; the demonstration set is drawn first.

    Raises:
        DataError: it is missing, or in no known layout.
    """
    path = path_of(name)
    if name == dataset.NAME and not demo.is_drawn(path):
        with st.spinner("Drawing the synthetic demonstration set, once: about half a minute"):
            demo.ensure_demo(path)
    return read_manifest(path)


def read_manifest(path: Path) -> Manifest:
    """The manifest of a folder or CSV file, read again only after a change.

    Raises:
        DataError: it is missing, or in no known layout.
    """
    return _read(path, change_stamp(path))


def model_split(manifest: Manifest, model: str) -> "pd.Series[str]":
    """The part of a model's split by image id; missing for images that the split does not name.

    Raises:
        ModelError: the model's folder does not record its split.
    """
    installed = model_folder.resolve(model)
    parts = held_out.parts(manifest.table, installed.info, installed.folder)
    return parts.set_axis(manifest.table["image_id"])


def change_stamp(path: Path) -> tuple[float, ...]:
    """Modification times that change when files of a data set, or its table, change."""
    top = _top_times(path)
    try:
        return top + _times(_first_reading(path, top).folders)
    except AllScopeError:  # an unreadable data set is reported where it is read
        return top


@dataclass(frozen=True)
class _Reading:
    """The first reading of a data set, its folders, and `change_stamp` at that time."""

    manifest: Manifest
    folders: tuple[Path, ...]
    stamp: tuple[float, ...]


@st.cache_resource(max_entries=_MAX_MANIFESTS, show_spinner="Reading the data set")
def _read(path: Path, stamp: tuple[float, ...]) -> Manifest:
    reading = _first_reading(path, _top_times(path))
    return reading.manifest if stamp == reading.stamp else readers.read(path)


@st.cache_resource(max_entries=_MAX_MANIFESTS, show_spinner="Reading the data set")
def _first_reading(path: Path, top: tuple[float, ...]) -> _Reading:
    manifest = readers.read(path)
    parents = {str(file).rpartition("/")[0] for file in manifest.table["path"]} - {""}
    # A folder's time changes with its direct entries alone, so the folders above are watched too.
    above = {str(folder) for name in parents for folder in Path(name).parents} - {"."}
    watched = sorted({*parents, *above})[:MAX_WATCHED_FOLDERS]
    folders = tuple(manifest.root / name for name in watched)
    return _Reading(manifest, folders, top + _times(folders))


def _top_times(path: Path) -> tuple[float, ...]:
    tables = _times((path, path / "manifest.csv", path / "index.csv"))
    return (*tables, label_choice.stamp())


def _times(paths: tuple[Path, ...]) -> tuple[float, ...]:
    """Modification time of each path; -1 where there is none."""
    times = []
    for path in paths:
        try:
            times.append(path.stat().st_mtime)
        except (OSError, ValueError):
            times.append(-1.0)
    return tuple(times)
