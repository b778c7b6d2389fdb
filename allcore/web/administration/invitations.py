"""Invitations: make one, list those that can still be used, withdraw one."""

from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from allcore import formats
from allcore.store import registration, roles
from allcore.store.registration import DAYS, MAX_DAYS, MAX_NOTE, Invitation
from allcore.web import accounts, frame
from allcore.web.accounts import Visitor
from allcore.web.administration import actions

_ABOUT = (
    "Who has the link makes one account with this role, at once and without approval. It is shown "
    "here once: give it to the person by a safe way."
)
_CLOSED = (
    "Registration is closed, so no invitation works now: open it, or set it to invitations, under "
    "Settings."
)


def show_invitations(user: Visitor) -> None:
    """Draw the view."""
    if registration.mode(accounts.store()) == "closed":
        frame.warning(_CLOSED, icon=":material/lock:")
    _make(user)
    waiting = registration.invitations(accounts.store())
    st.subheader("Invitations that can still be used", anchor=False)
    st.caption(f"{formats.count(len(waiting), 'invitation')}; times in UTC.")
    notice = None
    for invitation in waiting:
        notice = _invitation(user, invitation) or notice
    actions.rerun_with_notice(notice)


def link(page: str, code: str) -> str:
    """Return the address of the registration with an invitation.

    Args:
        page: address of the Administration page, as the browser has it.
        code: of the invitation.
    """
    parts = urlsplit(page)
    path = parts.path.rstrip("/").removesuffix("/administration")
    query = urlencode({"invitation": code})
    return urlunsplit((parts.scheme, parts.netloc, f"{path}/register", query, ""))


def _make(user: Visitor) -> None:
    """Draw the form of an invitation, and its link in the run after the form was sent."""
    st.subheader("Invite somebody", anchor=False)
    with st.form("invite", width=frame.FORM_WIDTH):
        role = st.selectbox(
            "Role",
            roles.ACCOUNT_ROLES,
            index=roles.ACCOUNT_ROLES.index("user"),
            format_func=lambda role: roles.ROLES[role].title,
        )
        note = st.text_input("For whom (a note for administrators)", max_chars=MAX_NOTE)
        days = st.number_input("Days until it ends", 1, MAX_DAYS, DAYS)
        pressed = st.form_submit_button("Make an invitation", icon=":material/mail:")
    if not pressed:
        return
    code = actions.attempt(
        lambda: registration.invite(
            accounts.store_to("administer"),
            role=role,
            note=note,
            days=int(days),
            by=user.actor,
        )
    )
    if code:
        address = link(st.context.url or "", code)
        st.code(address, language=None, wrap_lines=True, width=frame.TEXT_WIDTH)
        frame.caption(_ABOUT)


def _invitation(user: Visitor, invitation: Invitation) -> str | None:
    with st.container(border=True, width=frame.TEXT_WIDTH):
        note = frame.plain(invitation.note) or "no note"
        st.markdown(f"**{roles.ROLES[invitation.role].title}**: {note}")
        maker = invitation.made_by or "the command line, or an account that is gone"
        st.caption(
            f"Made by {frame.plain(maker)} on {invitation.created_at:%Y-%m-%d %H:%M}, "
            f"good until {invitation.expires_at:%Y-%m-%d %H:%M}"
        )
        return actions.confirm(
            "Withdraw",
            ":material/delete:",
            sentence="The link stops working. An account that was made with it stays.",
            act=lambda: _withdraw(user, invitation.id),
            key=f"withdraw {invitation.id}",
        )


def _withdraw(user: Visitor, number: int) -> str:
    store = accounts.store_to("administer")
    if registration.withdraw(store, number, by=user.actor):
        return "The invitation is withdrawn."
    return "The invitation was used or withdrawn already."
