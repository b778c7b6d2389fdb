"""Who is signed in: streamlit-authenticator's session over accounts in the database.

Its credentials dictionary is built from the database in each run, for one account. Its forms and
its YAML file are not used: `allcore.store` checks passwords, attempts and codes.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import streamlit as st
from streamlit_authenticator.controllers import AuthenticationController

from allcore import settings
from allcore.errors import StoreError
from allcore.store import (
    admin_settings,
    codes,
    database,
    registration,
    roles,
    sessions,
)
from allcore.store.accounts import AccountInfo
from allcore.store.audit import Actor
from allcore.store.database import Database
from allcore.store.roles import Action
from allcore.store.sessions import SessionLimits
from allcore.web import client_address, cookie, frame, page_table
from allcore.web.cookie import SESSION_KEY, SessionCookie

ADMITTED = "guard_admitted"
"""Key of the visitor whom the guard has admitted to the page that is open."""
CONNECTION = "session_connection"
"""Key of the websocket on which the visitor has signed in, or shown the session's cookie."""
ENDED = (
    "You have been signed out: this account was changed, or the session was ended or lay idle for "
    "too long; sign in again."
)


@dataclass(frozen=True)
class Visitor:
    """The person at the page; `name` is the username, empty for a person not signed in.

    `number` is the account's id: a deleted account's name may be given again.
    """

    name: str = ""
    display_name: str = ""
    role: str = "visitor"
    number: int = 0

    @property
    def signed_in(self) -> bool:
        """Tell whether this person has an account."""
        return bool(self.name)

    def opens(self, page: str) -> bool:
        """Tell whether this visitor may open a page, named by the stem of its script."""
        return page_table.page(page).opens_to(self.role)

    def may(self, action: Action) -> bool:
        """Tell whether this visitor may take an action of `allcore.store.roles`."""
        return roles.may(self.role, action)

    def require(self, action: Action) -> None:
        """Refuse an action that this visitor may not take.

        Raises:
            NotAllowed: the role does not allow it; the sentence says what to do.
        """
        roles.require(self.role, action)

    @property
    def actor(self) -> Actor:
        """This visitor as the audit log names them."""
        return Actor(self.name, client_address.of_visitor())


def store() -> Database:
    """Return the database for reading; it is opened once a server.

    Raises:
        AllScopeError: it can't be opened, or a setting can't be used.
    """
    return _open_database(settings.load().database)


def store_to(action: Action) -> Database:
    """Return the database for writing, after checking the action.

    The role is read again: a callback runs before the guard, and a fragment without it.

    Raises:
        NotAllowed: the visitor may not do this, as the database has it now.
        AllScopeError: as `store`.
    """
    visitor().require(action)
    return store()


def visitor() -> Visitor:
    """Return the person who is signed in, with role and state as the database has them now.

    Raises:
        AllScopeError: the database can't be opened.
    """
    opened = store()
    if st.session_state.get(SESSION_KEY) and not _is_own_connection():
        _clear_state()
    if not st.session_state.get(SESSION_KEY):
        _sign_in_by_cookie(opened)
    key = st.session_state.get(SESSION_KEY)
    account = sessions.resume(opened, key, session_limits()) if key else None
    if account:
        return Visitor(account.username, account.display_name, account.role, account.id)
    if key:
        sessions.end(opened, key)
        _clear_session()
        frame.set_notice(ENDED)
    return Visitor(role="demo") if settings.load().demo else Visitor()


def requires_captcha(invitation: str) -> bool:
    """Tell whether a registration needs a captcha, with an invitation or an empty text."""
    opened = store()
    if registration.mode(opened) != "open" or not admin_settings.read(opened, "captcha").value:
        return False
    try:
        registration.check(opened, invitation)
    except StoreError:
        return True
    return not invitation


def start_session(account: AccountInfo) -> None:
    """Begin a session of the account, and store its cookie in the browser."""
    st.session_state["logout"] = None
    _controller(account).login(token={"username": account.username})
    place = client_address.of_visitor()
    key = st.session_state[SESSION_KEY] = sessions.begin(store(), account, address=place)
    st.session_state[CONNECTION] = _connection()
    _cookie().write(account.username, key)


def sign_out() -> None:
    """End this session with its state, and delete the cookie."""
    key = st.session_state.get(SESSION_KEY)
    if key:
        sessions.sign_out(store(), key, address=client_address.of_visitor())
    _clear_session()


def session_limits() -> SessionLimits:
    """Return the lifetime of a session from the settings."""
    config = settings.load()
    idle = timedelta(minutes=config.idle_minutes) if config.idle_minutes else None
    return SessionLimits(life=timedelta(days=config.cookie_days), idle=idle)


def _is_own_connection() -> bool:
    """Tell whether this websocket is that of the sign-in, or brings the cookie of the session.

    Streamlit hands a session to whoever names its id, and addresses of uploads hold that id.
    """
    if st.session_state.get(CONNECTION) == _connection():
        return True
    claims = _cookie().read()
    if not claims or claims["session"] != st.session_state[SESSION_KEY]:
        return False
    st.session_state[CONNECTION] = _connection()
    return True


def _connection() -> str:
    """Return what the browser has drawn at random for this websocket."""
    return st.context.headers.get("Sec-WebSocket-Key") or ""


def _clear_state() -> None:
    """Drop all that the session holds; no fragment runs before the guard has admitted anew."""
    st.session_state.clear()
    st.session_state[ADMITTED] = None


def _clear_session() -> None:
    _clear_state()
    _controller(None).logout()
    _cookie().delete()


def _sign_in_by_cookie(opened: Database) -> None:
    """Sign in by the cookie if it is ours, has not expired and its session is open."""
    _controller(None)
    claims = _cookie().read()
    if not claims:
        return
    account = sessions.resume(opened, claims["session"], session_limits())
    if account and account.username == claims["username"]:
        _controller(account).login(token=claims)
        st.session_state[SESSION_KEY] = claims["session"]
        st.session_state[CONNECTION] = _connection()


def _controller(account: AccountInfo | None) -> AuthenticationController:
    """Build streamlit-authenticator over this account only; it prepares its session state."""
    usernames: dict[str, dict[str, Any]] = {}
    if account:
        facts = {"email": account.email, "name": account.display_name, "roles": [account.role]}
        usernames[account.username] = facts
    return AuthenticationController({"usernames": usernames}, auto_hash=False)


def _cookie() -> SessionCookie:
    config = settings.load()
    return SessionCookie(key=cookie.signing_key(config.home), days=config.cookie_days)


@st.cache_resource(show_spinner=False)
def _open_database(url: str) -> Database:
    """Open the database once a server."""
    opened = database.connect()
    codes.print_setup(opened)
    return opened
