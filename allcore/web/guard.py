"""The guard of the pages: the first statement of each script is `guard.require(NAME)`.

A page can't rely on app.py: a server whose first request is `/predict` runs pages/predict.py by
itself. So the guard starts the navigation where that has not happened, and reads the account, its
role and whether it is active from the database in every run.

A click inside a fragment runs the fragment alone, without the page and its guard. So pages take
`fragment` and `dialog` from here. They check first that the person and the role are the same, and
rerun the whole page otherwise.
"""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec

import streamlit as st

from allcore.errors import AllScopeError
from allcore.store import roles
from allcore.web import accounts, frame, navigation, page_table
from allcore.web.accounts import Visitor
from allcore.web.sign_in import forms

__all__ = ["Visitor", "dialog", "fragment", "periodic_fragment", "require"]

DEMO_REASON = (
    "A demonstration stores nothing, so this page needs an account: sign in to open it, or look at "
    "the other pages."
)
Parameters = ParamSpec("Parameters")


def require(name: str) -> Visitor:
    """Return the visitor, or show why they may not open the page and end the run.

    The page is named by the stem of its script; `allcore.web.page_table` has its role.
    """
    page = page_table.page(name)
    navigation.enter()
    try:
        visitor = accounts.visitor()
    except AllScopeError as error:
        frame.unavailable(error)
    if page.opens_to(visitor.role):
        st.session_state[accounts.ADMITTED] = visitor
        return visitor
    if visitor.signed_in:
        title = f"For {roles.ROLES[page.role].people}"
        frame.header(title=title, question="Your account's role does not open this page.")
        remedy = "Ask an administrator for the role if you need it."
        frame.info(remedy, icon=":material/lock:")
    else:
        reason = DEMO_REASON if visitor.role == "demo" else "Sign in to open this page."
        forms.show_sign_in(title="Sign in", reason=reason)
    st.stop()


def fragment(function: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Make a fragment, as `st.fragment` does, that runs for the admitted visitor only."""
    return st.fragment(_guarded(function))


def periodic_fragment(
    seconds: float,
) -> Callable[[Callable[Parameters, None]], Callable[Parameters, None]]:
    """Make a fragment, as `fragment` does, that reruns by itself."""
    return lambda function: st.fragment(_guarded(function), run_every=seconds)


def dialog(
    title: str, **options: Any
) -> Callable[[Callable[Parameters, None]], Callable[Parameters, None]]:
    """Make a dialog, as `st.dialog` does, that runs for the admitted visitor only."""
    return lambda function: st.dialog(title, **options)(_guarded(function))


def _guarded(function: Callable[Parameters, None]) -> Callable[Parameters, None]:
    @functools.wraps(function)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        current = accounts.visitor()  # may find that the session is over, and clear it
        if st.session_state.get(accounts.ADMITTED, current) != current:
            st.rerun()
        function(*args, **kwargs)

    return run
