"""Forms for signing in and registering, for the guard and the sign-in pages."""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from allcore.errors import AllScopeError, StoreError
from allcore.store import codes, passwords, sign_in, text_rules
from allcore.store.accounts import AccountInfo
from allcore.web import accounts, client_address, frame, navigation
from allcore.web.sign_in import captcha, sso

CONSENT = (
    "By making an account you agree that ALLScope stores your names, e-mail address and a hash of "
    "your password, when and from which address you sign in, and file names and answers of your "
    "images; the images themselves only if an administrator allows it. History says for how long; "
    "administrators delete accounts."
)
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
    make: Callable[[dict[str, str]], AccountInfo],
    with_code: bool = False,
    invitation: str | None = None,
    with_captcha: bool = False,
) -> AccountInfo | None:
    """Draw the form of a new account; return the account once it was made.

    All that is wrong stands below its field, in one go.

    Args:
        key: of the form.
        submit: on its button.
        make: makes the account of the values by the names of the fields.
        with_code: ask for a setup code.
        invitation: the code that came with the address; None asks for none.
        with_captcha: ask for a CAPTCHA.
    """
    with st.form(key):
        fields = _Fields()
        if invitation is not None:
            fields.show_field(
                "invitation", "Invitation code", invitation, autocomplete="one-time-code"
            )
        if with_code:
            fields.show_field("code", "Setup code", autocomplete="one-time-code")
        rule = f"{text_rules.USERNAME.capitalize()}."
        fields.show_field("username", "Username", below=rule, autocomplete="username")
        fields.show_field("display_name", "Your name", autocomplete="name")
        fields.show_field("email", "E-mail (optional)", autocomplete="email")
        password = {"type": "password", "autocomplete": "new-password"}
        fields.show_field("password", "New password", below=passwords.RULE, **password)
        fields.show_field("repeated", "Repeat new password", **password)
        picture = st.empty()
        typed = _show_captcha(picture) if with_captcha else ""
        fields.places["captcha"] = st.empty()
        st.caption(CONSENT)
        submitted = st.form_submit_button(submit, type="primary", width="stretch")
    if not submitted:
        return None
    if errors := _form_errors(fields.typed):
        fields.show_errors(errors)
        return None
    if with_captcha:
        error = _error_of(lambda: captcha.check_answer(typed))
        _show_captcha(picture)  # the next one, in the place of the one that is used up
        if error is not None:
            fields.show_errors({"captcha": error})
            return None
    values = {name: text for name, text in fields.typed.items() if name != "repeated"}
    try:
        return make(values)
    except AllScopeError as error:
        fields.show_errors({_field_of(str(error)): error})
        return None


class _Fields:
    """Fields of a form, each with a place for its error."""

    def __init__(self) -> None:
        self.typed: dict[str, str] = {}
        self.places: dict[str, DeltaGenerator] = {}

    def show_field(
        self, name: str, label: str, value: str = "", *, below: str = "", **options: Any
    ) -> None:
        """Draw a field with its rule and an empty place below it."""
        self.typed[name] = st.text_input(label, value, **options)
        if below:
            st.caption(below)
        self.places[name] = st.empty()

    def show_errors(self, errors: Mapping[str, AllScopeError]) -> None:
        """Draw errors below their fields; one that is of no field, below the form."""
        for name, error in errors.items():
            with self.places.get(name, contextlib.nullcontext()):
                frame.problem(error)


def _form_errors(typed: Mapping[str, str]) -> dict[str, AllScopeError]:
    """What is wrong with typed values, by field, as far as it can be told without the database."""
    own = (typed["username"], *typed["display_name"].split(), typed["email"].partition("@")[0])
    checks: dict[str, Callable[[], object]] = {
        "username": lambda: text_rules.username(typed["username"]),
        "display_name": lambda: text_rules.display_name(typed["display_name"]),
        "email": lambda: text_rules.email(typed["email"]),
        "password": lambda: passwords.check_rule(typed["password"], own=own),
    }
    errors = {name: error for name, check in checks.items() if (error := _error_of(check))}
    if typed["password"] != typed["repeated"]:
        errors["repeated"] = StoreError(DIFFER)
    return errors


def _field_of(sentence: str) -> str:
    """The field that an error of the store is about; empty where it is about none."""
    words = {"username": "username", "e-mail": "email", "invitation": "invitation", "code": "code"}
    return next((field for word, field in words.items() if word in sentence.lower()), "")


def _error_of(action: Callable[[], object]) -> AllScopeError | None:
    try:
        action()
    except AllScopeError as error:
        return error
    return None


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
    error = _error_of(action)
    if error is not None:
        frame.problem(error)
    return error is None
