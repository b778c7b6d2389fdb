"""Settings that administrators change at run time."""

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
"""Maximum number of allowed data folders, and maximum total length of their paths."""


@dataclass(frozen=True)
class SettingRule:
    """Default and allowed values of a setting; `rule` describes the latter."""

    default: Any
    allows: Callable[[Any], bool]
    rule: str


@dataclass(frozen=True)
class AdminSetting:
    """A setting at the time of reading."""

    key: str
    value: Any  # of an administrator, or the default
    changed_by: str | None = None  # username; None where unchanged or the account was deleted
    changed_at: datetime | None = None  # aware, in UTC; None where unchanged


def _days(value: Any) -> bool:
    return type(value) is int and 1 <= value <= MAX_DAYS


def _folders(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MAX_FOLDERS
        and all(isinstance(folder, str) and folder.isprintable() for folder in value)
        and sum(map(len, value)) <= MAX_FOLDERS_LENGTH
    )


REGISTRATION = ("open", "invitation", "closed")
_YES_OR_NO = SettingRule(False, lambda value: isinstance(value, bool), "is yes or no")
RULES: dict[str, SettingRule] = {
    "registration": SettingRule(
        None,
        lambda value: value is None or value in REGISTRATION,
        "is open, invitation or closed, or none to be what ALLSCOPE_REGISTRATION says",
    ),
    "approval": _YES_OR_NO,
    "captcha": _YES_OR_NO,
    "data_roots": SettingRule(
        [],
        _folders,
        f"has up to {MAX_FOLDERS} folders with {MAX_FOLDERS_LENGTH:,} characters in all",
    ),
    "keep_pictures": _YES_OR_NO,
    "picture_days": SettingRule(30, _days, f"has 1 to {MAX_DAYS:,} days"),
    "history_days": SettingRule(
        None,
        lambda value: value is None or _days(value),
        f"has 1 to {MAX_DAYS:,} days, or none to keep all until it is deleted",
    ),
}
"""All settings by key."""


def read(database: Database, key: str) -> AdminSetting:
    """Read one setting; `key` is a key of `RULES`."""
    return read_all(database)[key]


def read_all(database: Database) -> dict[str, AdminSetting]:
    """Read all settings by key, with author and time of the last change."""
    query = select(SettingRow, Account.username).outerjoin(
        Account, SettingRow.changed_by == Account.id
    )
    with database.read() as session:
        changed = {
            row.key: AdminSetting(row.key, json.loads(row.value), username, row.changed_at)
            for row, username in session.execute(query)
        }
    return {key: changed.get(key, AdminSetting(key, rule.default)) for key, rule in RULES.items()}


def value(session: Session, key: str) -> Any:
    """Return the value of one setting within a transaction."""
    row = session.get(SettingRow, key)
    return RULES[key].default if row is None else json.loads(row.value)


def change(
    database: Database, username: str, values: Mapping[str, Any], *, address: str = ""
) -> None:
    """Store new values by keys of `RULES`; an unchanged value keeps its date and author.

    Raises:
        StoreError: there is no such setting, a value is invalid, or the account lacks the right.
    """
    _check(values)
    with database.alone() as session:
        account = _administrator(session, username)
        for key, new in values.items():
            _store(session, account, key, new, address)


def update(
    database: Database, username: str, key: str, change: Callable[[Any], Any], *, address: str = ""
) -> None:
    """Update a setting's value by a function, atomically; errors as of `change`."""
    with database.alone() as session:
        account = _administrator(session, username)
        new = change(value(session, key))
        _check({key: new})
        _store(session, account, key, new, address)


def _administrator(session: Session, username: str) -> Account:
    account = accounts.existing(session, username)
    if not account.active or account.role != "admin":
        raise StoreError("Only an administrator may change settings; ask one.")
    return account


def _store(session: Session, account: Account, key: str, new: Any, address: str) -> None:
    """Store a value with its audit entry, unless it is unchanged."""
    before = value(session, key)
    if before == new:
        return
    detail = {"from": before, "to": new}
    audit.record(session, "setting changed", by=account, target=key, address=address, detail=detail)
    text, now = json.dumps(new), datetime.now(UTC)
    session.merge(SettingRow(key=key, value=text, changed_by=account.id, changed_at=now))
    logs.event("setting changed", account=account.id, setting=key)


def _check(values: Mapping[str, Any]) -> None:
    for key, new in values.items():
        if key not in RULES:
            raise StoreError(f"There is no setting '{key}'; use one of: {', '.join(RULES)}.")
        if not RULES[key].allows(new):
            raise StoreError(f"The setting '{key}' {RULES[key].rule}; change it.")
