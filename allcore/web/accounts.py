"""Who is signed in: streamlit-authenticator's session over accounts in the database.

Its credentials dictionary is built from the database in each run, for the one account it is about.
Its forms and its YAML file are not used: passwords, tries and codes are checked by `allcore.store`.
"""

from dataclasses import dataclass
from datetime import timedelta

import streamlit as st
from streamlit_authenticator.controllers import AuthenticationController

from allcore import settings
from allcore.errors import StoreError
from allcore.store import (
    accounts,
    admin_settings,
    audit,
    codes,
    database,
    registration,
    roles,
    sessions,
    sign_in,
)
from allcore.store.accounts import AccountInfo
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
    """Who is looking at the page; `name` is the username, empty for someone not signed in.

    `number` is of the account: a name may be another's once its account was deleted.
    """

    name: str = ""
    display_name: str = ""
    role: str = "visitor"
    number: int = 0

    @property
    def signed_in(self) -> bool:
        """Tell whether this is somebody with an account."""
        return bool(self.name)

    def opens(self, page: str) -> bool:
        """Tell whether this visitor may open a page, named by the stem of its script."""
        return page_table.page(page).opens_to(self.role)

    def may(self, action: Action) -> bool:
        """Tell whether this visitor may do something; `allcore.store.roles` lists what there is."""
        return roles.may(self.role, action)

    def require(self, action: Action) -> None:
        """Refuse what this visitor may not do.

        Raises:
            NotAllowed: the role does not allow it; the sentence says what to do.
        """
        roles.require(self.role, action)


def store() -> Database:
    """Give the open database to read; it is opened once a server.

    Raises:
        AllScopeError: it can't be opened, or a setting can't be used.
    """
    return _opened(settings.load().database)


def store_to(action: Action) -> Database:
    """Give the open database to write what only some may write.

    The role is read anew: a callback comes before the guard, and a fragment without it.

    Raises:
        NotAllowed: who is looking may not do this, as the database has it now.
        AllScopeError: as `store`.
    """
    visitor().require(action)
    return store()


def visitor() -> Visitor:
    """Read who is signed in, with role and active flag as they are in the database now.

    Raises:
        AllScopeError: the database can't be opened.
    """
    opened = store()
    if not st.session_state.get(SESSION_KEY):
        _resume(opened)
    key = st.session_state.get(SESSION_KEY)
    if not key:
        return _nobody()
    account = sessions.resume(opened, key, _limits())
    if account is None:
        sessions.end(opened, key)
        _forget()
        frame.say_next(ENDED)
        return _nobody()
    return Visitor(account.username, account.display_name, account.role, account.id)


def enter(username: str, password: str) -> AccountInfo:
    """Sign in.

    Raises:
        StoreError: wrong name or password, account disabled or waiting, or too many tries.
    """
    account = sign_in.authenticate(store(), username, password, address=client_address.of_visitor())
    begin(account)
    return account


def register(
    *, username: str, display_name: str, email: str, password: str, invitation: str = ""
) -> AccountInfo:
    """Make an account and sign in with it, unless it has to wait for an administrator.

    Raises:
        StoreError: registration is closed, a rule is broken, or a name is taken.
    """
    account = registration.register(
        store(),
        username=username,
        display_name=display_name,
        email=email,
        password=password,
        invitation=invitation,
        address=client_address.of_visitor(),
    )
    if not account.waiting:
        begin(account)
    return account


def registration_mode() -> str:
    """Who may register now: "open", "invitation" or "closed"; closed in a demonstration."""
    return registration.mode(store())


def registration_open() -> bool:
    """Tell whether there is a way to make an account for oneself, if only by invitation."""
    return registration_mode() != "closed"


def captcha_asked(invitation: str) -> bool:
    """Tell whether who registers has to read a captcha, with this invitation or an empty one."""
    if registration_mode() != "open" or not admin_settings.read(store(), "captcha").value:
        return False
    try:
        registration.check(store(), invitation)
    except StoreError:
        return True
    return not invitation


def administrator_exists() -> bool:
    """Tell whether any administrator has been made, active or not."""
    return accounts.administrator_exists(store())


def set_up(*, code: str, username: str, display_name: str, email: str, password: str) -> None:
    """Make the first administrator with the code of the terminal, and sign in as them.

    Raises:
        StoreError: the code is no good, there is an administrator, or a rule is broken.
    """
    account = codes.redeem_setup(
        store(),
        code,
        username=username,
        display_name=display_name,
        email=email,
        password=password,
        address=client_address.of_visitor(),
    )
    begin(account)


