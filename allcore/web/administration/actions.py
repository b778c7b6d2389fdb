"""Who an administrator's changes are told under, and the buttons that ask before they are made."""

from collections.abc import Callable, Mapping

import streamlit as st

from allcore.errors import AllScopeError
from allcore.store import admin_settings
from allcore.store.admin_settings import AdminSetting
from allcore.store.audit import Actor
from allcore.web import accounts, client_address, frame
from allcore.web.accounts import Visitor


def by(user: Visitor) -> Actor:
    """Who is acting, for the audit log, and from where."""
    return Actor(user.name, client_address.of_visitor())


def confirmed(
    label: str, icon: str, *, sentence: str, act: Callable[[], str], key: str | None = None
) -> str | None:
    """Draw a button that says what it will do and asks; give what `act` gives once it was done.

    Args:
        label: of the button.
        icon: of the button.
        sentence: what it will do, as Markdown.
        act: does it.
        key: tells buttons of the same label apart.
    """
    with st.popover(label, icon=icon):
        st.markdown(sentence)
        if not st.button(f"Yes, {label[0].lower()}{label[1:]}", type="primary", key=key):
            return None
    return tried(act)


def tried(act: Callable[[], str]) -> str | None:
    """Give what was done; say what went wrong otherwise."""
    try:
        return act()
    except AllScopeError as error:
        frame.problem(error)
        return None


def done(sentence: str | None) -> None:
    """Draw the page anew with the sentence on it, where something was done."""
    if sentence:
        frame.set_notice(sentence)
        st.rerun()


def keep(user: Visitor, values: Mapping[str, object], said: str) -> str:
    """Keep settings; give what is said of it.

    Raises:
        AllScopeError: the account is no administrator any more, or a value breaks its rule.
    """
    store = accounts.store_to("administer")
    admin_settings.change(store, user.name, values, address=by(user).address)
    return said


def who_and_when(kept: Mapping[str, AdminSetting], titles: Mapping[str, str]) -> str:
    """Say who has changed which of these settings, and when."""
    said = [
        f"{title}: set by {frame.plain(kept[key].changed_by or 'an account that is gone')}, "
        f"{kept[key].changed_at:%Y-%m-%d %H:%M} UTC"
        for key, title in titles.items()
        if kept[key].changed_at is not None
    ]
    return "; ".join(said) or "Nobody has changed this yet."
