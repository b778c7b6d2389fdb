"""Sessions: one row per sign-in, so that it can be listed and revoked.

The key is 256 random bits in the browser's cookie; the database stores only its SHA-256. A session
is over once it was ended, the account's session version has changed, or it exceeds the age or idle
time of the settings.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.orm import Session

from allcore import logs
from allcore.store import accounts, audit
from allcore.store.accounts import AccountInfo
from allcore.store.database import Database
from allcore.store.models import Account, SessionRow

USE_INTERVAL = timedelta(minutes=2)  # minimum time between two recorded uses of a session
RETENTION = timedelta(days=400)
"""Time from last use to deletion of a row: longer than a browser's cookie lifetime."""


@dataclass(frozen=True)
class SessionLimits:
    """Maximum lifetime and idle time of a session (None for no limit)."""

    life: timedelta
    idle: timedelta | None = None


@dataclass(frozen=True)
class OpenSession:
    """A session at the time of reading. Times are aware, in UTC."""

    id: int
    began_at: datetime
    used_at: datetime  # last use, accurate to a few minutes
    address: str  # of the browser at sign-in; empty where unknown
    is_current: bool  # whether it is the caller's own session


def begin(
    database: Database, account: AccountInfo, *, address: str = "", now: datetime | None = None
) -> str:
    """Begin a session for an account as read before, and return its key."""
    now, key = now or datetime.now(UTC), secrets.token_urlsafe(32)
    with database.write() as session:
        session.execute(delete(SessionRow).where(SessionRow.used_at < now - RETENTION))
        row = SessionRow(account_id=account.id, version=account.session_version, began_at=now)
        row.key_hash, row.used_at, row.address = _hash(key), now, address[:64]
        session.add(row)
        session.execute(update(Account).where(Account.id == account.id).values(last_sign_in=now))
    return key


def resume(
    database: Database, key: str, limits: SessionLimits, *, now: datetime | None = None
) -> AccountInfo | None:
    """Record a use and return the session's current account; None where the session is over."""
    now = now or datetime.now(UTC)
    with database.read() as session:
        query = _open(limits, now).where(SessionRow.key_hash == _hash(key))
        match = session.execute(query).one_or_none()
        if match is None:
            return None
        row, account = match
        is_recent, info = row.used_at > now - USE_INTERVAL, accounts.info_of(account)
    if not is_recent:
        with database.write() as session:
            older = SessionRow.key_hash == _hash(key), SessionRow.used_at < now
            session.execute(update(SessionRow).where(*older).values(used_at=now))
    return info


def list_open(
    database: Database,
    username: str,
    limits: SessionLimits,
    *,
    key: str = "",
    now: datetime | None = None,
) -> list[OpenSession]:
    """Return the open sessions of an account, latest use first; `key` is the caller's."""
    query = _open(limits, now or datetime.now(UTC)).where(_of(username))
    with database.read() as session:
        rows = session.scalars(query.order_by(SessionRow.used_at.desc(), SessionRow.id.desc()))
        return [
            OpenSession(row.id, row.began_at, row.used_at, row.address, row.key_hash == _hash(key))
            for row in rows
        ]


def end(database: Database, key: str) -> None:
    """End a session by its key, which invalidates all copies of its cookie."""
    with database.write() as session:
        _end(session, SessionRow.key_hash == _hash(key))


def sign_out(database: Database, key: str, *, address: str = "") -> None:
    """End a session at its owner's request."""
    with database.write() as session:
        owner = select(SessionRow.account_id).where(SessionRow.key_hash == _hash(key))
        account = session.get(Account, session.scalar(owner) or 0)
        if _end(session, SessionRow.key_hash == _hash(key)) and account is not None:
            audit.record(session, "signed out", by=account, address=address)


def end_one(database: Database, username: str, number: int, *, address: str = "") -> None:
    """End a session of the account by its number; those of other accounts stay."""
    with database.write() as session:
        account, row = accounts.row_of(session, username), session.get(SessionRow, number)
        if account is None or row is None or row.account_id != account.id:
            return
        if _end(session, SessionRow.id == number):
            detail = {"begun from": row.address}
            audit.record(session, "session ended", by=account, address=address, detail=detail)


def end_all(
    database: Database, username: str, *, except_key: str = "", by: audit.Actor | None = None
) -> None:
    """End all sessions of an account except the one with a key."""
    with database.write() as session:
        account = accounts.existing(session, username)
        _end(session, SessionRow.account_id == account.id, SessionRow.key_hash != _hash(except_key))
        logs.event("signed out everywhere", account=account.id)
        audit.record(session, "signed out everywhere", by=by or account, target=account.username)


def last_uses(database: Database) -> dict[int, datetime]:
    """Time of the last use by account id, accurate to a few minutes; ended sessions count too."""
    query = select(SessionRow.account_id, func.max(SessionRow.used_at))
    with database.read() as session:
        rows = session.execute(query.group_by(SessionRow.account_id))
        return {number: used_at for number, used_at in rows}  # noqa: C416


def last_address(session: Session, username: str) -> str:
    """Return the address of the last sign-in; empty where it or the name is unknown."""
    query = select(SessionRow.address).join(Account, SessionRow.account_id == Account.id)
    newest = query.where(_of(username)).order_by(SessionRow.id.desc()).limit(1)
    return session.scalar(newest) or ""


def _open(limits: SessionLimits, now: datetime) -> Select[SessionRow, Account]:
    row = SessionRow
    valid = row.ended_at.is_(None), row.version == Account.session_version
    query = (
        select(row, Account)
        .join(Account, row.account_id == Account.id)
        .where(*valid, row.began_at > now - limits.life, Account.active, Account.waiting.is_(False))
    )
    return query if limits.idle is None else query.where(row.used_at > now - limits.idle)


def _of(username: str) -> ColumnElement[bool]:
    return Account.username == func.lower(username.strip())


def _end(session: Session, *conditions: ColumnElement[bool]) -> bool:
    """End the open ones of these sessions; return whether there were any."""
    still_open = update(SessionRow).where(*conditions, SessionRow.ended_at.is_(None))
    ended = session.execute(still_open.values(ended_at=datetime.now(UTC)).returning(SessionRow.id))
    return bool(ended.all())


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
