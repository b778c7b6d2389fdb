"""Single sign-on, where Streamlit's secrets name an identity provider: `docs/deploy.md` has how.

Streamlit talks to the provider and checks its token (`st.login`). What it leaves in the browser is
good for one sign-in here: from then on the session is as any other, and ends as any other.
"""

import time
from datetime import UTC, datetime
from typing import Any

import streamlit as st
from streamlit.auth_util import get_secrets_auth_section

from allcore.errors import AllScopeError
from allcore.store import admin_settings, identities
from allcore.store.accounts import AccountInfo
from allcore.store.identities import Identity, TokenUsed
from allcore.web import accounts, client_address, navigation

_REFUSED, _TO_SAY = "sso_refused", "sso_to_say"
_DRAWN_SECONDS = 1.0
"""Until the browser has run what deletes this app's own cookie."""


def configured() -> bool:
    """Tell whether an identity provider is set up."""
    return bool(get_secrets_auth_section().get("client_id"))


def show_button() -> None:
    """Draw the button that goes to the identity provider, where there is one."""
    if not configured():
        return
    refused = st.session_state.get(_REFUSED)
    if refused:
        st.error(refused, icon=":material/error:")
    st.button(
        "Sign in with your organization",
        icon=":material/passkey:",
        width="stretch",
        on_click=st.login,
    )


def finish_sign_in() -> None:
    """Sign in who comes back from the identity provider; keep the reason where that is refused."""
    try:
        if _vouched_for() and not accounts.visitor().signed_in:
            accounts.start_session(_entered())
    except TokenUsed:
        return
    except AllScopeError as error:
        st.session_state[_REFUSED] = str(error)
        st.session_state[_TO_SAY] = True


def finish_sign_out() -> None:
    """Sign out at the identity provider too, once nobody is signed in here any more.

    Who was refused goes to the sign-in page instead, which says why.
    """
    if st.session_state.pop(_TO_SAY, False):
        navigation.go("Sign in")
    if not _vouched_for() or _REFUSED in st.session_state or accounts.visitor().signed_in:
        return
    time.sleep(_DRAWN_SECONDS)
    st.logout()


def _entered() -> AccountInfo:
    opened = accounts.store()
    return identities.sign_in(
        opened,
        _identity(st.user.to_dict()),
        approval=admin_settings.read(opened, "approval").value,
        address=client_address.of_visitor(),
    )


def _vouched_for() -> bool:
    return configured() and bool(st.user.is_logged_in)


def _identity(claims: dict[str, Any]) -> Identity:
    """What the token says, of which the provider may have left out anything."""

    def text(key: str) -> str:
        return str(claims.get(key) or "")

    email = text("email") if claims.get("email_verified") is True else ""
    return Identity(
        issuer=text("iss"),
        subject=text("sub"),
        issued_at=_instant(claims.get("iat")),
        preferred_username=text("preferred_username") or text("email") or text("name"),
        name=text("name"),
        email=email,
    )


def _instant(told: object) -> datetime:
    """When a token was issued; long ago where it does not say so."""
    try:
        return datetime.fromtimestamp(float(str(told)), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
