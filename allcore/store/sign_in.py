"""Checking a password, with limits on tries that end by themselves.

Tries are counted in the database, under the name that was typed, whether it exists or not, and
under the address they come from. So an unknown name is answered as a known one: same sentence, same
work, same wait, same lock. The first few tries cost nothing, each further one has to wait longer,
and so many within a quarter of an hour lock for another one. Where the owner last signed in has a
count of its own.
"""

import hashlib
import ipaddress
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, func, not_, select
from sqlalchemy.orm import Session

from allcore import logs
from allcore.errors import StoreError
from allcore.store import accounts, audit, passwords, sessions, text_rules
from allcore.store.accounts import AccountInfo
from allcore.store.database import Database
from allcore.store.models import Account, SignInAttempt

WINDOW = timedelta(minutes=15)
LOCK = timedelta(minutes=15)
KEPT = timedelta(days=1)
NAME_COST = 12
"""scrypt's cost of what a name is counted under: 2 to the power of it, some milliseconds."""


@dataclass(frozen=True)
class Limit:
    """How many tries within WINDOW there may be.

    Attributes:
        free: so many are heard at once; the next one waits for a second.
        step: after so many more the wait doubles.
        longest: seconds that it never exceeds.
        most: so many lock for LOCK.
    """

    free: int
    step: int
    longest: int
    most: int

    def wait(self, tries: int) -> timedelta:
        """How long after the last try the next one is heard."""
        if tries < self.free:
            return timedelta(0)
        if tries >= self.most:
            return LOCK
        doubled = 2 ** ((tries - self.free) // self.step)
        return timedelta(seconds=min(self.longest, doubled))


BY_NAME = Limit(free=3, step=1, longest=64, most=10)
BY_ADDRESS = Limit(free=20, step=10, longest=8, most=100)
"""Higher, because a whole hospital may share one address."""
LIMIT = BY_NAME.most
FROM_THIS = "from this address"
WRONG = "The username or the password is wrong; check both and try again."
WAITING = "This account waits for an administrator to approve it; sign in once that is done."


def authenticate(
    database: Database,
    username: str,
    password: str,
    *,
    address: str = "",
    now: datetime | None = None,
) -> AccountInfo:
    """Check a username and password, and note the sign-in.

    Args:
        database: where accounts and tries are.
        username: as it was typed.
        password: as it was typed.
        address: where the try comes from; empty where that is unknown.
        now: The current time, aware; tests pass one to see a lock end.

    Raises:
        StoreError: wrong name or password, account disabled or not yet approved, or too many tries.
    """
    now = now or datetime.now(UTC)
    compared = check_password(database, username, password, address=address, now=now)
    with database.alone() as session:
        account = _unchanged(session, username, compared)
        if account.waiting:
            raise StoreError(WAITING)
        account.last_sign_in = now
        logs.event("signed in", account=account.id)
        audit.record(session, who=account.id, what="signed in", on=account.username, where=address)
        return accounts.info_of(account)


def change_password(
    database: Database, username: str, *, current: str, new: str, address: str = ""
) -> AccountInfo:
    """Set a new password; every session that was signed in with the old one ends.

    Raises:
        StoreError: the current password is wrong, or the new one breaks the rule.
    """
    with database.read() as session:
        own = accounts.words_of(accounts.existing(session, username))
    passwords.check_rule(new, own=own)
    now = datetime.now(UTC)
    compared = check_password(database, username, current, address=address, now=now)
    password_hash = passwords.hashed(new)
    with database.alone() as session:
        account = _unchanged(session, username, compared)
        replace_password(session, account, password_hash)
        logs.event("password changed", account=account.id)
        who, name = account.id, account.username
        audit.record(session, who=who, what="password changed", on=name, where=address)
        return accounts.info_of(account)


def check_password(
    database: Database, username: str, password: str, *, address: str = "", now: datetime
) -> str:
    """Count a try, then compare; a right password clears the name's count.

    Comparing takes a while, in which the account may change: who acts on the answer looks whether
    the hash that is given back is still the one.

    Raises:
        StoreError: wrong name or password, account disabled, or too many tries.
    """
    name, place = text_rules.typed_username(username)[:64], _counted(address)
    tried = _tried(name)
    with database.alone() as session:
        under = _under(session, name, tried, place)
        _refuse(session, under, BY_NAME, now, "under this name")
        refuse_address(session, address, now)
        count_try(session, address, now, tried=tried)
        locks = _locks(session, under, place)
        account = accounts.row_of(session, name)
        password_hash = account.password_hash if account and account.active else None
    if not passwords.matches(password, password_hash) or password_hash is None:
        _tell_of(database, locks, name, place, now)
        raise StoreError(WRONG)
    with database.write() as session:
        clear_attempts(session, name)
    return password_hash


def refuse_address(session: Session, address: str, now: datetime) -> None:
    """Refuse an address that has tried too often.

    Raises:
        StoreError: it has to wait.
    """
    _refuse(session, SignInAttempt.address == _counted(address), BY_ADDRESS, now, FROM_THIS)


def count_try(session: Session, address: str, now: datetime, *, tried: str = "") -> None:
    """Count a try that may be a guess, and forget those of days ago."""
    session.execute(delete(SignInAttempt).where(SignInAttempt.at < now - KEPT))
    session.add(SignInAttempt(tried=tried, address=_counted(address), at=now))
    session.flush()


def replace_password(session: Session, account: Account, password_hash: str) -> None:
    """Set a password's hash and end all sessions of the account."""
    account.password_hash = password_hash
    account.session_version += 1


def clear_attempts(session: Session, username: str) -> None:
    """Forget the tries under a name, which ends its lock."""
    tried = _tried(text_rules.typed_username(username))
    session.execute(delete(SignInAttempt).where(SignInAttempt.tried == tried))


def _unchanged(session: Session, username: str, compared: str) -> Account:
    """The account, unless it was disabled or given another password since the comparison."""
    account = accounts.row_of(session, username)
    if account is None or not account.active or account.password_hash != compared:
        raise StoreError(WRONG)
    return account


def _tried(name: str) -> str:
    """What tries are counted under, which does not tell what was typed: it may be a password."""
    cost = 2**NAME_COST
    return hashlib.scrypt(
        name.encode("utf-8", "replace"), salt=b"tried", n=cost, r=8, p=1, dklen=32
    ).hex()


def _under(session: Session, name: str, tried: str, place: str) -> ColumnElement[bool]:
    """Which tries count against a name: from where its owner last signed in, those from there.

    From anywhere else it is all others, so that nobody locks an owner out from afar.
    """
    last = _counted(sessions.last_place(session, name))
    if not last:
        return SignInAttempt.tried == tried
    there = SignInAttempt.address == last
    return and_(SignInAttempt.tried == tried, there if place == last else not_(there))


def _refuse(
    session: Session, which: ColumnElement[bool], limit: Limit, now: datetime, words: str
) -> None:
    """Tries during a wait are not counted, so that it ends however often someone tries."""
    tries, last = _tries(session, which)
    if last is None or not limit.wait(tries):
        return
    wait = last + limit.wait(tries) - now
    if wait > timedelta(0):
        raise StoreError(f"Too many tries {words}; try again in {_said(wait)}.")


def _tries(session: Session, which: ColumnElement[bool]) -> tuple[int, datetime | None]:
    """How many tries there were in the WINDOW before the last one, and when that was."""
    last = session.scalar(select(func.max(SignInAttempt.at)).where(which))
    if last is None:
        return 0, None
    recent = select(func.count()).where(which, SignInAttempt.at > last - WINDOW)
    return session.scalar(recent) or 0, last


def _locks(session: Session, under: ColumnElement[bool], place: str) -> list[str]:
    """Which locks the last try has brought, unless its password is right."""
    counts = {
        "name locked": (under, BY_NAME),
        "address locked": (SignInAttempt.address == place, BY_ADDRESS),
    }
    return [
        what for what, (which, limit) in counts.items() if _tries(session, which)[0] == limit.most
    ]


def _tell_of(database: Database, locks: list[str], name: str, place: str, now: datetime) -> None:
    if not locks:
        return
    detail = {"until": (now + LOCK).isoformat(timespec="seconds")}
    with database.write() as session:
        # What names nobody may be a password, typed into the wrong field.
        known = name if accounts.row_of(session, name) else ""
        for what in locks:
            logs.event("too many tries to sign in", kind=what)
            audit.record(session, who=None, what=what, on=known, where=place, detail=detail)


def _counted(address: str) -> str:
    """What tries are counted under: an address, or the 64 bits of version 6 that one line has."""
    try:
        given = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(given, ipaddress.IPv4Address):
        return str(given)
    if given.ipv4_mapped:
        return str(given.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(given), 64), strict=False))


def _said(wait: timedelta) -> str:
    seconds = max(1, math.ceil(wait.total_seconds()))
    if seconds < 60:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    minutes = -(-seconds // 60)
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
