"""What administrators see and choose of history: counts, room on the disk, how long all is kept."""

import pandas as pd
import streamlit as st

from allcore.errors import AllScopeError
from allcore.evaluation import words
from allcore.store import retention, settings_kept, usage
from allcore.store.settings_kept import KeptSetting
from allcore.store.usage import Usage
from allcore.web import accounts, frame
from allcore.web.accounts import Visitor
from allcore.web.administration import acting

_MEGABYTE = 1e6
_TITLES = {
    "keep_pictures": "Keep pictures",
    "picture_days": "Days a picture is kept",
    "history_days": "Days an answer is kept",
}
_ENDS = (
    "Without pictures, an answer keeps the SHA-256 of its file alone. Switching them off deletes "
    "those that are kept; a shorter time holds for all pictures, a longer one for new ones."
)


def show(user: Visitor) -> None:
    """Draw the section."""
    store = accounts.store()
    st.subheader("History and pictures", anchor=False)
    found = usage.by_account(store)
    st.dataframe(
        table(found), hide_index=True, key="usage",
        alt="Answers, flags, batches and kept pictures of each account, as numbers",
    )  # fmt: skip
    st.caption(in_all(found), width=frame.TEXT_WIDTH)
    kept = settings_kept.read_all(store)
    try:
        changed = _form(user, kept)
    except AllScopeError as error:
        frame.problem(error)
        return
    if changed:
        frame.say_next("What is kept of history has been set.")
        st.rerun()


def table(found: tuple[Usage, ...]) -> pd.DataFrame:
    """What is kept of each account, in numbers only."""
    return pd.DataFrame(
        {
            "Username": each.username,
            "Answers": each.predictions,
            "Called wrong": each.flagged,
            "Batches": each.batches,
            "Pictures": each.pictures,
            "Megabytes": round(each.picture_bytes / _MEGABYTE, 1),
        }
        for each in found
    )


def in_all(found: tuple[Usage, ...]) -> str:
    """Say how much is kept of everybody together."""
    size = sum(each.picture_bytes for each in found) / _MEGABYTE
    return (
        f"{words.count(sum(each.predictions for each in found), 'answer')} and "
        f"{words.count(sum(each.pictures for each in found), 'picture')} of {size:,.1f} MB in all. "
        "Nobody but who asked sees which."
    )


def who_and_when(kept: dict[str, KeptSetting]) -> str:
    """Say who has changed what, and when; what nobody has changed is at its default."""
    said = [
        f"{_TITLES[key]}: set by {frame.plain(each.changed_by or 'an account that is gone')}, "
        f"{each.changed_at:%Y-%m-%d %H:%M} UTC"
        for key, each in kept.items()
        if key in _TITLES and each.changed_at is not None
    ]
    return "; ".join(said) or "Nobody has changed this yet."


def _form(user: Visitor, kept: dict[str, KeptSetting]) -> bool:
    """Draw the controls and keep what they say; tell whether something was kept.

    Raises:
        StoreError: the account is no administrator any more, or a value breaks its rule.
    """
    most = settings_kept.MAX_DAYS
    with st.form("history_settings", width=frame.FORM_WIDTH):
        keep = st.toggle(_TITLES["keep_pictures"], kept["keep_pictures"].value, help=_ENDS)
        days = st.number_input(_TITLES["picture_days"], 1, most, kept["picture_days"].value)
        answers = st.number_input(
            _TITLES["history_days"], 1, most, kept["history_days"].value,
            placeholder="Until they are deleted",
            help="Empty: until who asked deletes them. A shorter time deletes older answers.",
        )  # fmt: skip
        pressed = st.form_submit_button("Set", icon=":material/save:")
    st.caption(who_and_when(kept), width=frame.TEXT_WIDTH)
    if pressed:
        values = {"keep_pictures": keep, "picture_days": days, "history_days": answers}
        store = accounts.store_to("administer")
        settings_kept.change(store, user.name, values, where=acting.by(user).where)
        retention.purge(store)
    return pressed
