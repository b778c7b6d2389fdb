"""Checklist of a new installation for its administrator, with links."""

from typing import NamedTuple

import streamlit as st

from allcore import model_folder, settings
from allcore.errors import AllScopeError
from allcore.store import accounts as people
from allcore.store import data_sets
from allcore.web import accounts, frame, navigation
from allcore.web.accounts import Visitor
from allcore.web.components import views

_HIDDEN = "checklist_hidden"


class Step(NamedTuple):
    """A step of setting up an installation."""

    title: str
    done: bool
    label: str  # of the link to it
    page: str  # title of the page where it is done
    view: str  # key of the page's view


def steps() -> tuple[Step, ...]:
    """Return the steps in order.

    Raises:
        AllScopeError: the database can't be used.
    """
    store, config = accounts.store(), settings.load()
    return (
        Step(
            "An account besides the first administrator", len(people.list_all(store)) > 1,
            "Invite somebody", "Administration", "invitations",
        ),
        Step(
            "A data set connected", config.data is not None or bool(data_sets.list_of(store)),
            "Connect data", "Dataset", "connect",
        ),
        Step(
            f"The model {config.model} ready", readable(config.model),
            "See what is installed", "Administration", "health",
        ),
    )  # fmt: skip


def readable(name: str) -> bool:
    """Tell whether a model is installed and its ``model.json`` can be read."""
    try:
        model_folder.read_info(settings.load().models / name)
    except AllScopeError:
        return False
    return True


def show_checklist(here: str) -> None:
    """Draw all steps, with links to those that are missing.

    Args:
        here: name of the open page, whose views are reached by a button.
    """
    for step in steps():
        icon = ":material/check_circle:" if step.done else ":material/radio_button_unchecked:"
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{icon} {frame.plain(step.title)}{'' if step.done else ' (missing)'}")
            if not step.done:
                _show_link(step, here)


def _show_link(step: Step, here: str) -> None:
    """Draw the way to a step: a button to a view of the open page, or a link."""
    if step.page.lower() == here:
        st.button(
            step.label, icon=":material/group:", type="tertiary", on_click=views.turn_to,
            args=(step.view,),
        )  # fmt: skip
    else:
        navigation.link(step.page, label=step.label, address={views.OPEN: step.view})


def offer_checklist(visitor: Visitor, here: str) -> None:
    """Draw what is missing, for an administrator, until all is done or it is dismissed.

    Args:
        visitor: at the page.
        here: name of the open page.

    Raises:
        AllScopeError: the database can't be used.
    """
    hidden = not visitor.may("administer") or st.session_state.get(_HIDDEN)
    if hidden or all(step.done for step in steps()):
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="checklist"):
        st.markdown("**What this installation still needs**", width="content")
        for step in steps():
            if not step.done:
                _show_link(step, here)
        hide = {_HIDDEN: True}
        st.button("Not now", key="checklist_end", on_click=st.session_state.update, args=(hide,))
