"""Single sign-on: the account of an identity that an identity provider has verified.

Issuer and subject together identify an account, since a provider never reuses a subject; an e-mail
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
"""Maximum age of a token, and maximum clock difference between provider and server."""
MAX_ISSUER, MAX_SUBJECT = 500, 255
DISABLED = "This account is disabled; ask an administrator."
WAITING = "This account waits for an administrator to approve it; sign in once that is done."


class TokenUsed(StoreError):
    """The token was used before, or is too old."""


@dataclass(frozen=True)
class Identity:
    """Claims of an identity provider's token; strings are unchecked."""

    issuer: str
    subject: str  # the provider's identifier of the person
    issued_at: datetime
    preferred_username: str = ""  # modified until it is valid and free
    name: str = ""
    email: str = ""  # empty where there is none, or the provider has not verified it


def sign_in(
    database: Database,
    identity: Identity,
    *,
    approval: bool = False,
    address: str = "",
    now: datetime | None = None,
) -> AccountInfo:
    """Return the account of an identity, created at the first sign-in, and record the sign-in.

    Raises:
        TokenUsed: the token was used before, or is too old.
        StoreError: the account is disabled or awaits approval, or the identity is empty.
    """
    now = now or datetime.now(UTC)
    if not (0 < len(identity.issuer) <= MAX_ISSUER and 0 < len(identity.subject) <= MAX_SUBJECT):
        raise StoreError("The identity provider named nobody; ask an administrator.")
    if abs(now - identity.issued_at) > MAX_TOKEN_AGE:
        raise TokenUsed("This sign-in is too old; sign in again.")
    known = select(IdentityRow).where(
        IdentityRow.issuer == identity.issuer, IdentityRow.subject == identity.subject
    )
    with database.alone() as session:
        row = session.scalars(known).one_or_none()
        row = row or _register(session, identity, approval, now, address)
        account = session.get_one(Account, row.account_id)
        if identity.issued_at <= row.token_at:
            raise TokenUsed("This sign-in has been used; sign in again.")
        if account.active and not account.waiting:
            row.token_at = identity.issued_at
            account.last_sign_in = now
            logs.event("signed in", account=account.id)
            detail = {"issuer": identity.issuer}
            audit.record(session, "signed in", by=account, address=address, detail=detail)
        info = accounts.info_of(account)
    if not info.active:
        raise StoreError(DISABLED)
    if info.waiting:
        raise StoreError(WAITING)
    return info


def _register(
    session: Session, identity: Identity, approval: bool, now: datetime, address: str
) -> IdentityRow:
    username = _free_username(session, identity.preferred_username)
    name = "".join(letter for letter in identity.name if letter.isprintable())
    account = accounts.new_account(
        username=username,
        display_name=" ".join(name.split())[: text_rules.MAX_DISPLAY_NAME] or username,
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
    audit.record(session, "sso linked", by=account, address=address, detail=detail)
    return row


def _free_username(session: Session, preferred: str) -> str:
    """Return a free username similar to the preferred one."""
    stem = re.sub(r"[^a-z0-9._-]+", "-", preferred.partition("@")[0].lower()).strip("-._")[:24]
    stem = stem if len(stem) >= 3 else "user"
    name, number = stem, 1
    while accounts.row_of(session, name) is not None:
        number += 1
        name = f"{stem}-{number}"
    return name


def _email(session: Session, text: str) -> str:
    """Return the address where it is valid and free, else an empty string."""
    try:
        address = text_rules.email(text)
    except StoreError:
        return ""
    taken = accounts.count(session, Account.email == address) if address else 0
    return "" if taken or not address else address
