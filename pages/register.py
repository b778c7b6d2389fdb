from allcore.web import guard

user = guard.require("register")

import streamlit as st

from allcore.errors import AllScopeError
from allcore.web import accounts, forms, frame, navigation

if user.signed_in:
    navigation.go("Home")
frame.header(title="Register", question="Make an account to check images and see the evaluation.")
if not accounts.registration_open():
    st.info(accounts.CLOSED, icon=":material/lock:", width=frame.TEXT_WIDTH)
    st.stop()
with st.container(width=frame.FORM_WIDTH):
    entered = forms.new_account(key="register", submit="Make the account")
    if entered:
        try:
            accounts.register(**entered)
        except AllScopeError as error:
            frame.problem(error)
        else:
            navigation.go("Home")
    navigation.link("Sign in", label="I have an account")
