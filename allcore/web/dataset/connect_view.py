"""Connecting data sets: the one shown, another folder, and the list of those connected."""

from pathlib import Path

import streamlit as st

from allcore import settings
from allcore.data import data_roots, dataset_inspection
from allcore.data.data_roots import FolderEntry, FolderLevel
from allcore.data.dataset_inspection import DatasetSummary
from allcore.errors import AllScopeError, StoreError
from allcore.formats import count
from allcore.store import data_sets, roles
from allcore.store.data_sets import DataSet
from allcore.web import accounts, datasets, frame
from allcore.web.accounts import Visitor
from allcore.web.dataset import connect_index, connect_verify
from allcore.web.dataset.context import DATA, DatasetContext

NONE_ALLOWED = (
    "Only the data set of the settings and the synthetic one are here: " + data_roots.HOW + ", the "
    "folders below which people may connect data sets."
)
PATH, _OPEN_FOLDER, _INSPECTED = "connect path", "connect at", "connect looked"
"""Session keys: the path in the text field, the open folder, the path that was inspected."""
_CONNECT_PROBLEM, _LIST_PROBLEM = "connect problem", "connected problem"
"""Session keys of a problem to show in the next run."""


def show_connect(context: DatasetContext) -> None:
    """Draw the view, for people who may connect data sets."""
    if context.user.may("connect"):
        connect_index.show_index(context)
        if not context.synthetic:
            connect_verify.show_verification(context)
    show_connections(context.user)


def show_connections(user: Visitor) -> None:
    """Draw the part that works even where the data set shown can't be read."""
    if not user.may("connect"):
        st.info(roles.refusal(user.role, "connect"), icon=":material/lock:", width=frame.TEXT_WIDTH)
        return
    st.subheader("Connect another folder", anchor=False)
    frame.show_notice()
    if datasets.data_settings().data_roots:
        with st.container(border=True, width=frame.TEXT_WIDTH):
            _show_folder_form(user)
    else:
        st.info(frame.plain(NONE_ALLOWED), icon=":material/lock:", width=frame.TEXT_WIDTH)
    _show_connected(user)


def connect_path(user: Visitor, path: Path, name: str) -> DataSet:
    """Connect a folder or table.

    Raises:
        AllScopeError: it is not allowed or can't be read, its name or path is taken, or the
            visitor's role may not connect data sets.
    """
    store = accounts.store_to("connect")
    path = data_roots.checked(path, datasets.data_settings())
    configured = settings.load().data
    if configured is not None and path == configured.expanduser().resolve():
        raise StoreError(f"It is connected already, as '{datasets.CONFIGURED}'.")
    datasets.read_manifest(path)
    return data_sets.connect(
        store, user.name, name=name, path=path, taken=datasets.RESERVED_NAMES,
        address=user.actor.address,
    )  # fmt: skip


def connection_problem(connection: DataSet) -> str:
    """Why a connected data set can't be read now; empty where it can."""
    try:
        data_roots.checked(connection.path, datasets.data_settings())
    except AllScopeError as error:
        return str(error)
    return ""


def _show_folder_form(user: Visitor) -> None:
    _show_folders()
    path = st.text_input("Path of a folder or CSV table on the server", key=PATH).strip()
    # Never disabled: a click right after typing would be lost on a button that is.
    if st.button("Look", icon=":material/visibility:"):
        st.session_state[_INSPECTED] = path
        if not path:
            st.info("Choose a folder above, or type the path of one.", icon=":material/info:")
    if path and st.session_state.get(_INSPECTED) == path:
        _show_inspection(user, path)


def _show_folders() -> None:
    """Draw the choice of a folder in the open folder, or of an allowed one."""
    opened: Path | None = st.session_state.get(_OPEN_FOLDER)
    config = datasets.data_settings()
    try:
        level = None if opened is None else _list_folders(data_roots.checked(opened, config))
    except AllScopeError as error:
        frame.problem(error)
        level = opened = None
    if level is None:  # images in allowed folders are counted once they are opened
        roots = [root for root in data_roots.allowed(config) if not root.is_file()]
        folders = tuple(FolderEntry(root, 0, whole=False) for root in roots)
        title, names = "Folders that are allowed", [str(root) for root in roots]
    else:
        folders, title = level.folders, f"Folders in {frame.plain(str(opened))}"
        names = []
        for folder in folders:
            images = count(folder.images, "image")
            more = images if folder.whole else f"{folder.images:,} images or more"
            names.append(f"{folder.path.name} ({more})")
    left, right = st.columns((4, 1), vertical_alignment="bottom")
    key = f"connect open {opened}"
    left.selectbox(
        title, range(len(folders)), index=None, format_func=names.__getitem__, key=key,
        placeholder="Open a folder" if folders else "No folder in here", disabled=not folders,
        on_change=_open_selected, args=(key, folders),
    )  # fmt: skip
    right.button(
        "Up", icon=":material/arrow_upward:", disabled=opened is None, on_click=_open_parent,
        width="stretch",
    )  # fmt: skip
    if level is not None and level.more:
        st.caption(f"{count(level.more, 'more folder')} in here: write the path of such a one.")
    if level is not None and level.unspeakable:
        st.caption(
            f"{count(level.unspeakable, 'folder')} left out, because the name is no text that "
            "can be shown: rename it."
        )


def _open_selected(key: str, folders: tuple[FolderEntry, ...]) -> None:
    number = st.session_state.get(key)
    if number is not None and number < len(folders):
        st.session_state[_OPEN_FOLDER] = folders[number].path
        st.session_state[PATH] = str(folders[number].path)


