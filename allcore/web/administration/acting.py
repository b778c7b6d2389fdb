"""Who an administrator's changes are told under, and the buttons that ask before they are made."""

from collections.abc import Callable

import streamlit as st

from allcore.errors import AllScopeError
from allcore.store.audit import By
from allcore.web import address, frame
from allcore.web.accounts import Visitor


def by(user: Visitor) -> By:
    """Who is acting, for the audit log, and from where."""
    return By(user.name, address.of_visitor())


def confirmed(label: str, icon: str, *, sentence: str, act: Callable[[], str]) -> str | None:
    """Draw a button that says what it will do and asks; give what `act` gives once it was done."""
    with st.popover(label, icon=icon):
        st.markdown(sentence)
        if not st.button(f"Yes, {label[0].lower()}{label[1:]}", type="primary"):
            return None
    return tried(act)


def tried(act: Callable[[], str]) -> str | None:
    """Give what was done; say what went wrong otherwise."""
    try:
        return act()
    except AllScopeError as error:
        frame.problem(error)
        return None
