"""Single sign-on: the account of who an identity provider vouches for.

An account belongs to issuer and subject, which the provider never gives to anybody else; an e-mail
address says nothing about who someone is. A token signs in once, and only while it is fresh.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from allcore import logs
from allcore.errors import StoreError
from allcore.store import accounts, audit, text_rules
from allcore.store.accounts import AccountInfo
from allcore.store.database import Database
from allcore.store.models import Account, IdentityRow

FRESH = timedelta(minutes=10)
"""So old a token may be; the clocks of both sides may differ by as much."""
MAX_ISSUER, MAX_SUBJECT = 500, 255
DISABLED = "This account is disabled; ask an administrator."
WAITING = "This account waits for an administrator to approve it; sign in once that is done."


class UsedToken(StoreError):
    """A token that has signed in before, or is too old to."""


@dataclass(frozen=True)
class Identity:
    """What an identity provider's token says; all but `issued_at` is whatever it sent.

    Attributes:
        issuer: address of the provider.
        subject: its name for the person.
        issued_at: aware.
        wished: a username to begin with; changed until it keeps the rule and is free.
        name: of the person; may be empty.
        email: empty where there is none, or the provider has not verified it.
    """

    issuer: str
    subject: str
    issued_at: datetime
    wished: str = ""
    name: str = ""
    email: str = ""


def enter(
    database: Database,
    identity: Identity,
    *,
    approval: bool = False,
    address: str = "",
    now: datetime | None = None,
) -> AccountInfo:
    """Give the account of an identity, making it at the first sign-in, and note the sign-in.

    Args:
        database: where accounts are.
        identity: from a token whose signature has been verified.
        approval: let a new account wait for an administrator.
        address: where it comes from.
        now: The current time, aware; tests pass one.

    Raises:
        UsedToken: the token has signed in before, or is too old.
        StoreError: the account is disabled or waits for approval, or nobody is named.
    """
    now = now or datetime.now(UTC)
    _check(identity, now)
    with database.alone() as session:
        row = _row(session, identity) or _join(session, identity, approval, now, address)
        account = session.get_one(Account, row.account_id)
        if identity.issued_at <= row.token_at:
            raise UsedToken("This sign-in has been used; sign in again.")
        if account.active and not account.waiting:
            row.token_at = identity.issued_at
            account.last_sign_in = now
            logs.event("signed in", account=account.id)
            audit.record(
                session, who=account.id, what="signed in", on=account.username, where=address,
                detail={"issuer": identity.issuer},
            )  # fmt: skip
        info = accounts.info_of(account)
    if not info.active:
        raise StoreError(DISABLED)
    if info.waiting:
        raise StoreError(WAITING)
    return info


def _check(identity: Identity, now: datetime) -> None:
    if not (0 < len(identity.issuer) <= MAX_ISSUER and 0 < len(identity.subject) <= MAX_SUBJECT):
        raise StoreError("The identity provider named nobody; ask an administrator.")
    if abs(now - identity.issued_at) > FRESH:
        raise UsedToken("This sign-in is too old; sign in again.")


def _row(session: Session, identity: Identity) -> IdentityRow | None:
    return session.scalars(
        select(IdentityRow).where(
            IdentityRow.issuer == identity.issuer, IdentityRow.subject == identity.subject
        )
    ).one_or_none()


def _join(
    session: Session, identity: Identity, approval: bool, now: datetime, address: str
) -> IdentityRow:
    """Make the account of an identity that is new here."""
    username = _free(session, identity.wished)
    account = accounts.new_account(
        username=username,
        display_name=_name(identity.name) or username,
        email=_email(session, identity.email),
        password=None,
        role="user",
    )
    account.waiting = approval
    session.add(account)
    session.flush()
    row = IdentityRow(
        issuer=identity.issuer,
        subject=identity.subject,
        account_id=account.id,
        linked_at=now,
        token_at=identity.issued_at - timedelta(microseconds=1),
    )
    session.add(row)
    session.flush()
    logs.event("account made", account=account.id, role="user")
    audit.record(
        session, who=account.id, what="sso linked", on=account.username, where=address,
        detail={"issuer": identity.issuer, "subject": identity.subject},
    )  # fmt: skip
    return row


def _free(session: Session, wished: str) -> str:
    """A username near the one that is wished, which nobody has."""
    kept = re.sub(r"[^a-z0-9._-]+", "-", wished.partition("@")[0].lower()).strip("-._")[:24]
    stem = kept if len(kept) >= 3 else "user"
    name, number = stem, 1
    while accounts.row_of(session, name) is not None:
        number += 1
        name = f"{stem}-{number}"
    return name


def _name(told: str) -> str:
    """The person's name as far as it can be shown."""
    shown = "".join(letter for letter in told if letter.isprintable())
    return " ".join(shown.split())[: text_rules.MAX_DISPLAY_NAME]


def _email(session: Session, told: str) -> str:
    """The address, where it is one that no other account has."""
    try:
        address = text_rules.email(told)
    except StoreError:
        return ""
    taken = accounts.count(session, Account.email == address) if address else 0
    return "" if taken or not address else address
