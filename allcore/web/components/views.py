"""Pages with several views, of which one is drawn; the address names it."""

from collections.abc import Callable, Mapping
from typing import Generic, NamedTuple, TypeVar

import streamlit as st

from allcore.web import presentation

Context = TypeVar("Context")
KEY = "view"
"""Key of the control, and of the address."""
OPEN = "open"
"""Parameter that names a view in a link to a page.

The control's own parameter is lost on the way between two pages that both have the control.
"""


class View(NamedTuple, Generic[Context]):
    """Title of a view, and the function that draws it."""

    title: str
    show: Callable[[Context], None]


def choose_view(views: Mapping[str, View[Context]]) -> View[Context]:
    """Draw the control of the view; return the selected view, by default the first.

    A presentation has the first view alone.
    """
    if presentation.is_on():
        return next(iter(views.values()))
    wanted = st.query_params.get(OPEN)
    if wanted is not None:
        del st.query_params[OPEN]
    if wanted in views:
        st.session_state[KEY] = wanted
    key = st.segmented_control(
        "View", list(views), default=next(iter(views)), required=True, wrap=True, key=KEY,
        format_func=lambda name: views[name].title, label_visibility="collapsed",
        bind="query-params",
    )  # fmt: skip
    return views[key]


def turn_to(key: str) -> None:
    """Show another view in the next run; for callbacks of controls."""
    st.session_state[KEY] = key
