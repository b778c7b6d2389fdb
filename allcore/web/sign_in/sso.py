"""Single sign-on, where Streamlit's secrets name an identity provider: `docs/deploy.md` has how.

Streamlit talks to the provider and checks its token (`st.login`). Its cookie is valid for one
sign-in here. From then on the session is one of the app's own, and ends as these do.
"""

import time
from datetime import UTC, datetime
from typing import Any

import streamlit as st
from streamlit.auth_util import get_secrets_auth_section

from allcore.errors import AllScopeError
from allcore.store import admin_settings, identities
from allcore.store.identities import Identity, TokenUsed
from allcore.web import accounts, client_address, navigation

_REFUSED, _UNREPORTED = "sso_refused", "sso_unreported"
_COOKIE_SECONDS = 1.0
"""Time that the browser needs to delete this app's own cookie."""


def configured() -> bool:
    """Tell whether an identity provider is set up."""
    return bool(get_secrets_auth_section().get("client_id"))


def show_button() -> None:
    """Draw the button that leads to the identity provider, where there is one."""
    if not configured():
        return
    if refused := st.session_state.get(_REFUSED):
        st.error(refused, icon=":material/error:")
    label = "Sign in with your organization"
    st.button(label, icon=":material/passkey:", width="stretch", on_click=st.login)


def finish_sign_in() -> None:
    """Sign in a person who comes back from the provider; store the reason of a refusal."""
    try:
        if _is_identified() and not accounts.visitor().signed_in:
            opened, claims = accounts.store(), _identity(st.user.to_dict())
            approval = admin_settings.read(opened, "approval").value
            address = client_address.of_visitor()
            account = identities.sign_in(opened, claims, approval=approval, address=address)
            accounts.start_session(account)
    except TokenUsed:
        return
    except AllScopeError as error:
        st.session_state[_REFUSED] = str(error)
        st.session_state[_UNREPORTED] = True


def finish_sign_out() -> None:
    """Sign out at the identity provider once nobody is signed in here.

    A refused person goes to the sign-in page instead, which says why.
    """
    if st.session_state.pop(_UNREPORTED, False):
        navigation.go("Sign in")
    if not _is_identified() or _REFUSED in st.session_state or accounts.visitor().signed_in:
        return
    time.sleep(_COOKIE_SECONDS)
    st.logout()


def _is_identified() -> bool:
    return configured() and bool(st.user.is_logged_in)


def _identity(claims: dict[str, Any]) -> Identity:
    """Read the token's claims, any of which may be missing."""

    def text(key: str) -> str:
        return str(claims.get(key) or "")

    try:
        issued_at = datetime.fromtimestamp(float(text("iat")), UTC)
    except (ValueError, OverflowError, OSError):
        issued_at = datetime.fromtimestamp(0, UTC)
    return Identity(
        issuer=text("iss"),
        subject=text("sub"),
        issued_at=issued_at,
        preferred_username=text("preferred_username") or text("email") or text("name"),
        name=text("name"),
        email=text("email") if claims.get("email_verified") is True else "",
    )
