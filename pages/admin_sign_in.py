from allcore.web import guard

user = guard.require("admin_sign_in")

import streamlit as st

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


def set_up(entered):
    place = client_address.of_visitor()
    return codes.redeem_setup(accounts.store(), address=place, **entered)


with st.container(width=frame.FORM_WIDTH):
    account = forms.new_account_form(
        key="setup", submit="Make the administrator", make=set_up, with_code=True
    )
    if account is not None:
        accounts.start_session(account)
        navigation.go("Administration")
