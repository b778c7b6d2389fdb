"""Who may open a page: every page script's first statement is `guard.require(role)`.

A page must not rely on app.py having run before it: a freshly started server that is first asked
for `/predict` runs pages/predict.py by itself. So the guard brings the frame up when nobody else
has, and reads the account, its role and whether it is active from the database in every run.
"""

import streamlit as st

from allcore.errors import AllScopeError
from allcore.web import accounts, forms, frame, navigation
from allcore.web.accounts import Visitor

__all__ = ["Visitor", "require"]


def require(role: str) -> Visitor:
    """Return who is looking at the page, or show why they may not and end the run.

    Args:
        role: The least role that may open the page: "visitor", "user" or "admin".
    """
    navigation.enter()
    try:
        visitor = accounts.visitor()
    except AllScopeError as error:
        frame.unavailable(error)
    if visitor.may(role):
        return visitor
    if visitor.role == "visitor":
        forms.sign_in(title="Sign in", reason="Sign in to open this page.")
    else:
        frame.header(
            title="For administrators", question="Your account's role does not open this page."
        )
        st.info(
            "Ask an administrator for the role if you need it.",
            icon=":material/lock:",
            width=frame.TEXT_WIDTH,
        )
    st.stop()
