"""The data set and split that every view of the Dataset page shows, and their controls."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

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

Result = TypeVar("Result")
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
    """Draw the control of the data set; return its name."""
    return _select("Data set", datasets.names(), key=DATA, width=240)


def choose_split(name: str) -> str:
    """Draw the control of the split; return its choice.

    The data set's own split, those of models and its saved ones can be chosen.
    """
    try:
        saved = [SAVED_PREFIX + split.name for split in saved_splits.list_splits(storage_key(name))]
    except AllScopeError:  # reported where the data set is read
        saved = []
    choices = [OWN_SPLIT, *model_folder.names(), *saved]
    default = settings.load().model
    index = choices.index(default) if default in choices else 0
    return _select("Split", choices, key=SPLIT, index=index, width=200)


def _select(title: str, options: list[str], *, key: str, index: int = 0, width: int) -> str:
    """Draw a control with its title before it; return the option."""
    with st.container(horizontal=True, vertical_alignment="center", width="content", gap="xsmall"):
        st.caption(title, width="content")
        return str(
            st.selectbox(
                title,
                options,
                index=index,
                key=key,
                bind="query-params",
                width=width,
                label_visibility="collapsed",
            )
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


def computed(function: Callable[..., Result], *arguments: object) -> Result:
    """Return the result of a function, computed once for all sessions.

    Args:
        function: of a module, without effects.
        arguments: texts, numbers, and objects that never change, such as a catalogue.
    """
    name = f"{function.__module__}.{function.__qualname__}"
    keys = tuple(each if isinstance(each, str | int) else id(each) for each in arguments)
    result: Result = _computed(name, keys, function, arguments)[0]
    return result


# The result holds the arguments, so no other object gets the id of one while it is cached.
@st.cache_resource(max_entries=64, show_spinner=False)
def _computed(
    name: str, keys: tuple[str | int, ...], _function: Callable[..., Any], _arguments: Any
) -> tuple[Any, Any]:
    return _function(*_arguments), _arguments
