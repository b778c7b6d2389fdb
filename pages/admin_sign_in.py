from allcore.web import guard

user = guard.require("admin_sign_in")

import streamlit as st

from allcore.errors import AllScopeError
from allcore.store import accounts as stored_accounts
from allcore.store import codes
from allcore.web import accounts, client_address, frame, navigation
from allcore.web.sign_in import forms

if user.signed_in:
    navigation.go("Administration" if user.opens("administration") else "Home")
if stored_accounts.administrator_exists(accounts.store()):
    forms.show_sign_in(
        title="Administrator sign-in",
        reason="Administrators sign in here to look after accounts.",
        then="Administration",
    )
    st.stop()
frame.header(
    title="Set up the first administrator",
    question="The terminal where ALLScope was started has printed a setup code. "
    "It works once and makes the account that looks after all others.",
)
with st.container(width=frame.FORM_WIDTH):
    entered = forms.new_account_form(key="setup", submit="Make the administrator", with_code=True)
    if entered:
        try:
            place = client_address.of_visitor()
            accounts.start_session(codes.redeem_setup(accounts.store(), address=place, **entered))
        except AllScopeError as error:
            frame.problem(error)
        else:
            navigation.go("Administration")
