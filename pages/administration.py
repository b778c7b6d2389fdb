from allcore.web import guard

user = guard.require("admin")

import pandas as pd
import streamlit as st

from allcore.errors import AllScopeError
from allcore.store import accounts as people
from allcore.store import codes
from allcore.web import accounts, frame

store = accounts.store()


@st.dialog("Are you sure?")
def confirm(sentence, action, done):
    st.markdown(sentence)
    if st.button("Yes", type="primary"):
        try:
            action()
        except AllScopeError as error:
            frame.problem(error)
        else:
            frame.say_next(done)
            st.rerun()


@st.dialog("One-time reset code")
def reset(account):
    st.markdown(
        f"With the code **{frame.plain(account.username)}** sets a new password on the sign-in "
        "page within 24 hours. An earlier code stops working."
    )
    if st.button("Make the code", type="primary"):
        try:
            code = codes.issue_reset(store, account.username)
        except AllScopeError as error:
            frame.problem(error)
        else:
            st.code(code, language=None)
            st.caption("It is shown once. Give it to its owner on a safe way.")


frame.header(title="Administration", question="Who may use ALLScope, and in which role.")
frame.show_said()
search = st.text_input("Search", placeholder="Username, name or e-mail", width=frame.FORM_WIDTH)
found = people.listed(store, search=search)
if not found:
    st.info("No account matches the search.", icon=":material/search_off:", width=frame.TEXT_WIDTH)
    st.stop()

rows = [
    {
        "Username": account.username,
        "Name": account.display_name,
        "E-mail": account.email or "",
        "Role": account.role,
        "State": account.state,
        "Made": account.created_at,
        "Last sign-in": account.last_sign_in,
    }
    for account in found
]
date = st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", timezone="UTC")
st.dataframe(
    pd.DataFrame(rows),
    hide_index=True,
    width="stretch",
    column_config={"Made": date, "Last sign-in": date},
)
st.caption(f"{len(found)} account{'' if len(found) == 1 else 's'}; times in UTC.")

by_name = {account.username: account for account in found}
with st.container(border=True, width=frame.TEXT_WIDTH):
    st.subheader("Change an account", anchor=False)
    chosen = by_name[st.selectbox("Account", list(by_name))]
    name = frame.plain(chosen.username)
    st.caption(f"{frame.plain(chosen.display_name)}: {chosen.role}, {chosen.state}.")
    with st.container(horizontal=True):
        role = "user" if chosen.role == "admin" else "admin"
        if st.button(
            "Make administrator" if role == "admin" else "Make user",
            icon=":material/shield_person:",
        ):
            confirm(
                f"**{name}** becomes {'an administrator' if role == 'admin' else 'a user'}.",
                lambda: people.set_role(store, chosen.username, role),
                f"{chosen.username} has the role {role}.",
            )
        if chosen.active and st.button("Disable", icon=":material/block:"):
            confirm(
                f"**{name}** can't sign in any more, and open sessions end.",
                lambda: people.set_active(store, chosen.username, active=False),
                f"{chosen.username} is disabled.",
            )
        if not chosen.active and st.button("Enable", icon=":material/check:"):
            confirm(
                f"**{name}** may sign in again.",
                lambda: people.set_active(store, chosen.username, active=True),
                f"{chosen.username} is enabled.",
            )
        if st.button("Make a reset code", icon=":material/key:"):
            reset(chosen)
