"""Settings that an administrator changes while the app runs; each has a default until then."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allcore import logs
from allcore.errors import StoreError
from allcore.store import accounts, audit
from allcore.store.database import Database
from allcore.store.models import Account, SettingRow

MAX_DAYS = 3650


@dataclass(frozen=True)
class Choice:
    """A setting that there is: what holds until someone changes it, and what it may be."""

    default: Any
    allows: Callable[[Any], bool]
    rule: str


@dataclass(frozen=True)
class KeptSetting:
    """A setting as it was when it was read.

    Attributes:
        value: the chosen one, or the default.
        changed_by: username; None where nobody has changed it or the account is gone.
        changed_at: aware, in UTC; None where nobody has changed it.
    """

    key: str
    value: Any
    changed_by: str | None = None
    changed_at: datetime | None = None


def _days(value: Any) -> bool:
    return type(value) is int and 1 <= value <= MAX_DAYS


REGISTRATION = ("open", "invitation", "closed")
CHOICES: dict[str, Choice] = {
    "registration": Choice(
        None,
        lambda value: value is None or value in REGISTRATION,
        "is open, invitation or closed, or none to be what ALLSCOPE_REGISTRATION says",
    ),
    "approval": Choice(False, lambda value: isinstance(value, bool), "is yes or no"),
    "keep_pictures": Choice(False, lambda value: isinstance(value, bool), "is yes or no"),
    "picture_days": Choice(30, _days, f"has 1 to {MAX_DAYS:,} days"),
    "history_days": Choice(
        None,
        lambda value: value is None or _days(value),
        f"has 1 to {MAX_DAYS:,} days, or none to keep all until it is deleted",
    ),
}
"""All settings by their key."""


def read(database: Database, key: str) -> KeptSetting:
    """Read one setting; `key` is of `CHOICES`."""
    return read_all(database)[key]


def read_all(database: Database) -> dict[str, KeptSetting]:
    """Read all settings by their key, with who changed them and when."""
    query = select(SettingRow, Account.username).outerjoin(
        Account, SettingRow.changed_by == Account.id
    )
    with database.read() as session:
        changed = {
            row.key: KeptSetting(row.key, json.loads(row.value), username, row.changed_at)
            for row, username in session.execute(query)
        }
    return {
        key: changed.get(key, KeptSetting(key, choice.default)) for key, choice in CHOICES.items()
    }


def value(session: Session, key: str) -> Any:
    """The value of one setting, for who is in a transaction already."""
    row = session.get(SettingRow, key)
    return CHOICES[key].default if row is None else json.loads(row.value)


def change(
    database: Database, username: str, values: Mapping[str, Any], *, where: str = ""
) -> None:
    """Keep new values; those that stay as they are keep who changed them, and when.

    Args:
        database: where to keep them.
        username: of the administrator who changes them.
        values: by keys of `CHOICES`.
        where: address it comes from, for the audit log.

    Raises:
        StoreError: there is no such setting, a value breaks its rule, or the account may not.
    """
    _check(values)
    with database.alone() as session:
        account = accounts.existing(session, username)
        if not account.active or account.role != "admin":
            raise StoreError("Only an administrator may change settings; ask one.")
        for key, new in values.items():
            before = value(session, key)
            if before != new:
                detail = {"from": before, "to": new}
                audit.record(
                    session,
                    who=account.id,
                    what="setting changed",
                    on=key,
                    where=where,
                    detail=detail,
                )
                session.merge(
                    SettingRow(
                        key=key,
                        value=json.dumps(new),
                        changed_by=account.id,
                        changed_at=datetime.now(UTC),
                    )
                )
                logs.event("setting changed", account=account.id, setting=key)


def _check(values: Mapping[str, Any]) -> None:
    for key, new in values.items():
        if key not in CHOICES:
            raise StoreError(f"There is no setting '{key}'; use one of: {', '.join(CHOICES)}.")
        if not CHOICES[key].allows(new):
            raise StoreError(f"The setting '{key}' {CHOICES[key].rule}; change it.")
