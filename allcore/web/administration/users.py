"""Users: the accounts with their roles, and changes to one of them."""

import pandas as pd
import streamlit as st

from allcore import formats
from allcore.store import accounts as people
from allcore.store import codes, deletion, roles, sessions
from allcore.store.accounts import AccountInfo
from allcore.store.deletion import AccountRecords
from allcore.web import accounts, frame
from allcore.web.accounts import Visitor
from allcore.web.administration import actions, checklist


def show_users(user: Visitor) -> None:
    """Draw the view."""
    checklist.offer_checklist(user, "administration")
    search = st.text_input("Search", placeholder="Username, name or e-mail", width=frame.FORM_WIDTH)
    matches = people.list_all(accounts.store(), search=search)
    if not matches:
        st.info(
            "No account matches the search.", icon=":material/search_off:", width=frame.TEXT_WIDTH
        )
        return
    st.dataframe(account_table(matches), hide_index=True, width="stretch")
    st.caption(f"{formats.count(len(matches), 'account')}; times in UTC.")
    by_name = {account.username: account for account in matches}
    with st.container(border=True, width=frame.TEXT_WIDTH):
        st.subheader("Change an account", anchor=False)
        done = _change(user, by_name[st.selectbox("Account", list(by_name))])
    if done:
        frame.set_notice(done)
        st.rerun()


def account_table(matches: list[AccountInfo]) -> pd.DataFrame:
    """Return one row an account."""
    return pd.DataFrame(
        {
            "Username": account.username,
            "Name": account.display_name,
            "E-mail": account.email or "",
            "Role": roles.ROLES[account.role].title,
            "State": account.state,
            "Made": f"{account.created_at:%Y-%m-%d %H:%M}",
            "Last sign-in": f"{account.last_sign_in:%Y-%m-%d %H:%M}"
            if account.last_sign_in
            else "never",
        }
        for account in matches
    )


def deletion_sentence(name: str, records: AccountRecords) -> str:
    """Say what becomes of an account's records when it is deleted."""
    gone = ", ".join(
        formats.count(number, what)
        for number, what in (
            (records.answers, "answer"),
            (records.slices, "slice"),
            (records.pictures, "kept picture"),
        )
    )
    stays = ", ".join(
        formats.count(number, what)
        for number, what in (
            (records.judgements, "judgement"),
            (records.queued, "queued cell"),
            (records.data_sets, "data set"),
        )
    )
    return (
        f"**{name}** is deleted for good, with {gone}. Without a name stay, for others rely on "
        f"them: {stays}. The audit log keeps the name."
    )


def _change(user: Visitor, chosen: AccountInfo) -> str | None:
    name, held = frame.plain(chosen.username), roles.ROLES[chosen.role].title
    st.caption(f"{frame.plain(chosen.display_name)}: {held.lower()}, {chosen.state}.")
    with st.container(horizontal=True):
        done = (
            _approve(user, chosen)
            or _role(user, chosen)
            or actions.confirm(
                "Sign out everywhere",
                ":material/logout:",
                sentence=f"All open sessions of **{name}** end; the password stays.",
                act=lambda: _sign_out(user, chosen.username),
            )
            or actions.confirm(
                "Disable" if chosen.active else "Enable",
                ":material/block:" if chosen.active else ":material/check:",
                sentence=f"**{name}** can't sign in any more, and open sessions end."
                if chosen.active
                else f"**{name}** may sign in again.",
                act=lambda: _set_active(user, chosen.username, not chosen.active),
            )
            or actions.confirm(
                "Delete",
                ":material/delete:",
                sentence=deletion_sentence(
                    name, deletion.records(accounts.store(), chosen.username)
                ),
                act=lambda: _delete(user, chosen.username),
            )
        )
        code = actions.confirm(
            "Make a reset code",
            ":material/key:",
            sentence=f"With the code **{name}** sets a new password on the sign-in page within 24 "
            "hours. An earlier code stops working.",
            act=lambda: codes.issue_reset(
                accounts.store_to("administer"), chosen.username, by=user.actor
            ),
        )
    if code:
        st.code(code, language=None)
        st.caption("It is shown once. Give it to its owner by a safe way.")
    return done


def _approve(user: Visitor, account: AccountInfo) -> str | None:
    """Draw the button for an account that waits for approval."""
    if not account.waiting:
        return None
    return actions.confirm(
        "Approve",
        ":material/how_to_reg:",
        sentence=f"**{frame.plain(account.username)}** has registered and may sign in from now on.",
        act=lambda: _let_in(user, account.username),
    )


def _let_in(user: Visitor, username: str) -> str:
    people.approve(accounts.store_to("administer"), username, by=user.actor)
    return f"{username} is approved."


def _sign_out(user: Visitor, username: str) -> str:
    sessions.end_all(accounts.store_to("administer"), username, by=user.actor)
    return f"{username} is signed out everywhere."


def _role(user: Visitor, account: AccountInfo) -> str | None:
    """Draw the choice of a role; return a sentence once it was changed."""
    with st.popover("Change the role", icon=":material/shield_person:"):
        role = st.selectbox(
            "Role",
            roles.ACCOUNT_ROLES,
            index=roles.ACCOUNT_ROLES.index(account.role),
            format_func=lambda role: roles.ROLES[role].title,
            key=f"role_of_{account.id}",
        )
        st.caption(f"{roles.sentence(role)} It holds on the next click of every open session.")
        if not st.button("Yes, change the role", type="primary"):
            return None
    return actions.attempt(lambda: _set_role(user, account.username, role))


def _set_role(user: Visitor, username: str, role: str) -> str:
    people.set_role(accounts.store_to("administer"), username, role, by=user.actor)
    return f"{username} has the role {role}."


def _set_active(user: Visitor, username: str, active: bool) -> str:
    store = accounts.store_to("administer")
    people.set_active(store, username, active=active, by=user.actor)
    return f"{username} is {'enabled' if active else 'disabled'}."


def _delete(user: Visitor, username: str) -> str:
    deletion.delete(accounts.store_to("administer"), username, by=user.actor)
    return f"{username} is deleted."
