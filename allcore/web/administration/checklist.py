"""What an empty installation still lacks, for its administrator, each with the way to it."""

from dataclasses import dataclass

import streamlit as st

from allcore import model_folder, settings
from allcore.errors import AllScopeError
from allcore.store import accounts as people
from allcore.store import data_sets
from allcore.web import accounts, frame, navigation
from allcore.web.accounts import Visitor
from allcore.web.components import views

_HIDDEN = "checklist_hidden"


@dataclass(frozen=True)
class Step:
    """Something that a new installation needs.

    Attributes:
        title: what it is.
        done: whether it is there.
        label: what leads to it is called.
        page: title of the page where it is done.
        view: of that page, by its key.
    """

    title: str
    done: bool
    label: str
    page: str
    view: str


def steps() -> tuple[Step, ...]:
    """What a new installation needs, in the order in which it is done.

    Raises:
        AllScopeError: the database can't be used.
    """
    store, config = accounts.store(), settings.load()
    return (
        Step(
            "An account besides the first administrator",
            len(people.list_all(store)) > 1,
            "Invite somebody",
            "Administration",
            "invitations",
        ),
        Step(
            "A data set connected",
            config.data is not None or bool(data_sets.list_of(store)),
            "Connect data",
            "Dataset",
            "connect",
        ),
        Step(
            f"The model {config.model} ready",
            readable(config.model),
            "See what is installed",
            "Administration",
            "health",
        ),
    )


def readable(name: str) -> bool:
    """Whether a model is installed and what it says of itself can be read."""
    try:
        model_folder.read_info(settings.load().models / name)
    except AllScopeError:
        return False
    return True


def show_checklist(here: str) -> None:
    """Draw all steps, with the way to those that are missing.

    Args:
        here: the page that is open, where another view is a button away.
    """
    for step in steps():
        icon = ":material/check_circle:" if step.done else ":material/radio_button_unchecked:"
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{icon} {frame.plain(step.title)}{'' if step.done else ' (missing)'}")
            if not step.done:
                _lead(step, here)


def offer_checklist(visitor: Visitor, here: str) -> None:
    """Draw a card for an administrator while something is missing, until it is put away.

    Args:
        visitor: who is looking.
        here: the page that is open.

    Raises:
        AllScopeError: the database can't be used.
    """
    if not visitor.may("administer") or st.session_state.get(_HIDDEN):
        return
    if all(step.done for step in steps()):
        return
    with st.container(border=True, width=frame.TEXT_WIDTH):
        st.markdown("**What this installation still needs**")
        show_checklist(here)
        st.button("Not now", key="checklist_end", on_click=_hide)


def _lead(step: Step, here: str) -> None:
    if step.page.lower() != here:
        navigation.link(step.page, label=step.label, address={views.OPEN: step.view})
        return
    st.button(
        step.label,
        icon=":material/group:",
        type="tertiary",
        on_click=views.turn_to,
        args=(step.view,),
    )


def _hide() -> None:
    st.session_state[_HIDDEN] = True
