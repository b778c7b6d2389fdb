from allcore.web import guard

user = guard.require("register")

import streamlit as st

from allcore.errors import StoreError
from allcore.store import registration, sign_in
from allcore.web import accounts, client_address, frame, navigation
from allcore.web.sign_in import forms

if user.signed_in:
    navigation.go("Home")
frame.header(title="Register", question="Make an account to check images and see the evaluation.")
mode, invitation = registration.mode(accounts.store()), st.query_params.get("invitation", "")
if mode == "closed":
    frame.info(registration.CLOSED, icon=":material/lock:")
    st.stop()


def register(entered):
    # The invitation that spared the captcha may have been changed in its field.
    if not with_captcha and accounts.requires_captcha(entered.get("invitation", "")):
        raise StoreError(registration.INVALID)
    place = client_address.of_visitor()
    return registration.register(accounts.store(), address=place, **entered)


with st.container(width=frame.FORM_WIDTH):
    frame.show_notice()
    asks_for_code = mode == "invitation" or bool(invitation)
    with_captcha = accounts.requires_captcha(invitation)
    account = forms.new_account_form(
        key="register",
        submit="Make the account",
        make=register,
        invitation=invitation if asks_for_code else None,
        with_captcha=with_captcha,
    )
    if account is not None:
        if account.waiting:
            frame.set_notice(f"Your account is made. {sign_in.WAITING}")
            navigation.go("Sign in")
        accounts.start_session(account)
        navigation.go("Home")
    navigation.link("Sign in", label="I have an account")
