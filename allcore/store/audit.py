"""The audit log: who did what, on what, when and from where; rows are added and never changed.

A line is written in the transaction of the change itself, so that there is neither a change without
its line nor a line without its change. The database refuses to change or delete one (triggers of
migration 0007). Who did it is kept as number and name, and outlives the account.
"""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from allcore.inference.export import inert
from allcore.store import text_rules
from allcore.store.database import Database
from allcore.store.models import Account, AuditRow

MAX_WHAT, MAX_ON, MAX_WHERE, MAX_DETAIL = 64, 300, 200, 4000
COMMAND_LINE = "command line"
"""Where something was done that came from no browser."""


@dataclass(frozen=True)
class By:
    """Who makes a change that an administrator answers for, and from where.

    Attributes:
        username: of the account; empty for whoever has the command line.
        where: address, or `COMMAND_LINE`.
    """

    username: str = ""
    where: str = COMMAND_LINE


@dataclass(frozen=True)
class Line:
    """A line as it stands, ready for a table.

    Attributes:
        at: aware, in UTC.
        account: number of who did it; None where nobody was signed in.
        username: of that account, as it was then; empty where there was none.
        what: in a few words, such as "role changed".
        on: what it was done to, such as a username; may be empty.
        where: address it came from, or `COMMAND_LINE`; empty where unknown.
        detail: more, as JSON; empty where there is none.
    """

    id: int
    at: datetime
    account: int | None
    username: str
    what: str
    on: str
    where: str
    detail: str


@dataclass(frozen=True)
class Query:
    """Which lines are meant; what is left as it is lets all pass.

    Attributes:
        who: username, whole, whatever its case.
        what: the words of `Line.what`, whole.
        since: done at this time or later, aware.
        until: done before this time, aware.
        text: part of who, of what it was done to, of the address or of the detail.
    """

    who: str = ""
    what: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""


@dataclass(frozen=True)
class Found:
    """A page of what was found, the last done first, and how many there are in all."""

    lines: tuple[Line, ...]
    total: int


def record(
    session: Session,
    *,
    who: int | None,
    what: str,
    on: str = "",
    where: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add a line in the transaction that makes the change.

    Args:
        session: of the change; a line goes with it if it is undone.
        who: number of the account that does it, None where nobody is signed in.
        what: in a few words, such as "role changed".
        on: what it is done to; of unknown origin, as typed names are.
        where: address it comes from.
        detail: more, ready for JSON; never a password, a code or an answer.
    """
    account = None if who is None else session.get(Account, who)
    told = json.dumps(detail, ensure_ascii=False, default=str) if detail else ""
    session.add(
        AuditRow(
            at=datetime.now(UTC),
            account_id=who,
            username="" if account is None else account.username,
            what=what[:MAX_WHAT],
            target=text_rules.printable(on, MAX_ON),
            address=text_rules.printable(where, MAX_WHERE),
            detail=text_rules.printable(told, MAX_DETAIL),
        )
    )


def record_by(
    session: Session,
    by: By | None,
    *,
    what: str,
    on: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add a line about what an administrator does, None from the command line; see `record`."""
    by = by or By()
    name = text_rules.typed_username(by.username)
    who = session.scalar(select(Account.id).where(Account.username == name)) if name else None
    record(session, who=who, what=what, on=on, where=by.where, detail=detail)


def search(
    database: Database, query: Query | None = None, *, offset: int = 0, limit: int | None = 50
) -> Found:
    """Find lines, the last done first.

    Args:
        database: where they are kept.
        query: which of them, all where it is None.
        offset: how many of the first to pass over.
        limit: how many to read, all where it is None.
    """
    row, where = AuditRow, _conditions(query or Query())
    rows = select(row).where(*where).order_by(row.at.desc(), row.id.desc())
    with database.read() as session:
        total = session.scalar(select(func.count()).select_from(row).where(*where)) or 0
        found = session.scalars(rows.offset(offset).limit(limit))
        return Found(tuple(_line_of(each) for each in found), total)


def kinds(database: Database) -> tuple[str, ...]:
    """What has been done so far, each in its words, in the order of the alphabet."""
    with database.read() as session:
        return tuple(session.scalars(select(AuditRow.what).distinct().order_by(AuditRow.what)))


def csv_bytes(database: Database, query: Query | None = None) -> bytes:
    """All lines that a query finds, as CSV in UTF-8; no cell of it is a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([field.name for field in fields(Line)])
    for line in search(database, query, limit=None).lines:
        cells = astuple(line)
        writer.writerow([_cell(each) for each in cells])
    return text.getvalue().encode("utf-8", "replace")


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    return "" if value is None else inert(value)


def _conditions(query: Query) -> tuple[ColumnElement[bool], ...]:
    row, text, who = AuditRow, query.text.strip(), query.who.strip()
    given = (
        who and row.username == text_rules.typed_username(who),
        query.what and row.what == query.what,
        query.since and row.at >= query.since,
        query.until and row.at < query.until,
        text and _text(text),
    )
    return tuple(each for each in given if isinstance(each, ColumnElement))


def _text(text: str) -> ColumnElement[bool]:
    columns = (AuditRow.username, AuditRow.target, AuditRow.address, AuditRow.detail)
    return or_(*(column.icontains(text, autoescape=True) for column in columns))


def _line_of(row: AuditRow) -> Line:
    """Copy a row into what may leave the session."""
    return Line(
        id=row.id,
        at=row.at,
        account=row.account_id,
        username=row.username,
        what=row.what,
        on=row.target,
        where=row.address,
        detail=row.detail,
    )