def _open_parent() -> None:
    """Open the parent folder; from an allowed folder, the list of allowed ones."""
    opened = st.session_state.pop(_OPEN_FOLDER, None)
    st.session_state[PATH] = ""
    if opened is not None and opened not in data_roots.allowed(datasets.data_settings()):
        st.session_state[_OPEN_FOLDER] = opened.parent
        st.session_state[PATH] = str(opened.parent)


def _show_inspection(user: Visitor, typed: str) -> None:
    """Draw layout and counts of a folder with the button that connects it; or why it can't be."""
    try:
        path = data_roots.checked(Path(typed), datasets.data_settings())
        summary = _summarize(path, datasets.change_stamp(path))
    except AllScopeError as error:
        frame.problem(error)
        return
    connect_index.show_reading(path, summary, key=f"inspected {path}")
    default = " ".join((path.stem if path.suffix else path.name).split())
    name_key = f"connect name {path}"
    st.text_input(
        "Name", value=default[: data_sets.MAX_NAME] or "Data", max_chars=data_sets.MAX_NAME,
        key=name_key,
    )  # fmt: skip
    st.button(
        "Connect", type="primary", icon=":material/add_link:", on_click=_connect,
        args=(user, path, name_key),
    )  # fmt: skip
    if problem := st.session_state.pop(_CONNECT_PROBLEM, None):
        st.error(frame.plain(problem), icon=":material/error:")


def _connect(user: Visitor, path: Path, name_key: str) -> None:
    try:
        connection = connect_path(user, path, str(st.session_state[name_key]))
    except AllScopeError as error:
        st.session_state[_CONNECT_PROBLEM] = str(error)
        return
    # Set rather than deleted, or the browser would go on showing the text.
    st.session_state[PATH] = st.session_state[_INSPECTED] = ""
    _show_dataset(connection.name)
    frame.set_notice(f"{connection.name} is connected and shown now; index it next.")


def _show_connected(user: Visitor) -> None:
    if problem := st.session_state.pop(_LIST_PROBLEM, None):
        st.error(frame.plain(problem), icon=":material/error:", width=frame.TEXT_WIDTH)
    connections = datasets.connections()
    if not connections:
        return
    st.subheader("Connected data sets", anchor=False)
    for connection in connections:
        with st.container(border=True, width=frame.TEXT_WIDTH):
            _show_connection(user, connection)


def _show_connection(user: Visitor, connection: DataSet) -> None:
    owner = connection.added_by or "an account that is gone"
    st.markdown(f"**{frame.plain(connection.name)}**")
    st.caption(
        f"{frame.plain(str(connection.path))}  \nconnected by {frame.plain(owner)} on "
        f"{connection.added_at:%Y-%m-%d}"
    )
    if problem := connection_problem(connection):
        st.error(frame.plain(problem), icon=":material/error:")
    may_change = connection.may_change(user.name, user.role)
    with st.container(horizontal=True):
        is_shown = st.session_state.get(DATA) == connection.name
        st.button(
            "Shown above" if is_shown else "Show", key=f"show {connection.id}",
            disabled=is_shown or bool(problem), on_click=_show_dataset, args=(connection.name,),
        )  # fmt: skip
        if may_change:
            _show_change_buttons(user, connection)
    if not may_change:
        st.caption(f"Only {frame.plain(owner)} or an administrator may rename or disconnect it.")


def _show_change_buttons(user: Visitor, connection: DataSet) -> None:
    with st.popover("Rename", icon=":material/edit:"):
        st.text_input(
            "New name", value=connection.name, max_chars=data_sets.MAX_NAME,
            key=f"name {connection.id}",
        )  # fmt: skip
        st.button(
            "Save the name", key=f"rename {connection.id}", type="primary", on_click=_rename,
            args=(user, connection),
        )  # fmt: skip
    with st.popover("Disconnect", icon=":material/link_off:"):
        st.markdown("It goes from the list for everyone. No file is touched; its index is kept.")
        st.button(
            "Yes, disconnect", key=f"disconnect {connection.id}", type="primary",
            on_click=_disconnect, args=(user, connection),
        )  # fmt: skip


def _rename(user: Visitor, connection: DataSet) -> None:
    # The field's current value: text may be typed and the button pressed in one go.
    name = str(st.session_state[f"name {connection.id}"])
    try:
        data_sets.rename(
            accounts.store_to("connect"), user.name, connection.id, name=name,
            taken=datasets.RESERVED_NAMES, address=user.actor.address,
        )  # fmt: skip
    except AllScopeError as error:
        st.session_state[_LIST_PROBLEM] = str(error)
        return
    if st.session_state.get(DATA) == connection.name:
        names = {one.id: one.name for one in datasets.connections()}
        _show_dataset(names.get(connection.id, connection.name))


def _disconnect(user: Visitor, connection: DataSet) -> None:
    try:
        store = accounts.store_to("connect")
        data_sets.disconnect(store, user.name, connection.id, address=user.actor.address)
    except AllScopeError as error:
        st.session_state[_LIST_PROBLEM] = str(error)
        return
    if st.session_state.get(DATA) == connection.name:
        _show_dataset(datasets.names()[0])


def _show_dataset(name: str) -> None:
    st.session_state[DATA] = name


@st.cache_data(max_entries=64, ttl=20, show_spinner="Counting pictures")
def _list_folders(folder: Path) -> FolderLevel:
    return data_roots.level(folder, datasets.data_settings())


@st.cache_resource(max_entries=8, ttl=60, show_spinner="Looking at the files")
def _summarize(path: Path, stamp: tuple[float, ...]) -> DatasetSummary:
    return dataset_inspection.summarize(datasets.read_manifest(path))
