"""Changes by an administrator: confirmation and notices."""

from collections.abc import Callable, Mapping

import streamlit as st

from allcore.errors import AllScopeError
from allcore.store import admin_settings
from allcore.store.admin_settings import AdminSetting
from allcore.store.database import Database
from allcore.web import accounts, frame
from allcore.web.accounts import Visitor


def confirm(
    label: str, icon: str, *, sentence: str, act: Callable[[], str], key: str | None = None
) -> str | None:
    """Draw a button that asks before it acts; return the result of `act` once it was done.

    Args:
        label: of the button.
        icon: of the button.
        sentence: what it will do, as Markdown.
        act: makes the change.
        key: tells buttons of the same label apart.
    """
    yes = f"Yes, {label[0].lower()}{label[1:]}"
    confirmed = frame.confirm_button(label, sentence, icon=icon, yes=yes, key=key)
    return attempt(act) if confirmed else None


def attempt(act: Callable[[], str]) -> str | None:
    """Return the result of an action, or show its error."""
    try:
        return act()
    except AllScopeError as error:
        frame.problem(error)
        return None


def rerun_with_notice(sentence: str | None) -> None:
    """Rerun the page with a sentence on it, where something was done."""
    if sentence:
        frame.set_notice(sentence)
        st.rerun()


def change_settings(
    user: Visitor,
    values: Mapping[str, object],
    sentence: str,
    *,
    then: Callable[[Database], object] | None = None,
) -> str | None:
    """Store settings, and do what follows from them; return the sentence, or show the error."""

    def change() -> str:
        store = accounts.store_to("administer")
        admin_settings.change(store, user.name, values, address=user.actor.address)
        if then is not None:
            then(store)
        return sentence

    return attempt(change)


def change_history(settings: Mapping[str, AdminSetting], titles: Mapping[str, str]) -> str:
    """Say who has changed which of these settings, and when."""
    changes = [
        f"{title}: set by {frame.plain(settings[key].changed_by or 'an account that is gone')}, "
        f"{settings[key].changed_at:%Y-%m-%d %H:%M} UTC"
        for key, title in titles.items()
        if settings[key].changed_at is not None
    ]
    return "; ".join(changes) or "Nobody has changed this yet."
