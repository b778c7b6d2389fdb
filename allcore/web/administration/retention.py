"""Retention: for how long answers and pictures are stored."""

import streamlit as st

from allcore.store import admin_settings, deletion
from allcore.web import accounts, frame
from allcore.web.accounts import Visitor
from allcore.web.administration import actions

_TITLES = {
    "keep_pictures": "Keep pictures",
    "picture_days": "Days a picture is kept",
    "history_days": "Days an answer is kept",
}
_ENDS = (
    "Without pictures, an answer keeps the SHA-256 of its file alone. Switching them off deletes "
    "those that are kept; a shorter time holds for all pictures, a longer one for new ones."
)


def show_retention(user: Visitor) -> None:
    """Draw the section."""
    st.subheader("History and pictures", anchor=False)
    current, most = admin_settings.read_all(accounts.store()), admin_settings.MAX_DAYS
    with st.form("history_settings", width=frame.FORM_WIDTH):
        values = {
            "keep_pictures": st.toggle(
                _TITLES["keep_pictures"], current["keep_pictures"].value, help=_ENDS
            ),
            "picture_days": st.number_input(
                _TITLES["picture_days"], 1, most, current["picture_days"].value
            ),
            "history_days": st.number_input(
                _TITLES["history_days"], 1, most, current["history_days"].value,
                placeholder="Until they are deleted",
                help="Empty: until who asked deletes them. A shorter time deletes older answers.",
            ),
        }  # fmt: skip
        pressed = st.form_submit_button("Set", icon=":material/save:", key="set_retention")
    st.caption(actions.change_history(current, _TITLES), width=frame.TEXT_WIDTH)
    if pressed:
        actions.rerun_with_notice(actions.attempt(lambda: _set(user, values)))


def _set(user: Visitor, values: dict[str, object]) -> str:
    sentence = actions.change_settings(user, values, "What is kept of history has been set.")
    deletion.delete_expired(accounts.store_to("administer"))
    return sentence
