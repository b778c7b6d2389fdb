from allcore.web import guard

user = guard.require("account")

import streamlit as st

from allcore.errors import AllScopeError, StoreError
from allcore.store import accounts as stored_accounts
from allcore.store import roles, sessions, sign_in
from allcore.web import accounts, client_address, cookie, frame
from allcore.web.sign_in import forms

frame.header(title="Account", question="What ALLScope knows about you, and how you sign in.")
frame.show_notice()
store, place = accounts.store(), client_address.of_visitor()
account = stored_accounts.find(store, user.name)
if account is None:
    st.rerun()  # it has gone in the meantime, so the guard ends the session

side_by_side = st.container(horizontal=True, gap="medium")
with side_by_side.container(width=frame.FORM_WIDTH):
    with st.form("profile"):
        st.subheader("About you", anchor=False)
        st.text_input("Username", account.username, disabled=True)
        display_name = st.text_input("Your name", account.display_name, autocomplete="name")
        email = st.text_input("E-mail (optional)", account.email or "", autocomplete="email")
        if st.form_submit_button("Save", type="primary"):
            try:
                stored_accounts.change_profile(
                    accounts.store_to("account"),
                    user.name,
                    display_name=display_name,
                    email=email,
                    by=user.actor,
                )
            except AllScopeError as error:
                frame.problem(error)
            else:
                frame.set_notice("Your name and e-mail address are saved.")
                st.rerun()
    st.caption(f"{roles.ROLES[user.role].title}; account made on {account.created_at:%d %B %Y}.")
with side_by_side.container(width=frame.FORM_WIDTH), st.form("password", clear_on_submit=True):
    st.subheader("Password", anchor=False)
    st.caption("A new password signs you out everywhere else.")
    current = st.text_input("Current password", type="password", autocomplete="current-password")
    new, agrees = forms.password_fields()
    if st.form_submit_button("Change the password"):
        try:
            if not agrees:
                raise StoreError(forms.DIFFER)
            changed = sign_in.change_password(
                accounts.store_to("account"), user.name, current=current, new=new, address=place
            )
            accounts.start_session(changed)
        except AllScopeError as error:
            frame.problem(error)
        else:
            frame.set_notice("The new password is set; other sessions have ended.")
            st.rerun()

with st.container(border=True, width=frame.TEXT_WIDTH):
    st.subheader("Where you are signed in", anchor=False)
    st.caption("Times in UTC, the last use to a few minutes.")
    key = st.session_state.get(cookie.SESSION_KEY, "")
    open_now = sessions.list_open(store, user.name, accounts.session_limits(), key=key)
    for session in open_now:
        origin = frame.plain(session.address) or "address unknown"
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"{'**This one**, ' if session.is_current else ''}{origin}: since "
                f"{session.began_at:%d %B %Y %H:%M}, last used {session.used_at:%d %B %H:%M}"
            )
            if not session.is_current and st.button("End", key=f"end_{session.id}"):
                sessions.end_one(accounts.store_to("account"), user.name, session.id, address=place)
                st.rerun()
    alone = len(open_now) == 1
    if st.button("Sign out everywhere else", icon=":material/devices:", disabled=alone):
        sessions.end_all(accounts.store_to("account"), user.name, except_key=key, by=user.actor)
        frame.set_notice("All other sessions have ended.")
        st.rerun()
