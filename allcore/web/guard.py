"""Who may open a page: every page script's first statement is `guard.require(page)`.

A page must not rely on app.py having run before it: a freshly started server that is first asked
for `/predict` runs pages/predict.py by itself. So the guard brings the frame up when nobody else
has, and reads the account, its role and whether it is active from the database in every run.

A click inside a fragment runs the fragment alone, without the page and its guard. So pages take
`fragment` and `dialog` from here, which look first whether it is still the same person in the same
role, and have the whole page drawn anew where it is not.
"""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec

import streamlit as st

from allcore.errors import AllScopeError
from allcore.store import roles
from allcore.web import accounts, frame, navigation, page_table
from allcore.web.accounts import Visitor
from allcore.web.page_table import Page
from allcore.web.sign_in import forms

__all__ = ["Visitor", "dialog", "every", "fragment", "require"]

DEMO_REASON = (
    "A demonstration stores nothing, so this page needs an account: sign in to open it, or look at "
    "the other pages."
)
_LET_IN = "guard_let_in"
"""Key of who was let in, until somebody else is looking."""

Given = ParamSpec("Given")


def require(name: str) -> Visitor:
    """Return who is looking at the page, or show why they may not and end the run.

    Args:
        name: stem of the page's script; `allcore.web.page_table` says which role opens it.
    """
    page = page_table.page(name)
    navigation.enter()
    try:
        visitor = accounts.visitor()
    except AllScopeError as error:
        frame.unavailable(error)
    if page.opens_to(visitor.role):
        st.session_state[_LET_IN] = visitor
        return visitor
    if visitor.signed_in:
        _another_role(page)
    else:
        reason = DEMO_REASON if visitor.role == "demo" else "Sign in to open this page."
        forms.sign_in(title="Sign in", reason=reason)
    st.stop()


def fragment(drawn: Callable[Given, None]) -> Callable[Given, None]:
    """Make a fragment, as `st.fragment` does, that draws for who was let in alone."""
    made: Callable[Given, None] = st.fragment(_guarded(drawn))
    return made


def every(seconds: float) -> Callable[[Callable[Given, None]], Callable[Given, None]]:
    """Make a fragment that is drawn anew by itself, and as `fragment` does."""

    def decorate(drawn: Callable[Given, None]) -> Callable[Given, None]:
        made: Callable[Given, None] = st.fragment(_guarded(drawn), run_every=seconds)
        return made

    return decorate


def dialog(title: str, **options: Any) -> Callable[[Callable[Given, None]], Callable[Given, None]]:
    """Make a dialog, as `st.dialog` does, that draws for who was let in alone."""

    def decorate(drawn: Callable[Given, None]) -> Callable[Given, None]:
        made: Callable[Given, None] = st.dialog(title, **options)(_guarded(drawn))
        return made

    return decorate


def _guarded(drawn: Callable[Given, None]) -> Callable[Given, None]:
    @functools.wraps(drawn)
    def run(*given: Given.args, **named: Given.kwargs) -> None:
        let_in = st.session_state.get(_LET_IN)
        if let_in is not None and accounts.visitor() != let_in:
            st.rerun()
        drawn(*given, **named)

    return run


def _another_role(page: Page) -> None:
    """Say which role opens a page that this one does not."""
    frame.header(
        title=f"For {roles.ROLES[page.role].people}",
        question="Your account's role does not open this page.",
    )
    st.info(
        "Ask an administrator for the role if you need it.",
        icon=":material/lock:",
        width=frame.TEXT_WIDTH,
    )
