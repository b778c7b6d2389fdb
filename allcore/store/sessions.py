"""Sessions: each sign-in has a row, so that it can be seen and ended, whoever has copied its key.

The key is 256 random bits that only the browser's cookie holds; the database keeps its SHA-256.
A session is over once it was ended, the account's session version has moved on, it is older than
the settings allow, or nobody has used it for longer than they allow.
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

NOTED_EVERY = timedelta(minutes=2)
"""A use within this time of the last one noted is not written again."""
KEPT = timedelta(days=400)
"""So long after its last use is a session's row forgotten: longer than a browser keeps a cookie."""


@dataclass(frozen=True)
class Limits:
    """How long a session lasts: in all, and without being used (None for no limit)."""

    life: timedelta
    idle: timedelta | None = None


@dataclass(frozen=True)
class OpenSession:
    """A session as it was when it was read. Times are aware, in UTC.

    Attributes:
        used_at: last use, true to a few minutes.
        address: where it was begun; empty where unknown.
        this: whether it is the one that asked.
    """

    id: int
    began_at: datetime
    used_at: datetime
    address: str
    this: bool


def begin(
    database: Database, account: AccountInfo, *, address: str = "", now: datetime | None = None
) -> str:
    """Begin a session of the account as it was when it was read; give the key."""
    now, key = now or datetime.now(UTC), secrets.token_urlsafe(32)
    with database.write() as session:
        session.execute(delete(SessionRow).where(SessionRow.used_at < now - KEPT))
        session.add(
            SessionRow(
                key_hash=_hash(key),
                account_id=account.id,
                version=account.session_version,
                began_at=now,
                used_at=now,
                address=address[:64],
            )
        )
    return key


def resume(
    database: Database, key: str, limits: Limits, *, now: datetime | None = None
) -> AccountInfo | None:
    """Give whose session this is, as the account is now; None where it is over. Notes the use."""
    now = now or datetime.now(UTC)
    with database.read() as session:
        query = _open(limits, now).where(SessionRow.key_hash == _hash(key))
        found = session.execute(query).one_or_none()
        if found is None:
            return None
        row, account = found
        noted, info = row.used_at > now - NOTED_EVERY, accounts.info_of(account)
    if not noted:
        with database.write() as session:
            again = SessionRow.key_hash == _hash(key), SessionRow.used_at < now
            session.execute(update(SessionRow).where(*again).values(used_at=now))
    return info


def listed(
    database: Database,
    username: str,
    limits: Limits,
    *,
    key: str = "",
    now: datetime | None = None,
) -> list[OpenSession]:
    """Read the open sessions of an account, the last used first; `key` is of who asks."""
    query = _open(limits, now or datetime.now(UTC)).where(_of(username))
    with database.read() as session:
        rows = session.scalars(query.order_by(SessionRow.used_at.desc(), SessionRow.id.desc()))
        return [
            OpenSession(row.id, row.began_at, row.used_at, row.address, row.key_hash == _hash(key))
            for row in rows
        ]


def end(database: Database, key: str) -> None:
    """End a session by its key; a copy of its cookie is useless from now."""
    with database.write() as session:
        _end(session, SessionRow.key_hash == _hash(key))


def sign_out(database: Database, key: str, *, address: str = "") -> None:
    """End a session because its owner asks for it."""
    with database.write() as session:
        whose = select(SessionRow.account_id).where(SessionRow.key_hash == _hash(key))
        account = session.get(Account, session.scalar(whose) or 0)
        if _end(session, SessionRow.key_hash == _hash(key)) and account is not None:
            who, name = account.id, account.username
            audit.record(session, who=who, what="signed out", on=name, where=address)


def end_one(database: Database, username: str, number: int, *, address: str = "") -> None:
    """End a session of the account by its number; one of somebody else's is left alone."""
    with database.write() as session:
        account, row = accounts.row_of(session, username), session.get(SessionRow, number)
        if account is None or row is None or row.account_id != account.id:
            return
        if _end(session, SessionRow.id == number):
            who, name, begun = account.id, account.username, {"begun from": row.address}
            audit.record(
                session, who=who, what="session ended", on=name, where=address, detail=begun
            )


def end_all(
    database: Database, username: str, *, but: str = "", by: audit.By | None = None
) -> None:
    """End all sessions of an account but the one with the key `but`.

    Raises:
        StoreError: there is no such account.
    """
    with database.write() as session:
        account = accounts.existing(session, username)
        _end(session, SessionRow.account_id == account.id, SessionRow.key_hash != _hash(but))
        logs.event("signed out everywhere", account=account.id)
        by = by or audit.By(account.username, "")
        audit.record_by(session, by, what="signed out everywhere", on=account.username)


def last_place(session: Session, username: str) -> str:
    """Where somebody has signed in last; empty where that is unknown, or there is no such name."""
    query = select(SessionRow.address).join(Account, SessionRow.account_id == Account.id)
    newest = query.where(_of(username)).order_by(SessionRow.id.desc()).limit(1)
    return session.scalar(newest) or ""


def _open(limits: Limits, now: datetime) -> Select[SessionRow, Account]:
    query = (
        select(SessionRow, Account)
        .join(Account, SessionRow.account_id == Account.id)
        .where(
            SessionRow.ended_at.is_(None),
            SessionRow.version == Account.session_version,
            SessionRow.began_at > now - limits.life,
            Account.active,
            Account.waiting.is_(False),
        )
    )
    return query if limits.idle is None else query.where(SessionRow.used_at > now - limits.idle)


def _of(username: str) -> ColumnElement[bool]:
    return Account.username == func.lower(username.strip())


def _end(session: Session, *which: ColumnElement[bool]) -> bool:
    """End what is still open of these; tell whether anything was."""
    still = update(SessionRow).where(*which, SessionRow.ended_at.is_(None))
    ended = session.execute(still.values(ended_at=datetime.now(UTC)).returning(SessionRow.id))
    return bool(ended.all())


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
