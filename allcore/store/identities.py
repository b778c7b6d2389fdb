"""Single sign-on: the account of a person whom an identity provider has identified.

An account belongs to issuer and subject, which the provider gives to no other person; an e-mail
address identifies nobody. A token signs in once, and only within some minutes of its issue.
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

MAX_TOKEN_AGE = timedelta(minutes=10)
"""Greatest age of a token, and greatest difference between the clocks of both sides."""
MAX_ISSUER, MAX_SUBJECT = 500, 255
DISABLED = "This account is disabled; ask an administrator."
WAITING = "This account waits for an administrator to approve it; sign in once that is done."


class TokenUsed(StoreError):
    """The token has signed in before, or is too old."""


@dataclass(frozen=True)
class Identity:
    """Claims of an identity provider's token; texts are unchecked.

    Attributes:
        issuer: address of the provider.
        subject: its name for the person.
        issued_at: aware.
        preferred_username: changed until it meets the rule and is free.
        name: of the person; may be empty.
        email: empty where there is none, or the provider has not verified it.
    """

    issuer: str
    subject: str
    issued_at: datetime
    preferred_username: str = ""
    name: str = ""
    email: str = ""


def sign_in(
    database: Database,
    identity: Identity,
    *,
    approval: bool = False,
    address: str = "",
    now: datetime | None = None,
) -> AccountInfo:
    """Return the account of an identity, made at its first sign-in, and record the sign-in.

    Args:
        database: where accounts are.
        identity: from a token whose signature has been verified.
        approval: let a new account wait for an administrator.
        address: of the browser.
        now: the current time, aware; tests pass one.

    Raises:
        UsedToken: the token has signed in before, or is too old.
        StoreError: the account is disabled or waits for approval, or nobody is named.
    """
    now = now or datetime.now(UTC)
    _check(identity, now)
    with database.alone() as session:
        row = _row(session, identity) or _register(session, identity, approval, now, address)
        account = session.get_one(Account, row.account_id)
        if identity.issued_at <= row.token_at:
            raise TokenUsed("This sign-in has been used; sign in again.")
        if account.active and not account.waiting:
            row.token_at = identity.issued_at
            account.last_sign_in = now
            logs.event("signed in", account=account.id)
            audit.record_self(session, account, "signed in", address, {"issuer": identity.issuer})
        info = accounts.info_of(account)
    if not info.active:
        raise StoreError(DISABLED)
    if info.waiting:
        raise StoreError(WAITING)
    return info


def _check(identity: Identity, now: datetime) -> None:
    if not (0 < len(identity.issuer) <= MAX_ISSUER and 0 < len(identity.subject) <= MAX_SUBJECT):
        raise StoreError("The identity provider named nobody; ask an administrator.")
    if abs(now - identity.issued_at) > MAX_TOKEN_AGE:
        raise TokenUsed("This sign-in is too old; sign in again.")


def _row(session: Session, identity: Identity) -> IdentityRow | None:
    return session.scalars(
        select(IdentityRow).where(
            IdentityRow.issuer == identity.issuer, IdentityRow.subject == identity.subject
        )
    ).one_or_none()


def _register(
    session: Session, identity: Identity, approval: bool, now: datetime, address: str
) -> IdentityRow:
    """Make the account of an identity that is new here."""
    username = _free_username(session, identity.preferred_username)
    account = accounts.new_account(
        username=username,
        display_name=_display_name(identity.name) or username,
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
    detail = {"issuer": identity.issuer, "subject": identity.subject}
    audit.record_self(session, account, "sso linked", address, detail)
    return row


def _free_username(session: Session, preferred: str) -> str:
    """Return a username near the preferred one that nobody has."""
    stem = re.sub(r"[^a-z0-9._-]+", "-", preferred.partition("@")[0].lower()).strip("-._")[:24]
    stem = stem if len(stem) >= 3 else "user"
    name, number = stem, 1
    while accounts.row_of(session, name) is not None:
        number += 1
        name = f"{stem}-{number}"
    return name


def _display_name(name: str) -> str:
    """Return the printable part of the person's name."""
    printable = "".join(letter for letter in name if letter.isprintable())
    return " ".join(printable.split())[: text_rules.MAX_DISPLAY_NAME]


def _email(session: Session, text: str) -> str:
    """Return the address if it is one that no other account has, else an empty text."""
    try:
        address = text_rules.email(text)
    except StoreError:
        return ""
    taken = accounts.count(session, Account.email == address) if address else 0
    return "" if taken or not address else address
