"""The tour: four steps over the pages, each a sentence with a link to its page.

It is drawn above the open page, starts by itself once for a new account, and can be left at any
step. A demonstration opens with the story of Home, which leads to the tour.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from allcore.store import accounts as people
from allcore.web import accounts, frame, presentation
from allcore.web.accounts import Visitor

_STEP = "tour_step"
"""Session key of the number of the current step; None while the tour is off."""
ADDRESS = "tour"
"""Parameter of a link with the number of a step, from 1."""


class TourStep(NamedTuple):
    """A step of the tour: what to do and see, and the page with parameters that shows it."""

    title: str
    sentence: str
    page: str
    address: Mapping[str, str] = MappingProxyType({})


STEPS = (
    TourStep(
        "Check a picture",
        "Choose an example: the verdict comes first, with the probability and the threshold on "
        "one scale.",
        "predict",
        {"example": "High probability"},
    ),
    TourStep(
        "See its evidence",
        "What the network looked at, which training cells are most like this one, and whether the "
        "answer holds when the cell is turned. Near the threshold, all that counts more.",
        "predict",
        {"example": "Near the threshold"},
    ),
    TourStep(
        "Find errors",
        "Move the threshold and see which cells and subjects the model gets wrong; a click on a "
        "cell opens it.",
        "evaluation",
        {"view": "Errors"},
    ),
    TourStep(
        "Know the data",
        "Which cells of which subjects are in the data set, and what in it could spoil a study.",
        "dataset",
    ),
)


def show_tour(visitor: Visitor, here: str) -> None:
    """Draw the current step above a page, named by the stem of its script.

    On Home, the tour starts for people who are new.

    Raises:
        AllScopeError: the database can't be used.
    """
    if not visitor.may("look"):
        return
    linked = st.query_params.get(ADDRESS, "")
    if linked:
        del st.query_params[ADDRESS]
    if linked in {str(number + 1) for number in range(len(STEPS))}:
        _turn_to(int(linked) - 1)
    if _STEP not in st.session_state and here == "home":
        _turn_to(0 if _is_new(visitor) else None)
    number = current_step()
    if number is not None:
        _show_step(number, here)


def current_step() -> int | None:
    """The number of the current step, from 0; None while the tour is off."""
    number: int | None = st.session_state.get(_STEP)
    return number


def start() -> None:
    """Start the tour, in a callback of a control."""
    _turn_to(0)


def show_tour_button(visitor: Visitor) -> None:
    """Draw the button that starts the tour, for people who may open its pages."""
    if visitor.may("look") and current_step() is None:
        st.button("Take the tour", icon=":material/tour:", on_click=start)


def _is_new(visitor: Visitor) -> bool:
    """Whether the tour starts by itself; stored, so that it does so once."""
    if not visitor.may("account"):  # nothing is stored; a demonstration opens with the story
        return not presentation.is_demonstration()
    account = people.find(accounts.store(), visitor.name)
    if account is None or account.toured_at is not None:
        return False
    people.set_toured(accounts.store_to("account"), visitor.name)
    return True


def _show_step(number: int, here: str) -> None:
    step = STEPS[number]
    with st.container(border=True, width=frame.TEXT_WIDTH, key="door_tour"):
        st.markdown(
            f":material/tour: **Tour, {number + 1} of {len(STEPS)}: {step.title}.** {step.sentence}"
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            last = number + 1 == len(STEPS) and here == step.page
            if here != step.page:
                _show_link("Show me", number, here)
            elif not last:
                _show_link(f"Next: {STEPS[number + 1].title.lower()}", number + 1, here)
            st.button(
                "End the tour" if last else "Skip the tour",
                key="tour_end", type="primary" if last else "secondary",
                on_click=_turn_to, args=(None,),
            )  # fmt: skip


def _show_link(label: str, number: int, here: str) -> None:
    """Draw a button to a step on this page, or a link to its page."""
    step = STEPS[number]
    if step.page == here:
        st.button(
            label, key="tour_next", type="primary",
            on_click=_turn_to, args=(number,), kwargs=dict(step.address),
        )  # fmt: skip
        return
    # A link, for `st.switch_page` fails on pages with controls in the address.
    address = {ADDRESS: str(number + 1), **step.address}
    icon = ":material/arrow_forward:"
    try:
        st.page_link(f"pages/{step.page}.py", label=label, icon=icon, help="", query_params=address)
    except StreamlitPageNotFoundError:  # a page run by itself knows no other
        st.markdown(label)


def _turn_to(number: int | None, **controls: str) -> None:
    """Turn to a step, and set controls of the page before they are drawn."""
    st.session_state[_STEP] = number
    st.session_state.update(controls)
