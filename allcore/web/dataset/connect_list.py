"""The data sets that people have connected: show, rename, disconnect."""

import streamlit as st

from allcore.data import data_roots
from allcore.errors import AllScopeError
from allcore.store import data_sets
from allcore.store.data_sets import DataSet
from allcore.web import accounts, client_address, datasets, frame
from allcore.web.accounts import Visitor
from allcore.web.dataset import sources

_PROBLEM = "connected problem"


def show_connected(user: Visitor) -> None:
    """Draw the part of the view; nothing where nothing is connected."""
    connected = datasets.connections()
    if sentence := st.session_state.pop(_PROBLEM, None):
        st.error(frame.plain(sentence), icon=":material/error:", width=frame.TEXT_WIDTH)
    if not connected:
        return
    st.subheader("Connected data sets", anchor=False)
    for each in connected:
        with st.container(border=True, width=frame.TEXT_WIDTH):
            _one(user, each)


def connection_problem(each: DataSet) -> str:
    """Why a connected data set can't be read now; empty where it can."""
    try:
        data_roots.checked(each.path, datasets.data_settings())
    except AllScopeError as error:
        return str(error)
    return ""


def _one(user: Visitor, each: DataSet) -> None:
    who = each.added_by or "an account that is gone"
    st.markdown(f"**{frame.plain(each.name)}**")
    st.caption(
        f"{frame.plain(str(each.path))}  \nconnected by {frame.plain(who)} on "
        f"{each.added_at:%Y-%m-%d}"
    )
    problem = connection_problem(each)
    if problem:
        st.error(frame.plain(problem), icon=":material/error:")
    with st.container(horizontal=True):
        shown = st.session_state.get(sources.DATA) == each.name
        st.button(
            "Shown above" if shown else "Show",
            key=f"show {each.id}",
            disabled=shown or bool(problem),
            on_click=_choose,
            args=(each.name,),
        )
        if each.may_change(user.name, user.role):
            _rename_button(user, each)
            _disconnect_button(user, each)
    if not each.may_change(user.name, user.role):
        st.caption(f"Only {frame.plain(who)} or an administrator may rename or disconnect it.")


def _rename_button(user: Visitor, each: DataSet) -> None:
    with st.popover("Rename", icon=":material/edit:"):
        st.text_input(
            "New name", value=each.name, max_chars=data_sets.MAX_NAME, key=f"name {each.id}"
        )
        st.button(
            "Save the name", key=f"rename {each.id}", type="primary", on_click=_rename,
            args=(user, each),
        )  # fmt: skip


def _disconnect_button(user: Visitor, each: DataSet) -> None:
    with st.popover("Disconnect", icon=":material/link_off:"):
        st.markdown("It goes from the list for everyone. No file is touched; its index is kept.")
        st.button(
            "Yes, disconnect", key=f"disconnect {each.id}", type="primary", on_click=_disconnect,
            args=(user, each),
        )  # fmt: skip


def _rename(user: Visitor, each: DataSet) -> None:
    """Rename it, and go on showing it where it is shown."""
    # What stands in the field now: text may be typed and the button pressed in one go.
    name = str(st.session_state[f"name {each.id}"])
    try:
        store, where = accounts.store_to("connect"), client_address.of_visitor()
        data_sets.rename(
            store, user.name, each.id, name=name, taken=datasets.RESERVED_NAMES, where=where
        )
    except AllScopeError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    kept = next((other.name for other in datasets.connections() if other.id == each.id), None)
    if kept and st.session_state.get(sources.DATA) == each.name:
        _choose(kept)


def _disconnect(user: Visitor, each: DataSet) -> None:
    try:
        store = accounts.store_to("connect")
        data_sets.disconnect(store, user.name, each.id, where=client_address.of_visitor())
    except AllScopeError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    if st.session_state.get(sources.DATA) == each.name:
        _choose(datasets.names()[0])


def _choose(name: str) -> None:
    st.session_state[sources.DATA] = name
