"""The tour: four steps over the pages, each a sentence and the way to where it can be seen.

It stands above the page that is open, comes by itself once to a new account and once in a session
of a demonstration, and can be left at any step.
"""

from dataclasses import dataclass, field

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from allcore.store import accounts as people
from allcore.web import accounts, frame
from allcore.web.accounts import Visitor

_STEP = "tour_step"
"""Key of the number of the step that is shown; None where the tour is not on."""
ADDRESS = "tour"
"""What names a step, from 1 on, in the address of a link."""


@dataclass(frozen=True)
class Step:
    """A step of the tour.

    Attributes:
        title: what one does.
        sentence: what there is to see.
        page: where, as the table of roles names it.
        address: what stands in the address there, so that the page opens on something to see.
    """

    title: str
    sentence: str
    page: str
    address: dict[str, str] = field(default_factory=dict)


STEPS = (
    Step(
        "Check a picture",
        "Choose an example: the verdict comes first, with the probability and the threshold on "
        "one scale.",
        "predict",
        {"example": "Clear blast"},
    ),
    Step(
        "See its evidence",
        "What the network looked at, which training cells are most like this one, and whether the "
        "answer holds when the cell is turned. Near the threshold, all that counts more.",
        "predict",
        {"example": "Near the threshold"},
    ),
    Step(
        "Find errors",
        "Move the threshold and see which cells and subjects the model gets wrong; a click on a "
        "cell opens it.",
        "evaluation",
        {"view": "Errors"},
    ),
    Step(
        "Know the data",
        "Which cells of which subjects are in the data set, and what in it could spoil a study.",
        "dataset",
    ),
)


def show(visitor: Visitor, here: str) -> None:
    """Draw the step that is on above a page, or begin on Home for who has not had the tour.

    Args:
        visitor: who is looking.
        here: stem of the script of the page that is open.

    Raises:
        AllScopeError: the database can't be used.
    """
    if not visitor.may("look"):
        return
    _from_address()
    if _STEP not in st.session_state and here == "home":
        st.session_state[_STEP] = 0 if _is_new(visitor) else None
    number: int | None = st.session_state.get(_STEP)
    if number is not None:
        _draw(number, here)


def offer(visitor: Visitor) -> None:
    """Draw the button that begins the tour, for who may see what it shows."""
    if visitor.may("look") and st.session_state.get(_STEP) is None:
        st.button("Take the tour", icon=":material/tour:", on_click=_turn_to, args=(0,))


def _is_new(visitor: Visitor) -> bool:
    """Tell whether the tour comes by itself; it does once, so that is noted."""
    if not visitor.may("account"):  # of a demonstration nothing is stored
        return True
    account = people.find(accounts.store(), visitor.name)
    if account is None or account.toured_at is not None:
        return False
    people.set_toured(accounts.store_to("account"), visitor.name)
    return True


def _draw(number: int, here: str) -> None:
    step = STEPS[number]
    with st.container(border=True, width=frame.TEXT_WIDTH):
        st.markdown(
            f":material/tour: **Tour, {number + 1} of {len(STEPS)}: {step.title}.** {step.sentence}"
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            if here != step.page:
                _go("Show me", number, here)
            elif number + 1 < len(STEPS):
                _go(f"Next: {STEPS[number + 1].title.lower()}", number + 1, here)
            last = number + 1 == len(STEPS) and here == step.page
            st.button(
                "End the tour" if last else "Skip the tour",
                key="tour_end", type="primary" if last else "secondary",
                on_click=_turn_to, args=(None,),
            )  # fmt: skip


def _turn_to(number: int | None) -> None:
    st.session_state[_STEP] = number


def _go(label: str, number: int, here: str) -> None:
    """Draw what turns to a step and to its page, with what there is to see chosen there."""
    step = STEPS[number]
    if step.page == here:
        st.button(label, key="tour_next", type="primary", on_click=_begin, args=(number,))
        return
    # A link, for `st.switch_page` fails on pages whose controls stand in the address.
    address = {ADDRESS: str(number + 1)} | step.address
    try:
        st.page_link(
            f"pages/{step.page}.py",
            label=label,
            icon=":material/arrow_forward:",
            query_params=address,
        )
    except StreamlitPageNotFoundError:  # a page run by itself knows no other
        st.markdown(label)


def _begin(number: int) -> None:
    """Turn to another step on the same page, before its controls are drawn."""
    _turn_to(number)
    st.session_state.update(STEPS[number].address)


def _from_address() -> None:
    """Turn to the step that a link has named."""
    named = st.query_params.get(ADDRESS, "")
    if named:
        del st.query_params[ADDRESS]
    if named in {str(number + 1) for number in range(len(STEPS))}:
        _turn_to(int(named) - 1)
