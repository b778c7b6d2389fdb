"""Which data set is shown, and which split of it."""

from dataclasses import replace
from pathlib import Path

import streamlit as st

from allcore import model_folder, settings
from allcore.audit.index import catalogue, store
from allcore.audit.index.catalogue import Catalogue
from allcore.data import saved_splits, split_files
from allcore.errors import AllScopeError
from allcore.web import datasets

DATA, SPLIT = "data", "split"
"""Keys of the controls, and of the address."""
OWN_SPLIT = "The data set's own"
SAVED_PREFIX = "Saved: "
"""Before the name of a saved split in the control."""


def choose_dataset() -> str:
    """The name of the data set to look at, chosen in the sidebar."""
    names = datasets.names()
    return str(
        st.sidebar.selectbox("Data set", names, key=DATA, bind="query-params", help=datasets.HELP)
    )


def choose_split(name: str) -> str:
    """What the split shown is of, chosen in the sidebar.

    Args:
        name: of the data set; it has its own split, those of models and those saved under names.
    """
    names = [OWN_SPLIT, *model_folder.names(), *_saved(name)]
    preferred = settings.load().model
    index = names.index(preferred) if preferred in names else 0
    return str(
        st.sidebar.selectbox("Split shown", names, index=index, key=SPLIT, bind="query-params")
    )


def _saved(name: str) -> list[str]:
    try:
        return [SAVED_PREFIX + each.name for each in saved_splits.list_of(storage_key(name))]
    except AllScopeError:  # said when the data set is read
        return []


def storage_key(name: str) -> str:
    """What the index and the saved splits of a data set lie under.

    Raises:
        DataError: there is no such data set any more.
    """
    return store.folder(datasets.path_of(name)).name


def saved_name(split: str) -> str | None:
    """The name of a saved split as the control has it; None for another's."""
    return split.removeprefix(SAVED_PREFIX) if split.startswith(SAVED_PREFIX) else None


def load_catalogue(name: str, split: str) -> Catalogue:
    """The data set with the split and what is indexed of it, read once for all sessions.

    Raises:
        DataError: the data set is missing, or in no known layout.
    """
    path = datasets.path_of(name)
    about = store.folder(path) / store.ABOUT
    stamp = about.stat().st_mtime_ns if about.exists() else 0
    saved = saved_name(split)
    file = None if saved is None else saved_splits.path(storage_key(name), saved)
    drawn = file.stat().st_mtime_ns if file is not None and file.exists() else 0
    return _load(name, split, datasets.change_stamp(path), (stamp, drawn), file)


@st.cache_resource(max_entries=8, show_spinner="Reading the data set")
def _load(
    name: str, split: str, state: tuple[float, ...], stamps: tuple[int, int], file: Path | None
) -> Catalogue:
    manifest, path = datasets.load(name), datasets.path_of(name)
    try:
        parts = None
        if file is not None:
            parts = split_files.fitted(split_files.read(file), manifest).parts
        elif split != OWN_SPLIT:
            parts = datasets.model_split(manifest, split)
    except AllScopeError as error:  # the cells can be shown without
        return replace(catalogue.from_manifest(path, manifest), problem=str(error))
    return catalogue.from_manifest(path, manifest, parts=parts)
