"""Append-only audit log: actor, action, target, time and address of each change.

An entry is written in the transaction of its change, so that neither exists without the other.
Database triggers refuse to update or delete entries. An entry names its account by number and name,
and outlives the account.
"""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from allcore.inference.export import escape_formula
from allcore.store import text_rules
from allcore.store.database import Database
from allcore.store.models import Account, AuditRow, copy_row

MAX_ACTION, MAX_TARGET, MAX_ADDRESS, MAX_DETAIL = 64, 300, 200, 4000
COMMAND_LINE = "command line"  # address of actions outside a browser
CSV_COLUMNS = ("id", "at", "account", "username", "what", "on", "where", "detail")


@dataclass(frozen=True)
class Actor:
    """Person responsible for an administrative change."""

    username: str = ""
    address: str = COMMAND_LINE  # of the browser, or `COMMAND_LINE`


@dataclass(frozen=True)
class AuditEntry:
    """An entry of the log."""

    id: int
    at: datetime
    account_id: int | None  # of the actor; None where nobody was signed in
    username: str  # of that account at the time; empty where there was none
    action: str  # in a few words, such as "role changed"
    target: str  # of the action, such as a username; may be empty
    address: str  # of the browser, or `COMMAND_LINE`; empty where unknown
    detail: str  # further data as JSON; may be empty


@dataclass(frozen=True)
class AuditQuery:
    """Filter of entries; a default value matches all."""

    username: str = ""  # exact, ignoring case
    action: str = ""  # exact value of `AuditEntry.action`
    since: datetime | None = None  # earliest time, aware
    until: datetime | None = None  # end of the time range, exclusive, aware
    text: str = ""  # part of username, target, address or detail


@dataclass(frozen=True)
class AuditPage:
    """One page of the entries that match a query, latest first, and the number of all matches."""

    entries: tuple[AuditEntry, ...]
    total: int


def record(
    session: Session,
    action: str,
    *,
    by: Account | Actor | None = None,
    target: str | None = None,
    address: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add an entry in the transaction of its change; a rollback also removes the entry.

    Args:
        action: in a few words, such as "role changed".
        by: the acting account, or an administrator; None on the command line.
        target: may contain any characters, as typed names do; by default the acting account.
        address: of the acting account's browser; an `Actor` has its own.
        detail: further JSON-compatible data; never a password, a code or an answer.
    """
    account: Account | None
    if isinstance(by, Account):
        account = by
    else:
        by = by or Actor()
        name, address = text_rules.lookup_name(by.username), by.address
        account = session.scalars(select(Account).where(Account.username == name)).one_or_none()
    text = json.dumps(detail, ensure_ascii=False, default=str) if detail else ""
    username = account.username if account else ""
    session.add(
        AuditRow(
            at=datetime.now(UTC),
            account_id=account.id if account else None,
            username=username,
            action=action[:MAX_ACTION],
            target=text_rules.printable(username if target is None else target, MAX_TARGET),
            address=text_rules.printable(address, MAX_ADDRESS),
            detail=text_rules.printable(text, MAX_DETAIL),
        )
    )


def search(
    database: Database, query: AuditQuery | None = None, *, offset: int = 0, limit: int | None = 50
) -> AuditPage:
    """Return matching entries, latest first."""
    row, conditions = AuditRow, _conditions(query or AuditQuery())
    rows = select(row).where(*conditions).order_by(row.at.desc(), row.id.desc())
    with database.read() as session:
        total = session.scalar(select(func.count()).select_from(row).where(*conditions)) or 0
        matches = session.scalars(rows.offset(offset).limit(limit))
        return AuditPage(tuple(copy_row(AuditEntry, match) for match in matches), total)


def actions(database: Database) -> tuple[str, ...]:
    """Return the distinct actions in the log, in alphabetical order."""
    with database.read() as session:
        return tuple(session.scalars(select(AuditRow.action).distinct().order_by(AuditRow.action)))


def csv_bytes(database: Database, query: AuditQuery | None = None) -> bytes:
    """Export the matching entries as UTF-8 CSV; no cell is a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(CSV_COLUMNS)
    for entry in search(database, query, limit=None).entries:
        writer.writerow([_cell(value) for value in astuple(entry)])
    return text.getvalue().encode("utf-8", "replace")


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    return "" if value is None else escape_formula(value)


def _conditions(query: AuditQuery) -> tuple[ColumnElement[bool], ...]:
    row, text, username = AuditRow, query.text.strip(), query.username.strip()
    columns = (row.username, row.target, row.address, row.detail)
    conditions = (
        username and row.username == text_rules.lookup_name(username),
        query.action and row.action == query.action,
        query.since and row.at >= query.since,
        query.until and row.at < query.until,
        text and or_(*(column.icontains(text, autoescape=True) for column in columns)),
    )
    return tuple(part for part in conditions if isinstance(part, ColumnElement))
