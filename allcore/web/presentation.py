"""The stakeholder's view: pictures and first figures for a projector, without controls.

The address asks for it by ``?view=present``; a demonstration opens so. What is hidden is in
``index_head.html``, which looks for the key of `frame.header`.
"""

import streamlit as st

from allcore import settings
from allcore.web.cookie import SESSION_KEY

PAGES = ("home", "predict", "evaluation")
"""Names of the pages that have the view."""
KEY, VALUE = "view", "present"
"""Parameter of the address; on Evaluation, its other values are the page's own views."""
_ON, _HERE = "presenting", "presentation_page"


def enter(page: str) -> None:
    """Note which page is open, by the stem of its script, and what its address asks for."""
    st.session_state[_HERE] = page in PAGES
    wanted = st.query_params.get(KEY)
    if page in PAGES and wanted is not None:
        st.session_state[_ON] = wanted == VALUE


def is_offered() -> bool:
    """Tell whether the open page has the view."""
    return bool(st.session_state.get(_HERE))


def is_on() -> bool:
    """Tell whether the open page is shown so."""
    if not is_offered() or _ON in st.session_state:
        return is_offered() and bool(st.session_state[_ON])
    return is_demonstration()


def is_demonstration() -> bool:
    """Tell whether the visitor looks at a demonstration, without an account."""
    return settings.load().demo and not st.session_state.get(SESSION_KEY)


def show_switch() -> None:
    """Draw the button between both views, where the open page has them."""
    if is_offered():
        on = is_on()
        st.button(
            "Show all controls" if on else "Present",
            key="presentation_switch", type="tertiary", on_click=_turn, args=(not on,),
            icon=":material/tune:" if on else ":material/present_to_all:",
        )  # fmt: skip


def _turn(on: bool) -> None:
    st.session_state[_ON] = on
    if on:
        st.query_params[KEY] = VALUE
    else:
        st.query_params.pop(KEY, None)
