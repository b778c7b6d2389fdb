"""The data set and split that every view of the Dataset page shows, and their controls."""

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import streamlit as st

from allcore import model_folder, settings
from allcore.audit.index import catalogue, store
from allcore.audit.index.catalogue import Catalogue
from allcore.data import dataset_counts, saved_splits, split_files
from allcore.data.manifest import Manifest
from allcore.errors import AllScopeError
from allcore.web import datasets
from allcore.web.accounts import Visitor

DATA, SPLIT = "data", "split"
"""Keys of the controls, and of the address."""
OWN_SPLIT = "The data set's own"
SAVED_PREFIX = "Saved: "
"""Prefix of a saved split's name in the control."""


@dataclass(frozen=True)
class DatasetContext:
    """One data set with one split, as one person sees it."""

    user: Visitor
    name: str  # of the data set in the control
    catalogue: Catalogue
    split: str  # as the control names it

    @property
    def table(self) -> pd.DataFrame:
        """One row an image, see `Catalogue.table`; only to read."""
        return self.catalogue.table

    @property
    def manifest(self) -> Manifest:
        """Manifest of the data set."""
        return self.catalogue.manifest

    @property
    def path(self) -> Path:
        """Folder or CSV file of the data set."""
        return self.catalogue.path

    @property
    def synthetic(self) -> bool:
        """Whether the images were drawn by ALLScope."""
        return dataset_counts.is_synthetic(self.manifest)


def choose_dataset() -> str:
    """Draw the control of the data set in the sidebar; return its name."""
    names = datasets.names()
    return str(
        st.sidebar.selectbox("Data set", names, key=DATA, bind="query-params", help=datasets.HELP)
    )


def choose_split(name: str) -> str:
    """Draw the control of the split in the sidebar; return its choice.

    The data set's own split, those of models and its saved ones can be chosen.
    """
    try:
        saved = [SAVED_PREFIX + split.name for split in saved_splits.list_splits(storage_key(name))]
    except AllScopeError:  # reported where the data set is read
        saved = []
    choices = [OWN_SPLIT, *model_folder.names(), *saved]
    default = settings.load().model
    index = choices.index(default) if default in choices else 0
    return str(
        st.sidebar.selectbox("Split shown", choices, index=index, key=SPLIT, bind="query-params")
    )


def storage_key(name: str) -> str:
    """Name of the folder that holds the index and the saved splits of a data set.

    Raises:
        DataError: there is no such data set any more.
    """
    return store.folder(datasets.path_of(name)).name


def saved_name(split: str) -> str | None:
    """Name of a saved split chosen in the control; None for any other choice."""
    return split.removeprefix(SAVED_PREFIX) if split.startswith(SAVED_PREFIX) else None


def load_catalogue(name: str, split: str) -> Catalogue:
    """The data set with its split and its index, read once for all sessions.

    Raises:
        DataError: the data set is missing, or in no known layout.
    """
    path = datasets.path_of(name)
    saved = saved_name(split)
    file = None if saved is None else saved_splits.split_path(storage_key(name), saved)
    stored = [store.folder(path) / store.ABOUT, *([] if file is None else [file])]
    times = tuple(one.stat().st_mtime_ns if one.exists() else 0 for one in stored)
    return _load(name, split, datasets.change_stamp(path), times, file)


@st.cache_resource(max_entries=8, show_spinner="Reading the data set")
def _load(
    name: str, split: str, stamp: tuple[float, ...], times: tuple[int, ...], file: Path | None
) -> Catalogue:
    manifest, path = datasets.load(name), datasets.path_of(name)
    try:
        parts = None
        if file is not None:
            parts = split_files.fit_to_manifest(split_files.read_split(file), manifest).parts
        elif split != OWN_SPLIT:
            parts = datasets.model_split(manifest, split)
    except AllScopeError as error:  # the images can be shown without the split
        return replace(catalogue.load(path, manifest), problem=str(error))
    return catalogue.load(path, manifest, parts=parts)
