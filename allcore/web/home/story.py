"""The guided story on Home: five findings in pictures, one a step.

A demonstration opens with it. The steps themselves are in `story_steps`, whose imports take a
second.
"""

import streamlit as st

from allcore.web import presentation
from allcore.web.accounts import Visitor
from allcore.web.components import tour

LENGTH = 5
"""Number of steps."""
ADDRESS = "story"
"""Parameter of the address with the number of a step, from 1."""
QUESTION = "Five findings in pictures: what the network answers, and how far to trust it."
_LEFT = "story_left"


def current_step(visitor: Visitor) -> int | None:
    """The number of the step that the address names, from 1; None outside the story.

    A demonstration opens with the first step, until the story is left.
    """
    if not visitor.may("look"):
        return None
    named = st.query_params.get(ADDRESS, "")
    if named in {str(number) for number in range(1, LENGTH + 1)}:
        return int(named)
    first = presentation.is_demonstration() and not st.session_state.get(_LEFT)
    return 1 if first and tour.current_step() is None else None


def show_story_button(visitor: Visitor) -> None:
    """Draw the button that opens the story, for people who may look at the model."""
    if not visitor.may("look"):
        return
    st.button(
        "Five findings", icon=":material/auto_stories:", key="story_open", on_click=_turn_to,
        args=(1,), help=QUESTION,
    )  # fmt: skip


def show_turning(number: int) -> None:
    """Draw the buttons between steps; first, so that they stay under the pointer."""
    last = number == LENGTH
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Previous", icon=":material/chevron_left:", key="story_previous", shortcut="Left",
            disabled=number == 1, on_click=_turn_to, args=(number - 1,),
        )  # fmt: skip
        st.button(
            "Next", icon=":material/chevron_right:", icon_position="right", key="story_next",
            type="primary", shortcut="Right", disabled=last, on_click=_turn_to, args=(number + 1,),
        )  # fmt: skip
        st.markdown(f"{number} of {LENGTH}", width="content")
        if last:
            st.button(
                "Take the tour", icon=":material/tour:", key="story_tour", on_click=_take_tour
            )
        st.button("To Home" if last else "Skip", key="story_end", type="tertiary", on_click=_leave)


def _turn_to(number: int) -> None:
    st.query_params[ADDRESS] = str(number)


def _leave() -> None:
    st.session_state[_LEFT] = True
    st.query_params.pop(ADDRESS, None)


def _take_tour() -> None:
    _leave()
    tour.start()
