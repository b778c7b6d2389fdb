"""What an empty installation still lacks, for its administrator, each with the way to it."""

from dataclasses import dataclass, field

import streamlit as st

from allcore import modelfolder, settings
from allcore.errors import AllScopeError
from allcore.store import accounts as people
from allcore.store import data_sets
from allcore.web import accounts, frame, navigation
from allcore.web.accounts import Visitor

_HIDDEN = "checklist_hidden"


@dataclass(frozen=True)
class Step:
    """Something that a new installation needs.

    Attributes:
        title: what it is.
        done: whether it is there.
        label: what leads to it is called.
        page: title of the page where it is done.
        address: what stands in the address there.
    """

    title: str
    done: bool
    label: str
    page: str
    address: dict[str, str] = field(default_factory=dict)


def steps() -> tuple[Step, ...]:
    """What a new installation needs, in the order in which it is done.

    Raises:
        AllScopeError: the database can't be used.
    """
    store, config = accounts.store(), settings.load()
    return (
        Step(
            "An account besides the first administrator",
            len(people.listed(store)) > 1,
            "Invite somebody",
            "Administration",
            {"view": "invitations"},
        ),
        Step(
            "A data set connected",
            config.data is not None or bool(data_sets.list_of(store)),
            "Connect data",
            "Dataset",
            {"view": "connect"},
        ),
        Step(
            f"The model {config.model} ready",
            readable(config.model),
            "See what is installed",
            "Administration",
            {"view": "health"},
        ),
    )


def readable(name: str) -> bool:
    """Whether a model is installed and what it says of itself can be read."""
    try:
        modelfolder.read_info(settings.load().models / name)
    except AllScopeError:
        return False
    return True


def show() -> None:
    """Draw all steps, with the way to those that are missing."""
    for number, step in enumerate(steps()):
        icon = ":material/check_circle:" if step.done else ":material/radio_button_unchecked:"
        with st.container(horizontal=True, vertical_alignment="center", key=f"step_{number}"):
            st.markdown(f"{icon} {frame.plain(step.title)}{'' if step.done else ' (missing)'}")
            if not step.done:
                navigation.link(step.page, label=step.label, address=step.address)


def offer(visitor: Visitor) -> None:
    """Draw a card for an administrator while something is missing, until it is put away.

    Raises:
        AllScopeError: the database can't be used.
    """
    if not visitor.may("administer") or st.session_state.get(_HIDDEN):
        return
    if all(step.done for step in steps()):
        return
    with st.container(border=True, width=frame.TEXT_WIDTH):
        st.markdown("**What this installation still needs**")
        show()
        st.button("Not now", key="checklist_end", on_click=_hide)


def _hide() -> None:
    st.session_state[_HIDDEN] = True
