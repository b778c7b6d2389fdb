"""Connecting another folder: found by its path or by walking there, looked at, then connected."""

from pathlib import Path

import streamlit as st

from allcore import settings
from allcore.data import data_roots, dataset_inspection
from allcore.data.data_roots import Folder, Level
from allcore.data.dataset_inspection import DatasetSummary
from allcore.errors import AllScopeError, StoreError
from allcore.store import data_sets
from allcore.web import accounts, client_address, datasets, frame
from allcore.web.accounts import Visitor
from allcore.web.dataset import sources
from allcore.web.dataset.connect_index import count, layout_sentence

NONE_ALLOWED = (
    "Only the data set of the settings and the synthetic one are here: " + data_roots.HOW + ", the "
    "folders below which people may connect data sets."
)
PATH, _AT, _LOOKED, _PROBLEM = "connect path", "connect at", "connect looked", "connect problem"
"""Keys: the path that is typed, the folder that is open, the path that was looked at."""


def show_connect_folder(user: Visitor) -> None:
    """Draw the part of the view."""
    st.subheader("Connect another folder", anchor=False)
    frame.show_said()
    if not datasets.data_settings().data_roots:
        st.info(frame.plain(NONE_ALLOWED), icon=":material/lock:", width=frame.TEXT_WIDTH)
        return
    with st.container(border=True, width=frame.TEXT_WIDTH):
        _walk()
        path = st.text_input("Path of a folder or CSV table on the server", key=PATH).strip()
        # Never disabled: a click right after typing would be lost on a button that is.
        if st.button("Look", icon=":material/visibility:"):
            st.session_state[_LOOKED] = path
            if not path:
                st.info("Choose a folder above, or type the path of one.", icon=":material/info:")
        if path and st.session_state.get(_LOOKED) == path:
            _looked(user, path)


def _walk() -> None:
    """The folders one level below the one that is open."""
    here: Path | None = st.session_state.get(_AT)
    try:
        level = None if here is None else _level(data_roots.checked(here, datasets.data_settings()))
    except AllScopeError as error:
        frame.problem(error)
        level = here = None
    folders = _roots() if level is None else level.folders
    left, right = st.columns((4, 1), vertical_alignment="bottom")
    key = f"connect open {here}"
    left.selectbox(
        _title(here),
        range(len(folders)),
        index=None,
        placeholder="Open a folder" if folders else "No folder in here",
        format_func=lambda at: _named(folders[at], whole=here is None),
        key=key,
        on_change=_open_chosen,
        args=(key, folders),
        disabled=not folders,
    )
    right.button(
        "Up", icon=":material/arrow_upward:", disabled=here is None, on_click=_up, width="stretch"
    )
    if level is not None:
        _left_out(level)


def _left_out(level: Level) -> None:
    if level.more:
        st.caption(f"{count(level.more, 'more folder')} in here: write the path of such a one.")
    if level.unspeakable:
        st.caption(
            f"{count(level.unspeakable, 'folder')} left out, because the name is no text that "
            "can be shown: rename it."
        )


def _looked(user: Visitor, path: str) -> None:
    """What would be read, and the button that connects it; or why not."""
    try:
        place = data_roots.checked(Path(path), datasets.data_settings())
        found = _look(place, datasets.change_stamp(place))
    except AllScopeError as error:
        frame.problem(error)
        return
    st.markdown(f"**{frame.plain(layout_sentence(found))}**")
    for sentence in found.warnings:
        st.warning(frame.plain(sentence), icon=":material/warning:")
    name = f"connect name {place}"
    st.text_input("Name", value=_proposed(place), max_chars=data_sets.MAX_NAME, key=name)
    st.button(
        "Connect", type="primary", icon=":material/add_link:", on_click=_connect,
        args=(user, place, name),
    )  # fmt: skip
    if sentence := st.session_state.pop(_PROBLEM, None):
        st.error(frame.plain(sentence), icon=":material/error:")


def _connect(user: Visitor, place: Path, key: str) -> None:
    """Connect and show it; what stands in the way is told in the next run."""
    try:
        kept = connect_path(user, place, str(st.session_state[key]))
    except AllScopeError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    # Set and not dropped, or the browser would go on showing what was typed.
    st.session_state[PATH] = st.session_state[_LOOKED] = ""
    st.session_state[sources.DATA] = kept.name
    frame.say_next(f"{kept.name} is connected and shown now; index it next.")


def connect_path(user: Visitor, place: Path, name: str) -> data_sets.DataSet:
    """Connect a place that may be connected.

    Raises:
        AllScopeError: it may not, it can't be read, or name or place are taken; or the role of who
            asks does not allow it.
    """
    store = accounts.store_to("connect")
    place = data_roots.checked(place, datasets.data_settings())
    given = settings.load().data
    if given is not None and place == given.expanduser().resolve():
        raise StoreError(f"It is connected already, as '{datasets.CONFIGURED}'.")
    datasets.read_manifest(place)
    return data_sets.connect(
        store,
        user.name,
        name=name,
        path=place,
        taken=datasets.RESERVED_NAMES,
        where=client_address.of_visitor(),
    )


def _proposed(place: Path) -> str:
    """The name of a folder or table, as far as a name may be long."""
    name = " ".join((place.stem if place.suffix else place.name).split())
    return name[: data_sets.MAX_NAME] or "Data"


def _roots() -> tuple[Folder, ...]:
    """The allowed folders; what is in them is counted when they are opened."""
    allowed = data_roots.allowed(datasets.data_settings())
    return tuple(Folder(root, 0, whole=False) for root in allowed if not root.is_file())


def _title(here: Path | None) -> str:
    return "Folders that are allowed" if here is None else f"Folders in {frame.plain(str(here))}"


def _named(folder: Folder, *, whole: bool) -> str:
    if whole:
        return str(folder.path)
    if folder.whole:
        return f"{folder.path.name} ({count(folder.images, 'image')})"
    return f"{folder.path.name} ({folder.images:,} images or more)"


def _open_chosen(key: str, folders: tuple[Folder, ...]) -> None:
    chosen = st.session_state.get(key)
    if chosen is not None and chosen < len(folders):
        _open(folders[chosen].path)


def _open(folder: Path) -> None:
    st.session_state[_AT] = folder
    st.session_state[PATH] = str(folder)


def _up() -> None:
    """Open the folder above, or the list of allowed ones from any of these."""
    here = st.session_state.pop(_AT, None)
    st.session_state[PATH] = ""
    if here is not None and here not in data_roots.allowed(datasets.data_settings()):
        _open(here.parent)


@st.cache_data(max_entries=64, ttl=20, show_spinner="Counting pictures")
def _level(folder: Path) -> Level:
    return data_roots.level(folder, datasets.data_settings())


@st.cache_resource(max_entries=8, ttl=60, show_spinner="Looking at the files")
def _look(place: Path, state: tuple[float, ...]) -> DatasetSummary:
    return dataset_inspection.summarize(datasets.read_manifest(place))
