"""Where the data set shown lies and how it is indexed; connecting others; checking a copy."""

import streamlit as st

from allcore.store import roles
from allcore.web import frame
from allcore.web.accounts import Visitor
from allcore.web.dataset import connect_folder, connect_index, connect_list, connect_verify
from allcore.web.dataset.context import Context


def show_connect(context: Context) -> None:
    """Draw the view, for who may connect data sets."""
    if not context.user.may("connect"):
        show_connections(context.user)
        return
    connect_index.show_index(context)
    if not context.synthetic:
        connect_verify.show_verification(context)
    show_connections(context.user)


def show_connections(user: Visitor) -> None:
    """Draw what does not hang on the data set shown, which may be unreadable."""
    if not user.may("connect"):
        st.info(roles.refusal(user.role, "connect"), icon=":material/lock:", width=frame.TEXT_WIDTH)
        return
    connect_folder.show_connect_folder(user)
    connect_list.show_connected(user)
