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
    accounts,
    admin_settings,
    codes,
    database,
    registration,
    roles,
    sessions,
    sign_in,
)
from allcore.store.accounts import AccountInfo
from allcore.store.audit import Actor
from allcore.store.database import Database
from allcore.store.roles import Action
from allcore.store.sessions import OpenSession, SessionLimits
from allcore.web import client_address, cookie, frame, page_table
from allcore.web.cookie import SESSION_KEY, SessionCookie

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
    if not st.session_state.get(SESSION_KEY):
        _sign_in_by_cookie(opened)
    key = st.session_state.get(SESSION_KEY)
    account = sessions.resume(opened, key, _session_limits()) if key else None
    if account:
        return Visitor(account.username, account.display_name, account.role, account.id)
    if key:
        sessions.end(opened, key)
        _clear_session()
        frame.set_notice(ENDED)
    return Visitor(role="demo") if settings.load().demo else Visitor()


def sign_in_by_password(username: str, password: str) -> None:
    """Sign in.

    Raises:
        StoreError: wrong name or password, account disabled or waiting, or too many attempts.
    """
    place = client_address.of_visitor()
    start_session(sign_in.authenticate(store(), username, password, address=place))


def register(**fields: str) -> AccountInfo:
    """Make an account and sign in with it, unless it has to wait for an administrator.

    Args:
        fields: texts that `allcore.store.registration.register` takes.

    Raises:
        StoreError: registration is closed, a rule is broken, or a name is taken.
    """
    place = client_address.of_visitor()
    account = registration.register(store(), address=place, **fields)
    if not account.waiting:
        start_session(account)
    return account


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


def make_first_administrator(*, code: str, **fields: str) -> None:
    """Make the first administrator with the code of the terminal, and sign in.

    Args:
        code: of the terminal.
        fields: texts that `allcore.store.codes.redeem_setup` takes.

    Raises:
        StoreError: the code is invalid, there is an administrator, or a rule is broken.
    """
    place = client_address.of_visitor()
    start_session(codes.redeem_setup(store(), code, address=place, **fields))


def own_account(visitor: Visitor) -> AccountInfo:
    """Read the visitor's account.

    Raises:
        StoreError: it has gone in the meantime.
    """
    account = accounts.find(store(), visitor.name)
    if account is None:
        raise StoreError(ENDED)
    return account


def change_profile(visitor: Visitor, *, display_name: str, email: str) -> None:
    """Set the visitor's own name and e-mail address.

    Raises:
        StoreError: a rule is broken, or the e-mail address is taken.
        NotAllowed: the role has no account of its own to change.
    """
    opened = store_to("account")
    accounts.change_profile(
        opened, visitor.name, display_name=display_name, email=email, by=visitor.actor
    )


def change_password(visitor: Visitor, *, current: str, new: str) -> None:
    """Set a new password; this session goes on, all others end.

    Raises:
        StoreError: the current password is wrong, or the new one breaks the rule.
        NotAllowed: as `change_profile`.
    """
    opened, place = store_to("account"), client_address.of_visitor()
    start_session(
        sign_in.change_password(opened, visitor.name, current=current, new=new, address=place)
    )


def reset_password(code: str, password: str) -> None:
    """Set a new password with a one-time code; all sessions of the account end.

    Raises:
        StoreError: the code is invalid, or the password breaks the rule.
    """
    codes.redeem_reset(store(), code, password=password, address=client_address.of_visitor())


def open_sessions(visitor: Visitor) -> list[OpenSession]:
    """Read the visitor's open sessions, the last used first."""
    key = st.session_state.get(SESSION_KEY, "")
    return sessions.list_open(store(), visitor.name, _session_limits(), key=key)


def end_session(visitor: Visitor, number: int) -> None:
    """End one of the visitor's own sessions.

    Raises:
        NotAllowed: as `change_profile`.
    """
    place = client_address.of_visitor()
    sessions.end_one(store_to("account"), visitor.name, number, address=place)


def end_other_sessions(visitor: Visitor) -> None:
    """Sign the visitor out everywhere else.

    Raises:
        NotAllowed: as `change_profile`.
    """
    key = st.session_state.get(SESSION_KEY, "")
    sessions.end_all(store_to("account"), visitor.name, except_key=key, by=visitor.actor)


def start_session(account: AccountInfo) -> None:
    """Begin a session of the account, and store its cookie in the browser."""
    st.session_state["logout"] = None
    _controller(account).login(token={"username": account.username})
    place = client_address.of_visitor()
    key = st.session_state[SESSION_KEY] = sessions.begin(store(), account, address=place)
    _cookie().write(account.username, key)


def sign_out() -> None:
    """End this session with its state, and delete the cookie."""
    key = st.session_state.get(SESSION_KEY)
    if key:
        sessions.sign_out(store(), key, address=client_address.of_visitor())
    _clear_session()


def _clear_session() -> None:
    st.session_state.clear()
    _controller(None).logout()
    _cookie().delete()


def _sign_in_by_cookie(opened: Database) -> None:
    """Sign in by the cookie if it is ours, has not expired and its session is open."""
    _controller(None)
    claims = _cookie().read()
    if not claims:
        return
    account = sessions.resume(opened, claims["session"], _session_limits())
    if account and account.username == claims["username"]:
        _controller(account).login(token=claims)
        st.session_state[SESSION_KEY] = claims["session"]


def _session_limits() -> SessionLimits:
    config = settings.load()
    idle = timedelta(minutes=config.idle_minutes) if config.idle_minutes else None
    return SessionLimits(life=timedelta(days=config.cookie_days), idle=idle)


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
    """Open the database once a server, so that the setup code is printed once."""
    opened = database.connect()
    code = codes.issue_setup(opened)
    if code:
        print(SETUP.format(code=code), flush=True)
    return opened


SETUP = """
ALLScope has no administrator yet. Open it in a browser, choose "Administrator sign-in"
and enter this setup code. It works once, within 7 days:

    {code}

Or make the account here: python -m allcore users add NAME --role admin
"""
