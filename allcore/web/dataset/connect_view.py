"""Connecting data sets: a folder is chosen, previewed and indexed; and those connected already."""

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
PATH, _OPEN_FOLDER, _INSPECTED = "connect path", "connect at", "connect preview"
"""Session keys: the path in the text field, the open folder, the path of the preview."""
_LIST_HEIGHT = 260
_CONNECT_PROBLEM, _LIST_PROBLEM = "connect problem", "connected problem"
"""Session keys of a problem to show in the next run."""


def show_connect(context: DatasetContext) -> None:
    """Draw the view: the choice of a folder, and beside it its preview or the data set shown."""
    show_connections(context.user, context)
    if context.user.may("connect") and not context.synthetic:
        connect_verify.show_verification(context)


def show_connections(user: Visitor, context: DatasetContext | None = None) -> None:
    """Draw the view's main part, which works without a data set that can be read too."""
    if not user.may("connect"):
        frame.info(roles.refusal(user.role, "connect"), icon=":material/lock:")
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Connect a folder", anchor=False)
        if datasets.data_settings().data_roots:
            _show_folder_form()
        else:
            st.info(frame.plain(NONE_ALLOWED), icon=":material/lock:")
    with right:
        if path := st.session_state.get(_INSPECTED):
            st.subheader("Preview", anchor=False)
            _show_preview(user, path)
        elif context is not None:
            connect_index.show_index(context)
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


def _show_folder_form() -> None:
    _show_folders()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Path of a folder or CSV table on the server", key=PATH, on_change=_inspect_typed
        )
        # Never disabled: a click right after typing would be lost on a button that is.
        pressed = st.button("Preview", icon=":material/visibility:", on_click=_inspect_typed)
    if pressed and not st.session_state[_INSPECTED]:
        st.info("Choose a folder above, or type the path of one.", icon=":material/info:")


def _inspect_typed() -> None:
    st.session_state[_INSPECTED] = st.session_state[PATH].strip()


def _show_folders() -> None:
    """Draw the folders in the open one, or the allowed ones; a click opens and previews one."""
    config = datasets.data_settings()
    roots = [root for root in data_roots.allowed(config) if not root.is_file()]
    opened: Path | None = st.session_state.get(_OPEN_FOLDER, roots[0] if len(roots) == 1 else None)
    try:
        level = None if opened is None else _list_folders(data_roots.checked(opened, config))
    except AllScopeError as error:
        frame.problem(error)
        level = opened = None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Up", icon=":material/arrow_upward:", on_click=_open_parent,
            disabled=opened is None or roots == [opened],
        )  # fmt: skip
        st.markdown("Allowed folders" if level is None else frame.plain(str(opened)))
    with st.container(border=True, height=_LIST_HEIGHT, gap="xxsmall"):
        # Images of allowed folders are counted once one is opened.
        folders = [FolderEntry(root, 0, whole=False) for root in roots]
        for folder in folders if level is None else level.folders:
            count_text = "" if level is None else f" ({_images_text(folder)})"
            st.button(
                f"{frame.plain(folder.path.name if level else str(folder.path))}{count_text}",
                icon=":material/folder:", type="tertiary", key=f"open {folder.path}",
                on_click=_open, args=(folder.path, level is not None and folder.images > 0),
            )  # fmt: skip
        if level is not None and not level.folders:
            st.caption("No folder in here.")
    if level is not None and level.more:
        st.caption(f"{count(level.more, 'more folder')} in here: type the path of such a one.")
    if level is not None and level.unspeakable:
        st.caption(
            f"{count(level.unspeakable, 'folder')} left out, because the name is no text that "
            "can be shown: rename it."
        )


def _images_text(folder: FolderEntry) -> str:
    return count(folder.images, "image") if folder.whole else f"{folder.images:,} images or more"


def _open(path: Path, preview: bool) -> None:
    st.session_state[_OPEN_FOLDER] = path
    st.session_state[PATH] = str(path)
    st.session_state[_INSPECTED] = str(path) if preview else ""


def _open_parent() -> None:
    """Open the parent folder; from an allowed folder, the list of allowed ones."""
    roots = data_roots.allowed(datasets.data_settings())
    opened = st.session_state.pop(_OPEN_FOLDER, None)
    st.session_state[PATH] = st.session_state[_INSPECTED] = ""
    if opened is not None and opened not in roots:
        _open(opened.parent, preview=False)


def _show_preview(user: Visitor, typed: str) -> None:
    """Draw the button that connects and indexes a folder, and what it holds; or why it can't be."""
    try:
        path = data_roots.checked(Path(typed), datasets.data_settings())
        summary = _summarize(path, datasets.change_stamp(path))
    except AllScopeError as error:
        frame.problem(error)
        return
    default = " ".join((path.stem if path.suffix else path.name).split())
    name_key = f"connect name {path}"
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input(
                "Name", value=default[: data_sets.MAX_NAME] or "Data",
                max_chars=data_sets.MAX_NAME, key=name_key,
            )  # fmt: skip
            st.button(
                "Connect and index", type="primary", icon=":material/database:",
                on_click=_connect, args=(user, path, name_key),
            )  # fmt: skip
        if problem := st.session_state.pop(_CONNECT_PROBLEM, None):
            st.error(frame.plain(problem), icon=":material/error:")
        connect_index.show_reading(path, summary, key=f"inspected {path}")


def _connect(user: Visitor, path: Path, name_key: str) -> None:
    """Connect a folder and start its index, then show it."""
    try:
        connection = connect_path(user, path, str(st.session_state[name_key]))
    except AllScopeError as error:
        st.session_state[_CONNECT_PROBLEM] = str(error)
        return
    # Set rather than deleted, or the browser would go on showing the text.
    st.session_state[PATH] = st.session_state[_INSPECTED] = ""
    _show_dataset(connection.name)
    connect_index.start(connection.path)
    st.session_state.pop(_OPEN_FOLDER, None)
    st.toast(
        f"{frame.plain(connection.name)} is connected and shown on all pages.",
        icon=":material/add_link:",
    )


def _show_connected(user: Visitor) -> None:
    if problem := st.session_state.pop(_LIST_PROBLEM, None):
        frame.error(frame.plain(problem), icon=":material/error:")
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
            "Shown" if is_shown else "Show", key=f"show {connection.id}",
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
            "Save", key=f"rename {connection.id}", type="primary", on_click=_rename,
            args=(user, connection),
        )  # fmt: skip
    with st.popover("Disconnect", icon=":material/link_off:"):
        st.markdown("It leaves the list for everyone. No file is changed; its index is kept.")
        st.button(
            "Disconnect it", key=f"disconnect {connection.id}", type="primary",
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


@st.cache_data(max_entries=64, ttl=20, show_spinner="Counting images")
def _list_folders(folder: Path) -> FolderLevel:
    return data_roots.level(folder, datasets.data_settings())


@st.cache_resource(max_entries=8, ttl=60, show_spinner="Reading the files")
def _summarize(path: Path, stamp: tuple[float, ...]) -> DatasetSummary:
    return dataset_inspection.summarize(datasets.read_manifest(path))
