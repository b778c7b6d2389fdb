"""Registration: open, by invitation or closed, with or without approval and captcha."""

import streamlit as st

from allcore import settings
from allcore.store import admin_settings
from allcore.web import accounts, frame
from allcore.web.accounts import Visitor
from allcore.web.administration import actions

_TITLES = {
    "registration": "Who may register",
    "approval": "New accounts wait for approval",
    "captcha": "Ask for the letters in a picture",
}
_MODES = {"open": "anyone", "invitation": "who has an invitation", "closed": "nobody"}
_CAPTCHA = (
    "It holds simple programs off, and people who can't see the picture as well: give these an "
    "invitation, which does not ask for it."
)
_INVITED = "An invitation lets in at once."
_DEMO = "This is a demonstration: nobody can register, whatever is set here."


def show_registration(user: Visitor) -> None:
    """Draw the section."""
    st.subheader("Registration", anchor=False)
    config, current = settings.load(), admin_settings.read_all(accounts.store())
    if config.demo:
        st.info(_DEMO, icon=":material/info:", width=frame.TEXT_WIDTH)
    by_default = f"as ALLSCOPE_REGISTRATION says: {_MODES[config.registration]}"
    modes = [None, *admin_settings.REGISTRATION]
    with st.form("registration", width=frame.FORM_WIDTH):
        values = {
            "registration": st.selectbox(
                _TITLES["registration"],
                modes,
                index=modes.index(current["registration"].value),
                format_func=lambda mode: _MODES.get(mode or "", by_default),
            ),
            "approval": st.toggle(_TITLES["approval"], current["approval"].value, help=_INVITED),
            "captcha": st.toggle(_TITLES["captcha"], current["captcha"].value, help=_CAPTCHA),
        }
        pressed = st.form_submit_button("Set", icon=":material/save:", key="set_registration")
    st.caption(actions.change_history(current, _TITLES), width=frame.TEXT_WIDTH)
    if pressed:
        actions.rerun_with_notice(
            actions.attempt(
                lambda: actions.change_settings(user, values, "Who may register has been set.")
            )
        )
