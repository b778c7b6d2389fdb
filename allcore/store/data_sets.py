"""Connected data sets: folders and tables on this machine, visible to all accounts."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import exc, select
from sqlalchemy.orm import Session

from allcore import logs
from allcore.errors import StoreError
from allcore.store import accounts, audit, roles, text_rules
from allcore.store.database import Database
from allcore.store.models import Account, DataSetRow, copy_row

MAX_NAME, MAX_PATH = 80, 2000
"""Maximum characters of a name; maximum UTF-8 bytes of a path, for the databases' unique indexes.
"""
_TAKEN = "There is a data set named '{}' already; choose another name."
_NAME_RULE = "A data set's name has {}; change it."


@dataclass(frozen=True)
class DataSet:
    """A connected data set at the time of reading."""

    id: int
    name: str
    path: Path  # folder or CSV file, which may no longer exist
    added_by: str | None  # username; None where that account was deleted
    added_at: datetime

    def may_change(self, username: str, role: str) -> bool:
        """True if this account may rename or disconnect the data set."""
        return roles.may(role, "administer") or (
            roles.may(role, "connect") and self.added_by == username
        )


def connect(
    database: Database,
    username: str,
    *,
    name: str,
    path: Path,
    taken: Iterable[str] = (),
    address: str = "",
) -> DataSet:
    """Connect a data set for all accounts.

    Args:
        username: of the account that connects it; must be active.
        name: 1 to 80 characters, unique ignoring case.
        path: absolute and resolved; the caller checks that it is allowed.
        taken: names of data sets that exist without being connected.

    Raises:
        StoreError: a rule is broken, name or path is connected already, or the account lacks the
            right.
    """
    name, place = text_rules.title(name, MAX_NAME, _NAME_RULE), str(path)
    if not place.isprintable():  # invalid Unicode is not printable either
        raise StoreError("The path holds characters that can't be shown; rename the folder.")
    if len(place.encode()) > MAX_PATH:
        raise StoreError(f"The path is longer than {MAX_PATH:,} bytes; move the folder up.")
    with _unique(name), database.alone() as session:
        account = _active(session, username)
        _free(session, name, taken)
        before = session.scalars(select(DataSetRow).where(DataSetRow.path == place)).one_or_none()
        if before is not None:
            raise StoreError(f"This data set is connected already, as '{before.name}'.")
        row = DataSetRow(name=name, path=place, added_by=account.id, added_at=datetime.now(UTC))
        session.add(row)
        session.flush()
        detail = {"path": place}
        audit.record(
            session, "data set connected", by=account, target=name, address=address, detail=detail
        )
        logs.event("data set connected", account=account.id, data_set=row.id)
        return _data_set_of(row, account.username)


def list_of(database: Database) -> tuple[DataSet, ...]:
    """Return all connected data sets, in the order of connection."""
    query = (
        select(DataSetRow, Account.username)
        .outerjoin(Account, DataSetRow.added_by == Account.id)
        .order_by(DataSetRow.id)
    )
    with database.read() as session:
        return tuple(_data_set_of(row, username) for row, username in session.execute(query))


def rename(
    database: Database,
    username: str,
    data_set_id: int,
    *,
    name: str,
    taken: Iterable[str] = (),
    address: str = "",
) -> None:
    """Rename a connected data set.

    Raises:
        StoreError: a rule is broken, the name is taken, the data set was disconnected, or the
            account lacks the right.
    """
    name = text_rules.title(name, MAX_NAME, _NAME_RULE)
    with _unique(name), database.alone() as session:
        row = _own(session, username, data_set_id)
        _free(session, name, taken, own=row.id)
        if row.name == name:
            return
        account = accounts.existing(session, username)
        detail = {"from": row.name}
        audit.record(
            session, "data set renamed", by=account, target=name, address=address, detail=detail
        )
        row.name = name
        logs.event("data set renamed", data_set=row.id)


def disconnect(database: Database, username: str, data_set_id: int, *, address: str = "") -> None:
    """Disconnect a data set; its files and its index stay.

    Raises:
        StoreError: it was disconnected already, or the account lacks the right.
    """
    with database.write() as session:
        row = _own(session, username, data_set_id)
        by, detail = accounts.existing(session, username), {"path": row.path}
        action = "data set disconnected"
        audit.record(session, action, by=by, target=row.name, address=address, detail=detail)
        session.delete(row)
        logs.event("data set disconnected", data_set=row.id)


def _own(session: Session, username: str, data_set_id: int) -> DataSetRow:
    """Return the row where this account may change it."""
    account = _active(session, username)
    row = session.get(DataSetRow, data_set_id)
    if row is None:
        raise StoreError("This data set is not connected any more; reload the page.")
    if not roles.may(account.role, "administer") and row.added_by != account.id:
        raise StoreError("Only who connected this data set or an administrator may change it.")
    return row


def _active(session: Session, username: str) -> Account:
    account = accounts.existing(session, username)
    if not account.active:
        raise StoreError(f"The account '{username}' is disabled; ask an administrator.")
    return account


def _free(session: Session, name: str, taken: Iterable[str], *, own: int | None = None) -> None:
    """Reject a name that another data set has, ignoring case."""
    rows = session.execute(select(DataSetRow.id, DataSetRow.name)).all()
    names = [*taken, *(used for number, used in rows if number != own)]
    if name.casefold() in {used.casefold() for used in names}:
        raise StoreError(_TAKEN.format(name))


@contextlib.contextmanager
def _unique(name: str) -> Iterator[None]:
    try:
        yield
    except exc.IntegrityError as error:
        if "path" in str(error.orig).splitlines()[0]:
            raise StoreError("This data set is connected already.") from None
        raise StoreError(_TAKEN.format(name)) from None


def _data_set_of(row: DataSetRow, username: str | None) -> DataSet:
    return copy_row(DataSet, row, path=Path(row.path), added_by=username)
