"""Pages of several views: one is drawn at a time, and the address says which."""

from collections.abc import Callable, Mapping
from typing import Generic, NamedTuple, TypeVar

import streamlit as st

Context = TypeVar("Context")
KEY = "view"
"""Of the control, and of the address."""
OPEN = "open"
"""What names a view in a link, by its key: what a page's own controls keep in the address is lost
on the way to another page that has such a control as well."""


class View(NamedTuple, Generic[Context]):
    """A view: what it is called, what draws it."""

    title: str
    show: Callable[[Context], None]


def choose(views: Mapping[str, View[Context]]) -> View[Context]:
    """Draw the control and give the view that is asked for, the first one unless another is."""
    wanted = st.query_params.get(OPEN)
    if wanted is not None:
        del st.query_params[OPEN]
    if wanted in views:
        st.session_state[KEY] = wanted
    key = st.segmented_control(
        "View", list(views), default=next(iter(views)), required=True, wrap=True, key=KEY,
        format_func=lambda each: views[each].title, label_visibility="collapsed",
        bind="query-params",
    )  # fmt: skip
    return views[key]


def turn_to(key: str) -> None:
    """Show another view in the next run; to be called where a control calls back."""
    st.session_state[KEY] = key
