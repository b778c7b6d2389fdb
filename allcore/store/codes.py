"""One-time codes: for the setup of the first administrator, and for password resets.

A code has 100 random bits and is shown once; the database stores only its SHA-256.
"""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from allcore import logs
from allcore.errors import StoreError
from allcore.store import accounts, audit, passwords, sign_in
from allcore.store.accounts import AccountInfo
from allcore.store.database import Database
from allcore.store.models import Account, InvitationRow, OneTimeCode

CodeRow = TypeVar("CodeRow", OneTimeCode, InvitationRow)

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no letter resembles a digit
GROUPS, GROUP_LENGTH = 4, 5
SETUP_LIFE, RESET_LIFE = timedelta(days=7), timedelta(hours=24)
INVALID = {
    "setup": "This code is wrong, used or too old; restart ALLScope to print a new one.",
    "reset": "This code is wrong, used or too old; ask an administrator for a new one.",
}
SETUP = """
ALLScope has no administrator yet. Open it in a browser, choose "Administrator sign-in"
and enter this setup code. It works once, within 7 days:

    {code}

Or make the account here: python -m allcore users add NAME --role admin
"""
SETUP_OVER = "ALLScope has an administrator already; sign in, or ask them for a role."
_printed: set[str] = set()


def issue_setup(database: Database) -> str | None:
    """Create a code for the first administrator; None where one exists already.

    Codes of other running servers stay valid: the first redeemed code creates the administrator.
    """
    with database.alone() as session:
        if accounts.count(session, Account.role == "admin"):
            return None
        return _issue(session, purpose="setup", account_id=None, life=SETUP_LIFE)


def print_setup(database: Database) -> None:
    """Print a setup code on the terminal if one is needed, once a process and database."""
    url = str(database.engine.url)
    if url not in _printed and (code := issue_setup(database)):
        print(SETUP.format(code=code), flush=True)
    _printed.add(url)


def redeem_setup(
    database: Database,
    code: str,
    *,
    username: str,
    display_name: str,
    email: str,
    password: str,
    address: str = "",
) -> AccountInfo:
    """Create the first administrator, at most once across all processes.

    Raises:
        StoreError: the code is invalid, an administrator exists, or a rule is broken.
    """
    check(database, code, purpose="setup")
    account = accounts.new_account(
        username=username, display_name=display_name, email=email, password=password, role="admin"
    )
    with accounts.unique_names(account.username), database.alone() as session:
        if accounts.count(session, Account.role == "admin"):
            raise StoreError(SETUP_OVER)
        _valid(session, code, purpose="setup")
        session.add(account)
        session.execute(delete(OneTimeCode).where(OneTimeCode.purpose == "setup"))
        session.flush()
        logs.event("first administrator made", account=account.id)
        audit.record(session, "first administrator made", by=account, address=address)
        return accounts.info_of(account)


def issue_reset(database: Database, username: str, *, by: audit.Actor | None = None) -> str:
    """Create a password reset code, valid for a day.

    It invalidates an earlier code of the account; the password stays valid until the code is used.
    """
    with database.alone() as session:
        account = accounts.existing(session, username)
        session.execute(delete(OneTimeCode).where(OneTimeCode.account_id == account.id))
        logs.event("reset code issued", account=account.id)
        audit.record(session, "reset code made", by=by, target=account.username)
        return _issue(session, purpose="reset", account_id=account.id, life=RESET_LIFE)


def redeem_reset(database: Database, code: str, *, password: str, address: str = "") -> AccountInfo:
    """Set a new password with a reset code; ends the account's sessions and its lock.

    Raises:
        StoreError: the code is invalid, the account is disabled, or the password breaks the rule.
    """
    with database.read() as session:
        owner = session.get(Account, _valid(session, code, purpose="reset").account_id)
        own = accounts.personal_words(owner) if owner else ()
    passwords.check_rule(password, own=own)
    password_hash = passwords.hash_password(password)
    with database.alone() as session:
        row = _valid(session, code, purpose="reset")
        account = session.get(Account, row.account_id)
        if account is None or not account.active:
            raise StoreError(INVALID["reset"])
        row.used_at = datetime.now(UTC)
        sign_in.replace_password(session, account, password_hash)
        sign_in.clear_attempts(session, account.username)
        logs.event("password reset", account=account.id)
        audit.record(session, "reset code used", by=account, address=address)
        return accounts.info_of(account)


def check(database: Database, code: str, *, purpose: str) -> None:
    """Raise a StoreError for a wrong, used or expired code, before expensive work."""
    with database.read() as session:
        _valid(session, code, purpose=purpose)


def new_code() -> str:
    """Generate a random code."""
    groups = ("".join(secrets.choice(ALPHABET) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS))
    return "-".join(groups)


def hash_of(code: str) -> str:
    """Hash a code without dashes and spaces, reading O as 0 and I or L as 1."""
    plain = "".join(code.upper().replace("-", " ").split()).translate(str.maketrans("OIL", "011"))
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()


def unused(session: Session, kind: type[CodeRow], code: str) -> CodeRow | None:
    """Return the row of a code that is neither used nor expired."""
    row = session.scalars(select(kind).where(kind.code_hash == hash_of(code))).one_or_none()
    is_valid = row is not None and row.used_at is None and row.expires_at >= datetime.now(UTC)
    return row if is_valid else None


def _issue(session: Session, *, purpose: str, account_id: int | None, life: timedelta) -> str:
    now = datetime.now(UTC)
    stale = or_(OneTimeCode.expires_at < now, OneTimeCode.used_at.is_not(None))
    session.execute(delete(OneTimeCode).where(stale))
    code = new_code()
    row = OneTimeCode(code_hash=hash_of(code), purpose=purpose, account_id=account_id)
    row.created_at, row.expires_at = now, now + life
    session.add(row)
    return code


def _valid(session: Session, code: str, *, purpose: str) -> OneTimeCode:
    row = unused(session, OneTimeCode, code)
    if row is None or row.purpose != purpose:
        raise StoreError(INVALID[purpose])
    return row
