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
MAX_FOLDERS, MAX_FOLDERS_LENGTH = 20, 1500
"""How many folders of data may be allowed, and characters of all their paths."""


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


def _yes_or_no(value: Any) -> bool:
    return isinstance(value, bool)


def _folders(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MAX_FOLDERS
        and all(isinstance(each, str) and each.isprintable() for each in value)
        and sum(map(len, value)) <= MAX_FOLDERS_LENGTH
    )


REGISTRATION = ("open", "invitation", "closed")
CHOICES: dict[str, Choice] = {
    "registration": Choice(
        None,
        lambda value: value is None or value in REGISTRATION,
        "is open, invitation or closed, or none to be what ALLSCOPE_REGISTRATION says",
    ),
    "approval": Choice(False, _yes_or_no, "is yes or no"),
    "captcha": Choice(False, _yes_or_no, "is yes or no"),
    "data_roots": Choice(
        [],
        _folders,
        f"has up to {MAX_FOLDERS} folders with {MAX_FOLDERS_LENGTH:,} characters in all",
    ),
    "keep_pictures": Choice(False, _yes_or_no, "is yes or no"),
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
        account = _administrator(session, username)
        for key, new in values.items():
            _keep(session, account, key, new, where)


def update(
    database: Database, username: str, key: str, made: Callable[[Any], Any], *, where: str = ""
) -> None:
    """Keep what is made of a setting's value; nobody else's change comes in between.

    Raises:
        StoreError: as `change`.
    """
    with database.alone() as session:
        account = _administrator(session, username)
        new = made(value(session, key))
        _check({key: new})
        _keep(session, account, key, new, where)


def _administrator(session: Session, username: str) -> Account:
    account = accounts.existing(session, username)
    if not account.active or account.role != "admin":
        raise StoreError("Only an administrator may change settings; ask one.")
    return account


def _keep(session: Session, account: Account, key: str, new: Any, where: str) -> None:
    """Keep a value with its line of the audit log, unless it is the one that is kept."""
    before = value(session, key)
    if before == new:
        return
    detail = {"from": before, "to": new}
    audit.record(
        session, who=account.id, what="setting changed", on=key, where=where, detail=detail
    )
    text, now = json.dumps(new), datetime.now(UTC)
    session.merge(SettingRow(key=key, value=text, changed_by=account.id, changed_at=now))
    logs.event("setting changed", account=account.id, setting=key)


def _check(values: Mapping[str, Any]) -> None:
    for key, new in values.items():
        if key not in CHOICES:
            raise StoreError(f"There is no setting '{key}'; use one of: {', '.join(CHOICES)}.")
        if not CHOICES[key].allows(new):
            raise StoreError(f"The setting '{key}' {CHOICES[key].rule}; change it.")
