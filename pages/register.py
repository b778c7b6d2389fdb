from allcore.web import guard

user = guard.require("register")

import streamlit as st

from allcore.errors import AllScopeError
from allcore.store import registration, sign_in
from allcore.web import accounts, forms, frame, navigation

if user.signed_in:
    navigation.go("Home")
frame.header(title="Register", question="Make an account to check images and see the evaluation.")
mode, invitation = accounts.registration_mode(), st.query_params.get("invitation", "")
if mode == "closed":
    st.info(registration.CLOSED, icon=":material/lock:", width=frame.TEXT_WIDTH)
    st.stop()
with st.container(width=frame.FORM_WIDTH):
    frame.show_said()
    asks = mode == "invitation" or bool(invitation)
    entered = forms.new_account(
        key="register", submit="Make the account", invitation=invitation if asks else None
    )
    if entered:
        try:
            account = accounts.register(**entered)
        except AllScopeError as error:
            frame.problem(error)
        else:
            if account.waiting:
                frame.say_next(f"Your account is made. {sign_in.WAITING}")
            navigation.go("Sign in" if account.waiting else "Home")
    navigation.link("Sign in", label="I have an account")
