"""Pages of several views: one is drawn at a time, and the address says which."""

from collections.abc import Callable, Mapping
from typing import Generic, NamedTuple, TypeVar

import streamlit as st

Context = TypeVar("Context")
KEY = "view"
"""Of the control, and of the address."""


class View(NamedTuple, Generic[Context]):
    """A view: what it is called, what draws it."""

    title: str
    show: Callable[[Context], None]


def choose(views: Mapping[str, View[Context]]) -> View[Context]:
    """Draw the control and give the view that is asked for, the first one unless another is."""
    key = st.segmented_control(
        "View", list(views), default=next(iter(views)), required=True, wrap=True, key=KEY,
        format_func=lambda each: views[each].title, label_visibility="collapsed",
        bind="query-params",
    )  # fmt: skip
    return views[key]


def turn_to(key: str) -> None:
    """Show another view in the next run; to be called where a control calls back."""
    st.session_state[KEY] = key
