"""Settings: who may register, and for how long answers and pictures are stored."""

from collections.abc import Mapping

import streamlit as st

from allcore import settings
from allcore.store import admin_settings, deletion
from allcore.store.admin_settings import AdminSetting
from allcore.web import accounts, frame
from allcore.web.accounts import Visitor
from allcore.web.administration import actions, data_folders

_REGISTRATION = {
    "registration": "Who may register",
    "approval": "New accounts wait for approval",
    "captcha": "CAPTCHA",
}
_MODES = {"open": "anyone", "invitation": "who has an invitation", "closed": "nobody"}
_CAPTCHA = (
    "It holds simple programs off, and people who can't see the picture as well: give these an "
    "invitation, which does not ask for it."
)
_INVITED = "An invitation lets in at once."
_DEMO = "This is a demonstration: nobody can register, whatever is set here."
_RETENTION = {
    "keep_pictures": "Keep pictures",
    "picture_days": "Days a picture is kept",
    "history_days": "Days an answer is kept",
}
_ENDS = (
    "Without pictures, an answer keeps the SHA-256 of its file alone. Switching them off deletes "
    "those that are kept; a shorter time holds for all pictures, a longer one for new ones."
)


def show_settings(user: Visitor) -> None:
    """Draw the view."""
    current = admin_settings.read_all(accounts.store())
    _show_registration(user, current)
    _show_retention(user, current)
    data_folders.show_data_folders(user)


def _show_registration(user: Visitor, current: Mapping[str, AdminSetting]) -> None:
    st.subheader("Registration", anchor=False)
    config = settings.load()
    if config.demo:
        frame.info(_DEMO, icon=":material/info:")
    by_default = f"as ALLSCOPE_REGISTRATION says: {_MODES[config.registration]}"
    modes = [None, *admin_settings.REGISTRATION]
    titles = _REGISTRATION
    with st.form("registration", width=frame.FORM_WIDTH):
        values = {
            "registration": st.selectbox(
                titles["registration"], modes, index=modes.index(current["registration"].value),
                format_func=lambda mode: _MODES.get(mode or "", by_default),
            ),
            "approval": st.toggle(titles["approval"], current["approval"].value, help=_INVITED),
            "captcha": st.toggle(titles["captcha"], current["captcha"].value, help=_CAPTCHA),
        }  # fmt: skip
        pressed = st.form_submit_button("Save", icon=":material/save:", key="set_registration")
    frame.caption(actions.change_history(current, titles))
    if pressed:
        sentence = "Saved: who may register."
        actions.rerun_with_notice(actions.change_settings(user, values, sentence))


def _show_retention(user: Visitor, current: Mapping[str, AdminSetting]) -> None:
    st.subheader("History and pictures", anchor=False)
    titles, most = _RETENTION, admin_settings.MAX_DAYS
    with st.form("history_settings", width=frame.FORM_WIDTH):
        values = {
            "keep_pictures": st.toggle(
                titles["keep_pictures"], current["keep_pictures"].value, help=_ENDS
            ),
            "picture_days": st.number_input(
                titles["picture_days"], 1, most, current["picture_days"].value
            ),
            "history_days": st.number_input(
                titles["history_days"], 1, most, current["history_days"].value,
                placeholder="Until they are deleted",
                help="Empty: until who asked deletes them. A shorter time deletes older answers.",
            ),
        }  # fmt: skip
        pressed = st.form_submit_button("Save", icon=":material/save:", key="set_retention")
    frame.caption(actions.change_history(current, titles))
    if pressed:
        sentence = "Saved: what is kept of history."
        actions.rerun_with_notice(
            actions.change_settings(user, values, sentence, then=deletion.delete_expired)
        )
