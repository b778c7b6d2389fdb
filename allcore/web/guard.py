"""Who may open a page: every page script's first statement is `guard.require(role)`.

A page must not rely on app.py having run before it: a freshly started server that is first asked
for `/predict` runs pages/predict.py by itself. So the guard brings the frame up when nobody else
has, and reads the account, its role and whether it is active from the database in every run.
"""

import streamlit as st

from allcore import errors
from allcore.web import accounts, forms, frame, navigation
from allcore.web.accounts import Visitor

__all__ = ["Visitor", "require"]

RANKS = {"visitor": 0, "user": 1, "admin": 2}
"""A role may open what any lower role may open. A visitor is not signed in."""


def require(role: str) -> Visitor:
    """Return who is looking at the page, or show why they may not and end the run.

    Args:
        role: The least role that may open the page: "visitor", "user" or "admin".
    """
    navigation.enter()
    try:
        visitor = accounts.visitor()
    except errors.StoreError as error:
        frame.unavailable(error)
    if RANKS[visitor.role] >= RANKS[role]:
        return visitor
    if visitor.role == "visitor":
        forms.sign_in(reason="Sign in to open this page.")
    else:
        frame.header(title="Administrators only", question="This page needs another role.")
        st.info("Ask an administrator for access.", icon=":material/lock:", width=frame.TEXT_WIDTH)
    st.stop()
