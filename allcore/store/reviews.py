"""What people say of single cells: the label looks wrong, the model is wrong, the picture is bad.

A mark never changes the data. An account has one mark a cell; giving another replaces it.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from allcore import logs
from allcore.errors import StoreError
from allcore.store import accounts, keys, rules
from allcore.store.database import Database
from allcore.store.models import Account, ReviewRow

MARKS = {
    "label_wrong": "label looks wrong",
    "model_wrong": "model is wrong",
    "bad_picture": "bad picture",
}
"""How a mark is kept, and how pages write it."""
MAX_NOTE = 500
_UNKEPT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class Review:
    """One account's mark of one cell as it was when it was read."""

    account_id: int
    username: str
    of: str
    image_id: str
    mark: str  # a key of MARKS
    note: str  # empty where none was given
    at: datetime  # aware, in UTC


def put(
    database: Database, username: str, *, of: str, image_id: str, mark: str, note: str = ""
) -> Review:
    """Mark a cell, in place of this account's earlier mark of it.

    Args:
        database: where to keep it.
        username: of the account whose mark it is.
        of: the data's digest or the model's name, the same text for `of_cells`.
        image_id: the cell.
        mark: a key of `MARKS`.
        note: what the person adds, at most 500 characters.

    Raises:
        StoreError: a rule is broken, or there is no such account.
    """
    of, image_id, note = keys.of(of), keys.image_id(image_id), _note(note)
    if mark not in MARKS:
        raise StoreError(f"There is no mark '{mark}'; use one of: {', '.join(MARKS)}.")
    with database.alone() as session:
        account = accounts.existing(session, username)
        row = _row_of(session, account, of=of, image_id=image_id)
        row.mark, row.note, row.at = mark, note, datetime.now(UTC)
        session.add(row)
        session.flush()
        logs.event("cell marked", account=account.id, mark=mark)
        return _review_of(row, account.username)


def of_cells(database: Database, username: str | None, *, of: str) -> tuple[Review, ...]:
    """Read the marks of one data set or model, the last given last.

    Args:
        database: where they are kept.
        username: of the account whose marks to read, or None for everybody's.
        of: the data's digest or the model's name.
    """
    query = select(ReviewRow, Account.username).join(Account).where(ReviewRow.of == of)
    if username is not None:
        query = query.where(Account.username == rules.typed_username(username))
    with database.read() as session:
        rows = session.execute(query.order_by(ReviewRow.at, ReviewRow.id))
        return tuple(_review_of(row, name) for row, name in rows)


def remove(database: Database, username: str, *, of: str, image_id: str) -> None:
    """Take an account's mark of a cell back; where there is none, nothing changes.

    Raises:
        StoreError: there is no such account.
    """
    with database.write() as session:
        account = accounts.existing(session, username)
        session.execute(
            delete(ReviewRow).where(
                ReviewRow.account_id == account.id,
                ReviewRow.of == of,
                ReviewRow.image_id == image_id,
            )
        )
        logs.event("mark removed", account=account.id)


def _row_of(session: Session, account: Account, *, of: str, image_id: str) -> ReviewRow:
    """Read the account's mark of the cell, or begin one."""
    query = select(ReviewRow).where(
        ReviewRow.account_id == account.id, ReviewRow.of == of, ReviewRow.image_id == image_id
    )
    found = session.scalars(query).one_or_none()
    return found or ReviewRow(account_id=account.id, of=of, image_id=image_id)


def _note(text: str) -> str:
    note = "\n".join(text.strip().splitlines())
    if len(note) > MAX_NOTE:
        raise StoreError(
            f"A note has at most {MAX_NOTE} characters, but this one has {len(note):,}; shorten it."
        )
    if _UNKEPT.search(note):
        raise StoreError("The note has characters that can't be kept; type it as plain text.")
    return note


def _review_of(row: ReviewRow, username: str) -> Review:
    """Copy a row into what may leave the session."""
    return Review(
        account_id=row.account_id,
        username=username,
        of=row.of,
        image_id=row.image_id,
        mark=row.mark,
        note=row.note,
        at=row.at,
    )
