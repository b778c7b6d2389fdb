"""Users: the accounts with their roles, and the changes that can be made to each."""

from collections.abc import Callable
from datetime import datetime

import streamlit as st

from allcore import formats
from allcore.store import accounts as people
from allcore.store import codes, deletion, roles, sessions
from allcore.store.accounts import AccountInfo
from allcore.store.deletion import AccountRecords
from allcore.web import accounts, frame, guard
from allcore.web.accounts import Visitor
from allcore.web.administration import actions, checklist
from allcore.web.components import picker

_PAGE = 25
_CHOSEN = "account_to_change"


def show_users(user: Visitor) -> None:
    """Draw the view: a row an account, with the way to change it."""
    checklist.offer_checklist(user, "administration")
    store = accounts.store()
    search = st.text_input(
        "Search", placeholder="Username, name or e-mail", width=frame.FORM_WIDTH, key="search"
    )
    matches = people.list_all(store, search=search)
    if not matches:
        frame.info("No account matches the search.", icon=":material/search_off:")
        return
    uses = sessions.last_uses(store)
    page = picker.choose_page(len(matches), _PAGE, key="accounts", noun="account")
    for account in matches[page]:
        _show_row(account, uses.get(account.id, account.last_sign_in))
    st.caption("Times in UTC.")
    chosen = next((each for each in matches if each.id == st.session_state.get(_CHOSEN)), None)
    if chosen is not None:
        _show_account(user, chosen)


def _show_row(account: AccountInfo, last_seen: datetime | None) -> None:
    """Draw an account's row; phones have its parts below each other."""
    name = frame.plain(account.username)
    more = ", ".join(filter(None, (account.display_name, account.email)))
    seen = f"seen {last_seen:%Y-%m-%d %H:%M}" if last_seen else "never signed in"
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{name}**  \n:small[{frame.plain(more)}]", width="stretch")
        st.markdown(roles.ROLES[account.role].title, width=130)
        st.badge(account.state, color="green" if account.state == "active" else "orange")
        st.markdown(f":small[{seen}]", width=200)
        st.button(
            "Change", key=f"change {account.username}", icon=":material/edit:",
            on_click=_choose, args=(account.id,),
        )  # fmt: skip


def _choose(number: int | None = None) -> None:
    """Open the window of an account, or close it."""
    st.session_state[_CHOSEN] = number


@guard.dialog("Change an account", width="medium", on_dismiss=_choose)
def _show_account(user: Visitor, account: AccountInfo) -> None:
    done = _change(user, account)
    if done:
        _choose()
    actions.rerun_with_notice(done)


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
    st.markdown(f"**{name}**, {frame.plain(chosen.display_name)}: {role}, {chosen.state}.")
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
    done, above = None, st.container()  # a question that stays open covers what is below it
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
        above.code(code, language=None)
        above.caption("It is shown once. Give it to its owner by a safe way.")
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
