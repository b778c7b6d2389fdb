"""Registration: open, by invitation or closed, with or without an administrator's approval.

An invitation is a one-time code with a role that expires after some days.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from allcore import logs, settings
from allcore.errors import StoreError
from allcore.store import accounts, admin_settings, audit, codes, sign_in, text_rules
from allcore.store.accounts import AccountInfo
from allcore.store.database import Database
from allcore.store.models import Account, InvitationRow, copy_row

CLOSED = "Registration is closed; ask an administrator for an account."
BY_INVITATION = "Registration is by invitation; ask an administrator for a link."
INVALID = "This invitation is wrong, used or too old; ask an administrator for a new one."
DAYS, MAX_DAYS, MAX_NOTE = 7, 90, 100


@dataclass(frozen=True)
class Invitation:
    """A valid invitation. Times are aware, in UTC."""

    id: int
    role: str
    note: str  # the author's, on the recipient
    made_by: str | None  # username; None where made on the command line or the account was deleted
    created_at: datetime
    expires_at: datetime


def mode(database: Database) -> str:
    """Return the registration mode: "open", "invitation" or "closed"; closed in a demonstration."""
    with database.read() as session:
        return _mode(session)


def register(
    database: Database,
    *,
    username: str,
    display_name: str,
    email: str = "",
    password: str,
    invitation: str = "",
    address: str = "",
) -> AccountInfo:
    """Register an account; it may need an administrator's approval.

    An invitation sets the role and needs no approval: an administrator has chosen the person. A
    taken name or e-mail address counts as a sign-in attempt from this address, against enumeration
    of accounts.

    Raises:
        StoreError: registration is closed, a rule is broken, a name is taken, or there were too
            many attempts.
    """
    now = datetime.now(UTC)
    with database.read() as session:  # before expensive work
        sign_in.refuse_address(session, address, now)
        _role(session, invitation)
    account = accounts.new_account(
        username=username, display_name=display_name, email=email, password=password, role="user"
    )
    with accounts.unique_names(account.username), database.alone() as session:
        sign_in.refuse_address(session, address, now)
        taken = accounts.conflict(session, account)
        if taken:
            sign_in.count_attempt(session, address, now)
        else:
            return _add(session, account, invitation, address)
    raise StoreError(taken)


def _add(session: Session, account: Account, invitation: str, address: str) -> AccountInfo:
    account.role = _role(session, invitation)
    account.waiting = not invitation and bool(admin_settings.value(session, "approval"))
    session.add(account)
    session.flush()
    audit.record(session, "registered", by=account, address=address)
    if invitation:
        row = _valid(session, invitation)
        row.used_at, row.used_by = datetime.now(UTC), account.id
        audit.record(session, "invitation used", by=account, target=row.note, address=address)
    logs.event("registered", account=account.id, waiting=account.waiting)
    return accounts.info_of(account)


def invite(
    database: Database,
    *,
    role: str = "user",
    note: str = "",
    days: int = DAYS,
    by: audit.Actor | None = None,
) -> str:
    """Create an invitation and return its code, which is shown once and works once.

    Raises:
        StoreError: the role is unknown, or the number of days too large.
    """
    accounts.check_role(role)
    if not 1 <= days <= MAX_DAYS:
        raise StoreError(f"An invitation is good for 1 to {MAX_DAYS} days; choose a number.")
    by, now, code = by or audit.Actor(), datetime.now(UTC), codes.new_code()
    with database.write() as session:
        session.execute(delete(InvitationRow).where(InvitationRow.expires_at < now))
        made_by = accounts.row_of(session, by.username) if by.username else None
        row = InvitationRow(code_hash=codes.hash_of(code), role=role, created_at=now)
        row.note = text_rules.printable(" ".join(note.split()), MAX_NOTE)
        row.made_by = made_by.id if made_by else None
        row.expires_at = now + timedelta(days=days)
        session.add(row)
        detail = {"role": role, "days": days}
        audit.record(session, "invited", by=by, target=row.note, detail=detail)
        logs.event("invitation made", role=role)
    return code


def invitations(database: Database, *, now: datetime | None = None) -> list[Invitation]:
    """Return the valid invitations, latest first."""
    row, now = InvitationRow, now or datetime.now(UTC)
    query = select(row, Account.username).outerjoin(Account, row.made_by == Account.id)
    query = query.where(row.used_at.is_(None), row.expires_at > now).order_by(row.id.desc())
    with database.read() as session:
        return [
            copy_row(Invitation, invitation, made_by=name)
            for invitation, name in session.execute(query)
        ]


def withdraw(database: Database, number: int, *, by: audit.Actor | None = None) -> bool:
    """Withdraw an invitation; return whether it was valid until then."""
    with database.alone() as session:
        row = session.get(InvitationRow, number)
        if row is None or row.used_at is not None:
            return False
        audit.record(session, "invitation withdrawn", by=by, target=row.note)
        session.delete(row)
        return row.expires_at > datetime.now(UTC)


def check(database: Database, invitation: str) -> str:
    """Return the role of a valid invitation; a StoreError where it is not, or all are closed."""
    with database.read() as session:
        return _role(session, invitation)


def _mode(session: Session) -> str:
    config = settings.load()
    if config.demo:
        return "closed"
    chosen: str | None = admin_settings.value(session, "registration")
    return chosen or config.registration


def _role(session: Session, invitation: str) -> str:
    """Return the role of a new account; a StoreError where the person may not register."""
    mode = _mode(session)
    if mode == "closed":
        raise StoreError(CLOSED)
    if invitation:
        return _valid(session, invitation).role
    if mode == "invitation":
        raise StoreError(BY_INVITATION)
    return "user"


def _valid(session: Session, invitation: str) -> InvitationRow:
    row = codes.unused(session, InvitationRow, invitation)
    if row is None:
        raise StoreError(INVALID)
    return row
