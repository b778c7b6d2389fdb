"""Which data set is shown, and which split of it."""

from dataclasses import replace

import streamlit as st

from allcore import modelfolder, settings
from allcore.errors import AllScopeError
from allcore.index import catalogue, store
from allcore.index.catalogue import Catalogue
from allcore.web import datasets

DATA, SPLIT = "data", "split"
"""Keys of the controls, and of the address."""
OWN = "The data set's own"


def choose() -> str:
    """The name of the data set to look at, chosen in the sidebar."""
    names = datasets.names()
    return str(
        st.sidebar.selectbox("Data set", names, key=DATA, bind="query-params", help=datasets.HELP)
    )


def choose_split() -> str:
    """What the split shown is of, chosen in the sidebar: the data set itself or a model."""
    names = [OWN, *modelfolder.names()]
    preferred = settings.load().model
    index = names.index(preferred) if preferred in names else 0
    return str(
        st.sidebar.selectbox("Split shown", names, index=index, key=SPLIT, bind="query-params")
    )


def load(name: str, split: str) -> Catalogue:
    """The data set with the split and what is indexed of it, read once for all sessions.

    Raises:
        DataError: the data set is missing, or in no known layout.
    """
    path = datasets.path(name)
    about = store.folder(path) / store.ABOUT
    stamp = about.stat().st_mtime_ns if about.exists() else 0
    return _load(name, split, datasets.state(path), stamp)


@st.cache_resource(max_entries=8, show_spinner="Reading the data set")
def _load(name: str, split: str, state: tuple[float, ...], stamp: int) -> Catalogue:
    manifest, path = datasets.load(name), datasets.path(name)
    try:
        parts = None if split == OWN else datasets.parts(manifest, split)
    except AllScopeError as error:  # the cells can be shown without
        return replace(catalogue.joined(path, manifest), problem=str(error))
    return catalogue.joined(path, manifest, parts=parts)
