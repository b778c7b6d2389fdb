"""Accounts: creation, lookup and changes. The store returns frozen `AccountInfo` copies of rows.

Functions that change an account raise a StoreError where there is none of the username.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import ColumnExpressionArgument, exc, func, or_, select
from sqlalchemy.orm import Session

from allcore import logs
from allcore.errors import StoreError
from allcore.store import audit, passwords, roles, text_rules
from allcore.store.database import Database
from allcore.store.models import Account, BatchRow, PredictionRow, SliceRow, copy_row

OwnedRow = TypeVar("OwnedRow", BatchRow, PredictionRow, SliceRow)
TAKEN_NAME = "The username '{}' is taken; choose another."
TAKEN_EMAIL = "Another account has this e-mail address; use another."


@dataclass(frozen=True)
class AccountInfo:
    """An account at the time of reading. Times are aware, in UTC."""

    id: int
    username: str
    display_name: str
    email: str | None
    role: str
    active: bool
    session_version: int
    created_at: datetime
    last_sign_in: datetime | None
    has_password: bool
    waiting: bool  # True if the account awaits an administrator's approval
    toured_at: datetime | None  # Time at which the tour was shown; None where it has not been

    @property
    def state(self) -> str:
        """State of the account in a few words, for display."""
        if not self.active:
            return "disabled"
        if self.waiting:
            return "waits for approval"
        return "active" if self.has_password else "no password yet"


def create(
    database: Database,
    *,
    username: str,
    display_name: str,
    email: str = "",
    password: str | None,
    role: str = "user",
    by: audit.Actor | None = None,
) -> AccountInfo:
    """Create an account; without a password its owner needs a one-time code to sign in.

    Raises:
        StoreError: a rule is broken, or the username or e-mail address is taken.
    """
    account = new_account(
        username=username, display_name=display_name, email=email, password=password, role=role
    )
    with unique_names(account.username), database.write() as session:
        session.add(account)
        session.flush()
        logs.event("account made", account=account.id, role=role)
        audit.record(session, "account made", by=by, target=account.username, detail={"role": role})
        return info_of(account)


def find(database: Database, username: str) -> AccountInfo | None:
    """Return the account of a username, ignoring case; None where there is none."""
    with database.read() as session:
        account = row_of(session, username)
        return None if account is None else info_of(account)


def list_all(database: Database, *, search: str = "") -> list[AccountInfo]:
    """Return all accounts whose username, name or e-mail address contains the text, by username."""
    query = select(Account).order_by(Account.username)
    if search.strip():
        columns = (Account.username, Account.display_name, Account.email)
        query = query.where(or_(*(c.icontains(search.strip(), autoescape=True) for c in columns)))
    with database.read() as session:
        return [info_of(account) for account in session.scalars(query)]


def administrator_exists(database: Database) -> bool:
    """True if an administrator exists, active or not."""
    with database.read() as session:
        return count(session, Account.role == "admin") > 0


def change_profile(
    database: Database,
    username: str,
    *,
    display_name: str,
    email: str,
    by: audit.Actor | None = None,
) -> AccountInfo:
    """Set name and e-mail address; the audit log names the changed fields, without their values.

    Raises:
        StoreError: a rule is broken, or the e-mail address is taken.
    """
    name, address = text_rules.display_name(display_name), text_rules.email(email)
    with unique_names(username), database.write() as session:
        account = existing(session, username)
        differ = {"name": account.display_name != name, "e-mail": account.email != address}
        account.display_name, account.email = name, address
        session.flush()
        if any(differ.values()):
            changed = ", ".join(field for field, is_new in differ.items() if is_new)
            detail = {"changed": changed}
            audit.record(session, "profile changed", by=by, target=account.username, detail=detail)
        return info_of(account)


def set_role(
    database: Database, username: str, role: str, *, by: audit.Actor | None = None
) -> AccountInfo:
    """Set the role of an account; its open sessions end.

    Raises:
        StoreError: the role or username is unknown, or no active administrator would be left.
    """
    check_role(role)
    with database.alone() as session:
        account = existing(session, username)
        if account.role == role:
            return info_of(account)
        detail = {"from": account.role, "to": role}
        with keep_an_administrator(session):
            account.role = role
            account.session_version += 1
        logs.event("role set", account=account.id, role=role)
        audit.record(session, "role changed", by=by, target=account.username, detail=detail)
        return info_of(account)


def set_active(
    database: Database, username: str, *, active: bool, by: audit.Actor | None = None
) -> AccountInfo:
    """Enable or disable an account; disabling ends its open sessions for good.

    Raises:
        StoreError: the username is unknown, or no active administrator would be left.
    """
    with database.alone() as session:
        account = existing(session, username)
        with keep_an_administrator(session):
            account.active = active
            account.session_version += 0 if active else 1
        action = "enabled" if active else "disabled"
        logs.event(f"account {action}", account=account.id)
        audit.record(session, action, by=by, target=account.username)
        return info_of(account)


def approve(database: Database, username: str, *, by: audit.Actor | None = None) -> AccountInfo:
    """Approve a registered account, so that its owner can sign in."""
    with database.write() as session:
        account = existing(session, username)
        if account.waiting:
            account.waiting = False
            logs.event("account approved", account=account.id)
            audit.record(session, "approved", by=by, target=account.username)
        return info_of(account)


def set_toured(database: Database, username: str) -> None:
    """Record that the tour was shown; it does not start automatically again."""
    with database.write() as session:
        existing(session, username).toured_at = datetime.now(UTC)


def check_role(role: str) -> None:
    """Raise a StoreError for an unknown role."""
    if role not in roles.ACCOUNT_ROLES:
        known = ", ".join(roles.ACCOUNT_ROLES)
        raise StoreError(f"There is no role '{role}'; use one of: {known}.")


def new_account(
    *, username: str, display_name: str, email: str, password: str | None, role: str
) -> Account:
    """Build a valid row, before any transaction begins: password hashing is slow."""
    check_role(role)
    account = Account(
        username=text_rules.username(username),
        display_name=text_rules.display_name(display_name),
        email=text_rules.email(email),
        role=role,
        active=True,
        waiting=False,
        session_version=1,
        created_at=datetime.now(UTC),
    )
    if password is not None:
        passwords.check_rule(password, own=personal_words(account))
        account.password_hash = passwords.hash_password(password)
    return account


def personal_words(account: Account) -> tuple[str, ...]:
    """Return the names of an account, which a password must not consist of."""
    mailbox = (account.email or "").partition("@")[0]
    return (account.username, *account.display_name.split(), mailbox)


def row_of(session: Session, username: str) -> Account | None:
    """Return the row of a username, ignoring case; None where there is none."""
    name = text_rules.lookup_name(username)
    return session.scalars(select(Account).where(Account.username == name)).one_or_none()


def existing(session: Session, username: str) -> Account:
    """Return the row of a username; a StoreError where there is none."""
    account = row_of(session, username)
    if account is None:
        raise StoreError(f"There is no account named '{username}'.")
    return account


def own_row(
    session: Session, username: str, kind: type[OwnedRow], number: int, gone: str
) -> OwnedRow:
    """Return a row that belongs to an account; a StoreError with the sentence `gone` otherwise."""
    account, row = existing(session, username), session.get(kind, number)
    if row is None or row.account_id != account.id:
        raise StoreError(gone)
    return row


def count(session: Session, *conditions: ColumnExpressionArgument[bool]) -> int:
    """Count the accounts that meet all conditions."""
    return session.scalar(select(func.count()).select_from(Account).where(*conditions)) or 0


def info_of(account: Account) -> AccountInfo:
    """Copy a row for use outside its session."""
    return copy_row(AccountInfo, account, has_password=account.password_hash is not None)


def conflict(session: Session, account: Account) -> str:
    """Return the error sentence for a taken name or address; empty without conflict."""
    if row_of(session, account.username) is not None:
        return TAKEN_NAME.format(account.username)
    if account.email and count(session, Account.email == account.email):
        return TAKEN_EMAIL
    return ""


@contextlib.contextmanager
def unique_names(username: str) -> Iterator[None]:
    """Turn a violated unique constraint into a sentence that names the taken value."""
    try:
        yield
    except exc.IntegrityError as error:
        rule = str(error.orig).splitlines()[0]  # further lines of PostgreSQL hold typed values
        if "email" in rule:
            raise StoreError(TAKEN_EMAIL) from None
        raise StoreError(TAKEN_NAME.format(username)) from None


@contextlib.contextmanager
def keep_an_administrator(session: Session) -> Iterator[None]:
    """Reject a change that removes the last active administrator.

    With `Database.alone`, two administrators can't remove each other concurrently.

    Raises:
        StoreError: no administrator would be left.
    """
    before = count(session, Account.role == "admin", Account.active)
    yield
    session.flush()
    if before and not count(session, Account.role == "admin", Account.active):
        raise StoreError(
            "This is the last active administrator; make another account administrator first."
        )
