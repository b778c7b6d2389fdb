"""Password authentication with rate limits and temporary locks.

Attempts are counted in the database, by typed name, existing or not, and by browser address. So
unknown and known names are indistinguishable: same sentence, same work, same wait, same lock. The
first few attempts are free, each further one has to wait longer, and many within a quarter of an
hour lock for another one. The address of the owner's last sign-in has a separate count.
"""

import hashlib
import ipaddress
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, func, not_, select
from sqlalchemy.orm import Session

from allcore import formats, logs
from allcore.errors import StoreError
from allcore.store import accounts, audit, passwords, sessions, text_rules
from allcore.store.accounts import AccountInfo
from allcore.store.database import Database
from allcore.store.models import Account, SignInAttempt

WINDOW = timedelta(minutes=15)
LOCK = timedelta(minutes=15)
RETENTION = timedelta(days=1)
NAME_COST = 12  # scrypt cost of the hash of a typed name, as log2; takes some milliseconds


@dataclass(frozen=True)
class AttemptLimit:
    """Limit on the attempts within WINDOW."""

    free: int  # number without a wait; the next one waits for a second
    step: int  # number of further attempts after which the wait doubles
    longest: int  # maximum wait in seconds
    most: int  # number that locks for LOCK

    def wait(self, attempts: int) -> timedelta:
        """Return the minimum time from the last attempt to the next one."""
        if attempts < self.free:
            return timedelta(0)
        if attempts >= self.most:
            return LOCK
        doubled = 2 ** ((attempts - self.free) // self.step)
        return timedelta(seconds=min(self.longest, doubled))


BY_NAME = AttemptLimit(free=3, step=1, longest=64, most=10)
BY_ADDRESS = AttemptLimit(free=20, step=10, longest=8, most=100)
"""Higher, because a whole hospital may share one address."""
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
    """Check a username and password, and record the sign-in.

    Raises:
        StoreError: wrong name or password, account disabled or not yet approved, or too many
            attempts.
    """
    now = now or datetime.now(UTC)
    password_hash = check_password(database, username, password, address=address, now=now)
    with database.alone() as session:
        account = _unchanged_account(session, username, password_hash)
        if account.waiting:
            raise StoreError(WAITING)
        account.last_sign_in = now
        logs.event("signed in", account=account.id)
        audit.record(session, "signed in", by=account, address=address)
        return accounts.info_of(account)


def change_password(
    database: Database, username: str, *, current: str, new: str, address: str = ""
) -> AccountInfo:
    """Set a new password; all sessions of the old one end.

    Raises:
        StoreError: the current password is wrong, or the new one breaks the rule.
    """
    with database.read() as session:
        words = accounts.personal_words(accounts.existing(session, username))
    passwords.check_rule(new, own=words)
    now = datetime.now(UTC)
    old_hash = check_password(database, username, current, address=address, now=now)
    new_hash = passwords.hash_password(new)
    with database.alone() as session:
        account = _unchanged_account(session, username, old_hash)
        replace_password(session, account, new_hash)
        logs.event("password changed", account=account.id)
        audit.record(session, "password changed", by=account, address=address)
        return accounts.info_of(account)


def check_password(
    database: Database, username: str, password: str, *, address: str = "", now: datetime
) -> str:
    """Count an attempt, then compare; a correct password clears the name's count.

    Returns:
        The compared password hash. The account may change concurrently, so the caller checks that
        it still has this hash.

    Raises:
        StoreError: wrong name or password, account disabled, or too many attempts.
    """
    name, source = text_rules.lookup_name(username)[:64], _counted_address(address)
    name_hash = _name_hash(name)
    with database.alone() as session:
        counted = _counted_with(session, name, name_hash, source)
        _refuse(session, counted, BY_NAME, now, "under this name")
        refuse_address(session, address, now)
        count_attempt(session, address, now, name_hash=name_hash)
        locks = _new_locks(session, counted, source)
        account = accounts.row_of(session, name)
        password_hash = account.password_hash if account and account.active else None
    if not passwords.matches(password, password_hash) or password_hash is None:
        _record_locks(database, locks, name, source, now)
        raise StoreError(WRONG)
    with database.write() as session:
        clear_attempts(session, name)
    return password_hash


def refuse_address(session: Session, address: str, now: datetime) -> None:
    """Raise a StoreError for an address with too many attempts, which has to wait."""
    source = _counted_address(address)
    _refuse(session, SignInAttempt.address == source, BY_ADDRESS, now, "from this address")


def count_attempt(session: Session, address: str, now: datetime, *, name_hash: str = "") -> None:
    """Count an attempt, and delete old ones."""
    session.execute(delete(SignInAttempt).where(SignInAttempt.at < now - RETENTION))
    session.add(SignInAttempt(name_hash=name_hash, address=_counted_address(address), at=now))
    session.flush()


def replace_password(session: Session, account: Account, password_hash: str) -> None:
    """Set a password's hash and end all sessions of the account."""
    account.password_hash = password_hash
    account.session_version += 1


def clear_attempts(session: Session, username: str) -> None:
    """Delete the attempts under a name, which ends its lock."""
    name_hash = _name_hash(text_rules.lookup_name(username))
    session.execute(delete(SignInAttempt).where(SignInAttempt.name_hash == name_hash))


def _unchanged_account(session: Session, username: str, password_hash: str) -> Account:
    """Return the account, unless it was disabled or its password changed since the comparison."""
    account = accounts.row_of(session, username)
    if account is None or not account.active or account.password_hash != password_hash:
        raise StoreError(WRONG)
    return account


def _name_hash(name: str) -> str:
    """Hash a typed name: it may be a password in the wrong field."""
    cost = 2**NAME_COST
    return hashlib.scrypt(
        name.encode("utf-8", "replace"), salt=b"tried", n=cost, r=8, p=1, dklen=32
    ).hex()


def _counted_with(session: Session, name: str, name_hash: str, source: str) -> ColumnElement[bool]:
    """Select the attempts that share a count with one from an address.

    Attempts from the address of the owner's last sign-in share one count, and all others another,
    so that nobody can lock an owner out from elsewhere.
    """
    last = _counted_address(sessions.last_address(session, name))
    if not last:
        return SignInAttempt.name_hash == name_hash
    from_last = SignInAttempt.address == last
    same_place = from_last if source == last else not_(from_last)
    return and_(SignInAttempt.name_hash == name_hash, same_place)


def _refuse(
    session: Session, counted: ColumnElement[bool], limit: AttemptLimit, now: datetime, words: str
) -> None:
    """Reject an attempt during a wait, without counting it."""
    attempts, last = _attempts(session, counted)
    if last is None or not limit.wait(attempts):
        return
    wait = last + limit.wait(attempts) - now
    if wait > timedelta(0):
        seconds = max(1, math.ceil(wait.total_seconds()))
        minutes = formats.count(-(-seconds // 60), "minute")
        duration = formats.count(seconds, "second") if seconds < 60 else minutes
        raise StoreError(f"Too many tries {words}; try again in {duration}.")


def _attempts(session: Session, counted: ColumnElement[bool]) -> tuple[int, datetime | None]:
    """Return the number of attempts in the WINDOW before the last one, and its time."""
    last = session.scalar(select(func.max(SignInAttempt.at)).where(counted))
    if last is None:
        return 0, None
    recent = select(func.count()).where(counted, SignInAttempt.at > last - WINDOW)
    return session.scalar(recent) or 0, last


def _new_locks(session: Session, counted: ColumnElement[bool], source: str) -> list[str]:
    """Return the locks that start with the last attempt, unless its password is correct."""
    limits = {
        "name locked": (counted, BY_NAME),
        "address locked": (SignInAttempt.address == source, BY_ADDRESS),
    }
    return [
        action
        for action, (condition, limit) in limits.items()
        if _attempts(session, condition)[0] == limit.most
    ]


def _record_locks(
    database: Database, locks: list[str], name: str, source: str, now: datetime
) -> None:
    if not locks:
        return
    detail = {"until": (now + LOCK).isoformat(timespec="seconds")}
    with database.write() as session:
        # An unknown name may be a password, typed into the wrong field.
        target = name if accounts.row_of(session, name) else ""
        for action in locks:
            logs.event("too many tries to sign in", kind=action)
            audit.record(session, action, by=audit.Actor("", source), target=target, detail=detail)


def _counted_address(address: str) -> str:
    """Return the address for counting: for IPv6 the 64-bit prefix of one line."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed), 64), strict=False))
