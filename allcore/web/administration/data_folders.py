"""Folders below which people may connect data sets: those of the settings, and others."""

import functools
from pathlib import Path

import streamlit as st

from allcore import formats, settings
from allcore.audit.index import jobs
from allcore.data import data_roots
from allcore.errors import AllScopeError
from allcore.store import admin_settings
from allcore.web import accounts, datasets, frame
from allcore.web.accounts import Visitor
from allcore.web.administration import actions

_KEY = "data_roots"
_ABOUT = (
    "Everyone with an account may connect data sets that lie in these folders, and everyone then "
    "sees their pictures. Allow folders that hold data alone."
)


def show_data_folders(user: Visitor) -> None:
    """Draw the section."""
    st.subheader("Folders of data", anchor=False)
    frame.caption(_ABOUT)
    folders = admin_settings.read(accounts.store(), _KEY)
    notice = None
    for folder in data_roots.allowed(settings.load()):
        _folder_box(
            str(folder), "Named by ALLSCOPE_DATA_ROOTS or ALLSCOPE_DATA, and changed there."
        )
    for folder in folders.value:
        with _folder_box(folder, "Allowed here."):
            number = formats.count(len(_connected(folder)), "connected data set")
            notice = notice or actions.confirm(
                "Remove",
                ":material/folder_off:",
                sentence=f"Nothing more can be connected there, and {number} there can't be opened "
                "any more. No file is touched.",
                act=functools.partial(remove, user, folder),
                key=f"remove {folder}",
            )
    with st.form("folder", width=frame.TEXT_WIDTH):
        # Another key once there is one more, so that what was typed goes then, and only then.
        key = f"folder {len(folders.value)}"
        path = st.text_input("Whole path of a folder on the server", key=key)
        pressed = st.form_submit_button("Allow the folder", icon=":material/create_new_folder:")
    frame.caption(actions.change_history({_KEY: folders}, {_KEY: "Folders"}))
    if pressed:
        notice = actions.attempt(lambda: allow(user, path.strip()))
    actions.rerun_with_notice(notice)


def allow(user: Visitor, path: str) -> str:
    """Allow a folder besides those of the settings; return a sentence.

    Raises:
        AllScopeError: it can't be allowed, or the visitor's role may not.
    """
    store = accounts.store_to("administer")
    place = str(data_roots.allowable(Path(path), datasets.data_settings()))
    admin_settings.update(
        store, user.name, _KEY,
        lambda folders: folders if place in folders else [*folders, place],
        address=user.actor.address,
    )  # fmt: skip
    return f"People may connect data sets in {place}."


def remove(user: Visitor, folder: str) -> str:
    """Withdraw a folder, stop its indexing, and return a sentence.

    Raises:
        AllScopeError: the visitor's role may not.
    """
    store = accounts.store_to("administer")
    admin_settings.update(
        store, user.name, _KEY,
        lambda folders: [allowed for allowed in folders if allowed != folder],
        address=user.actor.address,
    )  # fmt: skip
    for path in _connected(folder):
        try:
            datasets.check_allowed(path)
        except AllScopeError:
            jobs.cancel(path)
    return f"{folder} is not allowed any more."


def _folder_box(folder: str, caption: str) -> "st.delta_generator.DeltaGenerator":
    row = st.container(border=True, width=frame.TEXT_WIDTH)
    row.markdown(f":material/folder: {frame.plain(folder)}")
    row.caption(caption)
    try:
        data_roots.checked(Path(folder), datasets.data_settings())
    except AllScopeError as error:
        row.warning(frame.plain(str(error)), icon=":material/warning:")
    return row


def _connected(folder: str) -> list[Path]:
    paths = (connection.path for connection in datasets.connections())
    return [path for path in paths if path.is_relative_to(folder)]
