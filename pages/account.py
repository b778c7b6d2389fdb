from allcore.web import guard

user = guard.require("account")

import streamlit as st

from allcore.errors import AllScopeError, StoreError
from allcore.store import roles
from allcore.web import accounts, frame, navigation
from allcore.web.sign_in import forms

frame.header(title="Account", question="What ALLScope knows about you, and how you sign in.")
frame.show_notice()
account = accounts.own_account(user)

side_by_side = st.container(horizontal=True, gap="medium")
with side_by_side.container(width=frame.FORM_WIDTH):
    with st.form("profile"):
        st.subheader("About you", anchor=False)
        st.text_input("Username", account.username, disabled=True)
        display_name = st.text_input("Your name", account.display_name, autocomplete="name")
        email = st.text_input("E-mail (optional)", account.email or "", autocomplete="email")
        if st.form_submit_button("Save", type="primary"):
            try:
                accounts.change_profile(user, display_name=display_name, email=email)
            except AllScopeError as error:
                frame.problem(error)
            else:
                frame.set_notice("Your name and e-mail address are saved.")
                st.rerun()
    st.caption(f"{roles.ROLES[user.role].title}; account made on {account.created_at:%d %B %Y}.")
    if st.button("Sign out", icon=":material/logout:"):
        accounts.sign_out()
        navigation.go("Home")
with side_by_side.container(width=frame.FORM_WIDTH), st.form("password", clear_on_submit=True):
    st.subheader("Password", anchor=False)
    st.caption("A new password signs you out everywhere else.")
    current = st.text_input("Current password", type="password", autocomplete="current-password")
    new, agrees = forms.password_fields()
    if st.form_submit_button("Change the password"):
        try:
            if not agrees:
                raise StoreError(forms.DIFFER)
            accounts.change_password(user, current=current, new=new)
        except AllScopeError as error:
            frame.problem(error)
        else:
            frame.set_notice("The new password is set; other sessions have ended.")
            st.rerun()

with st.container(border=True, width=frame.TEXT_WIDTH):
    st.subheader("Where you are signed in", anchor=False)
    st.caption("Times in UTC, the last use to a few minutes.")
    open_now = accounts.open_sessions(user)
    for session in open_now:
        place = frame.plain(session.address) or "address unknown"
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"{'**This one**, ' if session.is_current else ''}{place}: since "
                f"{session.began_at:%d %B %Y %H:%M}, last used {session.used_at:%d %B %H:%M}"
            )
            if not session.is_current and st.button("End", key=f"end_{session.id}"):
                accounts.end_session(user, session.id)
                st.rerun()
    others = len(open_now) - 1
    if st.button("Sign out everywhere else", icon=":material/devices:", disabled=not others):
        accounts.end_other_sessions(user)
        frame.set_notice("All other sessions have ended.")
        st.rerun()