def own(visitor: Visitor) -> AccountInfo:
    """Read the account of who is signed in.

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
    by = audit.Actor(visitor.name, client_address.of_visitor())
    accounts.change_profile(
        store_to("account"), visitor.name, display_name=display_name, email=email, by=by
    )


def change_password(visitor: Visitor, *, current: str, new: str) -> None:
    """Set a new password; this session goes on, all others end.

    Raises:
        StoreError: the current password is wrong, or the new one breaks the rule.
        NotAllowed: the role has no account of its own to change.
    """
    visitor.require("account")
    place = client_address.of_visitor()
    begin(sign_in.change_password(store(), visitor.name, current=current, new=new, address=place))


def reset_password(code: str, password: str) -> None:
    """Set a new password with a one-time code; all sessions of the account end.

    Raises:
        StoreError: the code is no good, or the password breaks the rule.
    """
    codes.redeem_reset(store(), code, password=password, address=client_address.of_visitor())


def open_sessions(visitor: Visitor) -> list[OpenSession]:
    """Read where the visitor is signed in, the last used first."""
    key = st.session_state.get(SESSION_KEY, "")
    return sessions.list_open(store(), visitor.name, _limits(), key=key)


def end_session(visitor: Visitor, number: int) -> None:
    """End one of the visitor's own sessions.

    Raises:
        NotAllowed: the role has no account of its own to change.
    """
    visitor.require("account")
    sessions.end_one(store(), visitor.name, number, address=client_address.of_visitor())


def end_other_sessions(visitor: Visitor) -> None:
    """Sign the visitor out everywhere else.

    Raises:
        NotAllowed: the role has no account of its own to change.
    """
    visitor.require("account")
    key = st.session_state.get(SESSION_KEY, "")
    by = audit.Actor(visitor.name, client_address.of_visitor())
    sessions.end_all(store(), visitor.name, except_key=key, by=by)


def begin(account: AccountInfo) -> None:
    """Make this session the account's, and have the browser keep a cookie for it."""
    st.session_state["logout"] = None
    _controller(account).login(token={"username": account.username})
    place = client_address.of_visitor()
    key = st.session_state[SESSION_KEY] = sessions.begin(store(), account, address=place)
    _cookie().write(account.username, key)


def sign_out() -> None:
    """End this session, with everything a page has kept in it, and delete the cookie."""
    key = st.session_state.get(SESSION_KEY)
    if key:
        sessions.sign_out(store(), key, address=client_address.of_visitor())
    _forget()


def _forget() -> None:
    """Empty this session, and have the browser drop its cookie."""
    st.session_state.clear()
    _controller(None).logout()
    _cookie().delete()


def _nobody() -> Visitor:
    """Someone who is not signed in, as the settings take them."""
    return Visitor(role="demo") if settings.load().demo else Visitor()


def _resume(opened: Database) -> None:
    """Sign in by the cookie, where it is ours, has not expired and its session goes on."""
    _controller(None)
    claims = _cookie().read()
    if not claims:
        return
    account = sessions.resume(opened, claims["session"], _limits())
    if account and account.username == claims["username"]:
        _controller(account).login(token=claims)
        st.session_state[SESSION_KEY] = claims["session"]


def _limits() -> SessionLimits:
    """How long a session lasts, as the settings have it."""
    config = settings.load()
    idle = timedelta(minutes=config.idle_minutes) if config.idle_minutes else None
    return SessionLimits(life=timedelta(days=config.cookie_days), idle=idle)


def _controller(account: AccountInfo | None) -> AuthenticationController:
    """Build streamlit-authenticator over this account only; it prepares its session state."""
    usernames = {}
    if account:
        usernames[account.username] = {
            "email": account.email,
            "name": account.display_name,
            "roles": [account.role],
        }
    return AuthenticationController({"usernames": usernames}, auto_hash=False)


def _cookie() -> SessionCookie:
    config = settings.load()
    return SessionCookie(key=cookie.signing_key(config.home), days=config.cookie_days)


@st.cache_resource(show_spinner=False)
def _opened(url: str) -> Database:
    """Open the database; once a server, so that the setup code is printed once a server."""
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
