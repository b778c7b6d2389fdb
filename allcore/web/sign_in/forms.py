"""Forms for signing in and registering, for the guard and the sign-in pages."""

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from allcore.errors import AllScopeError, StoreError
from allcore.store import codes, passwords, sign_in, text_rules
from allcore.web import accounts, client_address, frame, navigation
from allcore.web.sign_in import captcha, sso

DIFFER = "The two passwords differ; enter the same one twice."


def show_sign_in(*, title: str, reason: str, then: str | None = None) -> None:
    """Draw the sign-in page; then go to the page titled `then`, or stay."""
    frame.header(title=title, question=reason)
    with st.container(width=frame.FORM_WIDTH):
        frame.show_notice()
        with st.form("sign_in"):
            username = st.text_input("Username", autocomplete="username")
            password = st.text_input("Password", type="password", autocomplete="current-password")
            submitted = st.form_submit_button("Sign in", type="primary", width="stretch")
        if submitted and _succeeds(lambda: _sign_in(username, password)):
            navigation.go(then)
        sso.show_button()
        _reset()


def new_account_form(
    *,
    key: str,
    submit: str,
    with_code: bool = False,
    invitation: str | None = None,
    with_captcha: bool = False,
) -> dict[str, str] | None:
    """Draw the form of a new account; return its values once both passwords agree.

    Args:
        key: of the form.
        submit: on its button.
        with_code: ask for a setup code.
        invitation: the code that came with the address; None asks for none.
        with_captcha: ask for the letters in a picture.
    """
    with st.form(key):
        entered = {}
        if invitation is not None:
            entered["invitation"] = st.text_input(
                "Invitation code", invitation, autocomplete="one-time-code"
            )
        if with_code:
            entered["code"] = st.text_input("Setup code", autocomplete="one-time-code")
        entered["username"] = st.text_input("Username", autocomplete="username")
        st.caption(f"{text_rules.USERNAME.capitalize()}.")
        entered["display_name"] = st.text_input("Your name", autocomplete="name")
        entered["email"] = st.text_input("E-mail (optional)", autocomplete="email")
        entered["password"], agrees = password_fields()
        place = st.empty()
        typed = _show_captcha(place) if with_captcha else ""
        submitted = st.form_submit_button(submit, type="primary", width="stretch")
    if not submitted:
        return None
    if not agrees:
        frame.problem(StoreError(DIFFER))
        return None
    if with_captcha:
        right = _succeeds(lambda: captcha.check_answer(typed))
        _show_captcha(place)  # the next one, in the place of the one that is used up
        return entered if right else None
    return entered


def password_fields() -> tuple[str, bool]:
    """Draw the two fields of a new password; return it and whether both are the same."""
    first = st.text_input("New password", type="password", autocomplete="new-password")
    st.caption(passwords.RULE)
    second = st.text_input("Repeat new password", type="password", autocomplete="new-password")
    return first, first == second


def _sign_in(username: str, password: str) -> None:
    place = client_address.of_visitor()
    accounts.start_session(
        sign_in.authenticate(accounts.store(), username, password, address=place)
    )


def _show_captcha(place: DeltaGenerator) -> str:
    with place.container():
        return captcha.show_captcha()


def _reset() -> None:
    with st.expander("I have a reset code", icon=":material/key:"), st.form("reset", border=False):
        st.caption("An administrator gives you the code.")
        code = st.text_input("Reset code", autocomplete="one-time-code")
        password, agrees = password_fields()
        if not st.form_submit_button("Set the new password", width="stretch"):
            return
        place = client_address.of_visitor()
        if not agrees:
            frame.problem(StoreError(DIFFER))
        elif _succeeds(
            lambda: codes.redeem_reset(accounts.store(), code, password=password, address=place)
        ):
            st.success("The new password is set; sign in with it above.", icon=":material/check:")


def _succeeds(action: Callable[[], object]) -> bool:
    try:
        action()
    except AllScopeError as error:
        frame.problem(error)
        return False
    return True
