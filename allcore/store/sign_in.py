"""Checking a password, with a limit on tries that ends by itself.

Tries are counted in the database under the name that was typed, whether it exists or not, so that
an unknown name is answered as a known one: same sentence, same work, same lock.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from allcore import logs
from allcore.errors import StoreError
from allcore.store import accounts, passwords, rules
from allcore.store.accounts import AccountInfo
from allcore.store.database import Database
from allcore.store.models import Account, SignInAttempt

LIMIT = 10
"""So many wrong tries under one name within WINDOW lock it for LOCK."""
WINDOW = timedelta(minutes=15)
LOCK = timedelta(minutes=15)
KEPT = timedelta(days=1)
WRONG = "The username or the password is wrong; check both and try again."


def authenticate(
    database: Database, username: str, password: str, *, now: datetime | None = None
) -> AccountInfo:
    """Check a username and password, and note the sign-in.

    Args:
        now: The current time, aware; tests pass one to see a lock end.

    Raises:
        StoreError: wrong name or password, account disabled, or too many tries.
    """
    now = now or datetime.now(UTC)
    check_password(database, username, password, now=now)
    with database.write() as session:
        account = accounts.existing(session, username)
        account.last_sign_in = now
        logs.event("signed in", account=account.id)
        return accounts.info_of(account)


def change_password(database: Database, username: str, *, current: str, new: str) -> AccountInfo:
    """Set a new password; every session that was signed in with the old one ends.

    Raises:
        StoreError: the current password is wrong, or the new one breaks the rule.
    """
    passwords.check_rule(new)
    check_password(database, username, current, now=datetime.now(UTC))
    password_hash = passwords.hashed(new)
    with database.write() as session:
        account = accounts.existing(session, username)
        replace_password(session, account, password_hash)
        logs.event("password changed", account=account.id)
        return accounts.info_of(account)


def check_password(database: Database, username: str, password: str, *, now: datetime) -> None:
    """Count a try, then compare; a right password clears the count.

    Raises:
        StoreError: wrong name or password, account disabled, or too many tries.
    """
    name = rules.typed_username(username)[:64]
    with database.alone() as session:
        _refuse_locked(session, name, now)
        session.add(SignInAttempt(username=name, address="", at=now))
        session.execute(delete(SignInAttempt).where(SignInAttempt.at < now - KEPT))
        account = accounts.row_of(session, name)
        password_hash = account.password_hash if account and account.active else None
    if not passwords.matches(password, password_hash):
        raise StoreError(WRONG)
    with database.write() as session:
        clear_attempts(session, name)


def replace_password(session: Session, account: Account, password_hash: str) -> None:
    """Set a password's hash and end all sessions of the account."""
    account.password_hash = password_hash
    account.session_version += 1


def clear_attempts(session: Session, username: str) -> None:
    """Forget the tries under a name, which ends its lock."""
    session.execute(delete(SignInAttempt).where(SignInAttempt.username == username))


def _refuse_locked(session: Session, name: str, now: datetime) -> None:
    """Tries during a lock are not counted, so that a lock ends however often someone tries."""
    recent = (
        select(SignInAttempt.at)
        .where(SignInAttempt.username == name)
        .order_by(SignInAttempt.at.desc())
        .limit(LIMIT)
    )
    times = session.scalars(recent).all()
    if len(times) < LIMIT or times[0] - times[-1] > WINDOW:
        return
    wait = times[0] + LOCK - now
    if wait > timedelta(0):
        minutes = -(-int(wait.total_seconds()) // 60) or 1
        unit = "minute" if minutes == 1 else "minutes"
        raise StoreError(f"Too many tries under this name; try again in {minutes} {unit}.")
