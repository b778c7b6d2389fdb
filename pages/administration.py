from allcore.web import guard

user = guard.require("administration")

from collections.abc import Callable

import pandas as pd
import streamlit as st

from allcore import roles
from allcore.errors import AllScopeError
from allcore.store import accounts as people
from allcore.store import codes
from allcore.web import accounts, frame
from allcore.web.administration import history


def confirmed(label: str, icon: str, *, sentence: str, act: Callable[[], str]) -> str | None:
    """Draw a button that says what it will do and asks; give what `act` gives once it was done."""
    with st.popover(label, icon=icon):
        st.markdown(sentence)
        if not st.button(f"Yes, {label[0].lower()}{label[1:]}", type="primary"):
            return None
    try:
        return act()
    except AllScopeError as error:
        frame.problem(error)
        return None


def new_role(account: people.AccountInfo) -> str | None:
    """Draw the choice of a role; give what was done once it was confirmed."""
    with st.popover("Change the role", icon=":material/shield_person:"):
        role = st.selectbox(
            "Role",
            roles.OF_ACCOUNTS,
            index=roles.OF_ACCOUNTS.index(account.role),
            format_func=lambda role: roles.TABLE[role].title,
            key=f"role_of_{account.id}",
        )
        st.caption(f"{roles.sentence(role)} It holds on the next click of every open session.")
        if not st.button("Yes, change the role", type="primary"):
            return None
    try:
        return set_role(account.username, role)
    except AllScopeError as error:
        frame.problem(error)
        return None


def set_role(username: str, role: str) -> str:
    people.set_role(accounts.store_to("administer"), username, role)
    return f"{username} has the role {role}."


def set_active(username: str, active: bool) -> str:
    people.set_active(accounts.store_to("administer"), username, active=active)
    return f"{username} is {'enabled' if active else 'disabled'}."


frame.header(
    title="Administration",
    question="Who may use ALLScope, in which role, and what is kept of what they ask.",
)
frame.show_said()
search = st.text_input("Search", placeholder="Username, name or e-mail", width=frame.FORM_WIDTH)
found = people.listed(accounts.store(), search=search)
if not found:
    st.info("No account matches the search.", icon=":material/search_off:", width=frame.TEXT_WIDTH)
    st.stop()

rows = [
    {
        "Username": account.username,
        "Name": account.display_name,
        "E-mail": account.email or "",
        "Role": roles.TABLE[account.role].title,
        "State": account.state,
        "Made": f"{account.created_at:%Y-%m-%d %H:%M}",
        "Last sign-in": f"{account.last_sign_in:%Y-%m-%d %H:%M}"
        if account.last_sign_in
        else "never",
    }
    for account in found
]
st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")
st.caption(f"{len(found)} account{'' if len(found) == 1 else 's'}; times in UTC.")

by_name = {account.username: account for account in found}
with st.container(border=True, width=frame.TEXT_WIDTH):
    st.subheader("Change an account", anchor=False)
    chosen = by_name[st.selectbox("Account", list(by_name))]
    name, held = frame.plain(chosen.username), roles.TABLE[chosen.role].title
    st.caption(f"{frame.plain(chosen.display_name)}: {held.lower()}, {chosen.state}.")
    with st.container(horizontal=True):
        done = new_role(chosen) or confirmed(
            "Disable" if chosen.active else "Enable",
            ":material/block:" if chosen.active else ":material/check:",
            sentence=f"**{name}** can't sign in any more, and open sessions end."
            if chosen.active
            else f"**{name}** may sign in again.",
            act=lambda: set_active(chosen.username, not chosen.active),
        )
        code = confirmed(
            "Make a reset code",
            ":material/key:",
            sentence=f"With the code **{name}** sets a new password on the sign-in page within 24 "
            "hours. An earlier code stops working.",
            act=lambda: codes.issue_reset(accounts.store_to("administer"), chosen.username),
        )
    if code:
        st.code(code, language=None)
        st.caption("It is shown once. Give it to its owner by a safe way.")
if done:
    frame.say_next(done)
    st.rerun()
history.show(user)
