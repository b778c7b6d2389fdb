"""Users: the accounts with their roles, and changes to one of them."""

from collections.abc import Callable

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
    actions.rerun_with_notice(done)


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
    count = formats.count
    return (
        f"**{name}** is deleted for good, with {count(records.answers, 'answer')}, "
        f"{count(records.slices, 'slice')}, {count(records.pictures, 'kept picture')}. Without a "
        f"name stay, for others rely on them: {count(records.judgements, 'judgement')}, "
        f"{count(records.queued, 'queued cell')}, {count(records.data_sets, 'data set')}. The "
        "audit log keeps the name."
    )


def _change(user: Visitor, chosen: AccountInfo) -> str | None:
    username, name = chosen.username, frame.plain(chosen.username)
    role = roles.ROLES[chosen.role].title.lower()
    st.caption(f"{frame.plain(chosen.display_name)}: {role}, {chosen.state}.")
    if chosen.active:
        toggle, icon, state = "Disable", ":material/block:", "disabled"
        effect = f"**{name}** can't sign in any more, and open sessions end."
    else:
        toggle, icon, state = "Enable", ":material/check:", "enabled"
        effect = f"**{name}** may sign in again."
    changes = [
        ("Sign out everywhere", ":material/logout:",
         f"All open sessions of **{name}** end; the password stays.",
         _change_of(sessions.end_all, user, username, "is signed out everywhere")),
        (toggle, icon, effect,
         _change_of(people.set_active, user, username, f"is {state}", active=not chosen.active)),
        ("Delete", ":material/delete:",
         deletion_sentence(name, deletion.records(accounts.store(), username)),
         _change_of(deletion.delete, user, username, "is deleted")),
    ]  # fmt: skip
    done = None
    with st.container(horizontal=True):
        if chosen.waiting:
            done = actions.confirm(
                "Approve",
                ":material/how_to_reg:",
                sentence=f"**{name}** has registered and may sign in from now on.",
                act=_change_of(people.approve, user, username, "is approved"),
            )
        done = done or _choose_role(user, chosen)
        for label, icon, sentence, act in changes:
            done = done or actions.confirm(label, icon, sentence=sentence, act=act)
        code = actions.confirm(
            "Make a reset code",
            ":material/key:",
            sentence=f"With the code **{name}** sets a new password on the sign-in page within 24 "
            "hours. An earlier code stops working.",
            act=lambda: codes.issue_reset(accounts.store_to("administer"), username, by=user.actor),
        )
    if code:
        st.code(code, language=None)
        st.caption("It is shown once. Give it to its owner by a safe way.")
    return done


def _choose_role(user: Visitor, account: AccountInfo) -> str | None:
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
    change = _change_of(people.set_role, user, account.username, f"has the role {role}", role=role)
    return actions.attempt(change)


def _change_of(
    act: Callable[..., object], user: Visitor, username: str, sentence: str, **values: object
) -> Callable[[], str]:
    """A change of an account; its right is checked when it is made."""

    def change() -> str:
        act(accounts.store_to("administer"), username, by=user.actor, **values)
        return f"{username} {sentence}."

    return change
