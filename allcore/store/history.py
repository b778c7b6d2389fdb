"""History: all answers of an account, visible to that account alone.

A row of another account counts as missing. Deletion is final: the row, its flag, and the image
unless another answer of the account refers to it.
"""

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, or_, select

from allcore import logs
from allcore.errors import StoreError
from allcore.inference.results import Prediction
from allcore.store import accounts, batches, deletion, flags, pictures, text_rules
from allcore.store.database import Database
from allcore.store.models import Account, BatchRow, PredictionRow, copy_row

MAX_NAME, MAX_REASON, MAX_SUBJECT = 300, 1000, 200
_CHUNK = 10_000  # variables of one statement; SQLite takes 32,766


@dataclass(frozen=True)
class HistoryAnswer:
    """Answer of a model for one image."""

    name: str
    image_sha256: str  # of the file's bytes; empty where these could not be read
    model: str
    model_sha256: str
    preprocessing_version: int
    prediction: Prediction
    subject: str | None = None
    cell: int | None = None  # number of the cell in its smear field; None for a single cell
    cut: dict[str, Any] | None = None  # facts of the cell's cut, which repeat it
    profile: str | None = None  # name and version of the site profile; None without one

    @property
    def title(self) -> str:
        """Name of the file, with the number of a cell in a field."""
        return self.name if self.cell is None else f"{self.name}, cell {self.cell}"

    @property
    def mark(self) -> str:
        """What the answer was worth when it was made; empty for a cell that came cut out."""
        return str((self.cut or {}).get("mark", ""))


@dataclass(frozen=True)
class HistoryEntry:
    """A stored answer at the time of reading."""

    id: int
    at: datetime
    batch: int | None  # id of its batch; None for a single image
    answer: HistoryAnswer
    flagged_at: datetime | None
    flag_note: str


@dataclass(frozen=True)
class HistoryQuery:
    """Filter of an account's answers; a default value matches all."""

    text: str = ""  # part of the file name or of the subject, or a prefix of the digest
    verdict: str = ""  # ``all``, ``hem`` or ``refused``
    model: str = ""
    since: datetime | None = None  # earliest time, aware
    until: datetime | None = None  # end of the time range, exclusive, aware
    batch: int | None = None
    flagged: bool = False


@dataclass(frozen=True)
class HistoryPage:
    """One page of the answers that match a query, latest first, and the number of all matches."""

    rows: tuple[HistoryEntry, ...]
    total: int


def add(
    database: Database,
    username: str,
    answers: Sequence[HistoryAnswer],
    *,
    batch: int | None = None,
    picture_bytes: Mapping[str, bytes] | None = None,
    at: datetime | None = None,
) -> tuple[int, ...]:
    """Store answers, in one transaction.

    Args:
        batch: id of the account's batch of the answers.
        picture_bytes: their images by digest; stored only where an administrator allows it.
            `pictures.allowed` tells callers in advance whether to read them.
        at: time of the answers; None for now.

    Returns:
        Their ids, in order.

    Raises:
        StoreError: there is no such account or batch, or the images can't be written.
    """
    now = datetime.now(UTC)
    stored = dict(picture_bytes) if picture_bytes and pictures.allowed(database) else {}
    begin = database.alone if stored else database.write
    with begin() as session:
        account_id = accounts.existing(session, username).id
        if batch is not None:
            batches.own(session, username, batch).touched_at = now
        if stored:
            pictures.write(account_id, stored)
            pictures.add_rows(session, account_id, stored, now)
        common = {"account_id": account_id, "batch_id": batch, "at": at or now, "flag_note": ""}
        rows = [common | _columns(answer) for answer in answers]
        statement = insert(PredictionRow).returning(PredictionRow.id, sort_by_parameter_order=True)
        ids = tuple(session.scalars(statement, rows)) if rows else ()
    with contextlib.suppress(StoreError):  # expired records may stay longer
        deletion.delete_expired_hourly(database, now=now)
    return ids


def search(
    database: Database,
    username: str,
    query: HistoryQuery | None = None,
    *,
    offset: int = 0,
    limit: int | None = 50,
) -> HistoryPage:
    """Return matching answers of the account, latest first."""
    where = (_of_account(username), *_conditions(query or HistoryQuery()))
    row = PredictionRow
    rows = select(row).where(*where).order_by(row.at.desc(), row.id.desc())
    with database.read() as session:
        total = session.scalar(select(func.count()).select_from(row).where(*where)) or 0
        matches = session.scalars(rows.offset(offset).limit(limit))
        return HistoryPage(tuple(_entry(match) for match in matches), total)


def find(database: Database, username: str, prediction_id: int) -> HistoryEntry | None:
    """Return one answer of the account by its id; None where there is none."""
    query = select(PredictionRow).where(_of_account(username), PredictionRow.id == prediction_id)
    with database.read() as session:
        row = session.scalars(query).one_or_none()
        return None if row is None else _entry(row)


def models(database: Database, username: str) -> tuple[str, ...]:
    """Return the names of the models in the account's history, in alphabetical order."""
    name = PredictionRow.model
    query = select(name).where(_of_account(username)).distinct().order_by(name)
    with database.read() as session:
        return tuple(session.scalars(query))


def delete_entries(database: Database, username: str, ids: Iterable[int]) -> int:
    """Delete answers of the account by their ids, and return their number."""
    unique = list(dict.fromkeys(ids))
    chunks = [unique[start : start + _CHUNK] for start in range(0, len(unique), _CHUNK)]
    return _delete(database, username, [(PredictionRow.id.in_(chunk),) for chunk in chunks])


def delete_matching(database: Database, username: str, query: HistoryQuery) -> int:
    """Delete all answers of the account that match a query, and return their number."""
    return _delete(database, username, [_conditions(query)])


def delete_batch(database: Database, username: str, batch_id: int) -> int:
    """Delete a batch of the account with its answers, and return their number."""
    with database.read() as session:
        batches.own(session, username, batch_id)
    count = _delete(database, username, [_conditions(HistoryQuery(batch=batch_id))])
    with database.write() as session:
        owner = accounts.existing(session, username).id
        own = BatchRow.id == batch_id, BatchRow.account_id == owner
        session.execute(delete(BatchRow).where(*own))
    return count


def _delete(
    database: Database, username: str, selections: Sequence[tuple[ColumnElement[bool], ...]]
) -> int:
    with database.alone() as session:
        account = accounts.existing(session, username)
        own = PredictionRow.account_id == account.id
        count, touched = 0, set[int]()
        for conditions in selections:
            statement = delete(PredictionRow).where(own, *conditions)
            batch_ids = session.scalars(
                statement.returning(PredictionRow.batch_id),
                execution_options={"synchronize_session": False},
            ).all()
            count += len(batch_ids)
            touched |= {batch_id for batch_id in batch_ids if batch_id is not None}
        has_answers = select(PredictionRow.id).where(PredictionRow.batch_id == BatchRow.id).exists()
        ended = BatchRow.state != "running"
        for batch_id in touched:
            session.execute(delete(BatchRow).where(BatchRow.id == batch_id, ended, ~has_answers))
        flags.sweep(session)
        places = pictures.drop_orphans(session)
        logs.event("answers deleted", account=account.id, answers=count)
    pictures.unlink(places)
    return count


def _of_account(username: str) -> ColumnElement[bool]:
    name = text_rules.lookup_name(username)
    account = select(Account.id).where(Account.username == name).scalar_subquery()
    return PredictionRow.account_id == account


def _conditions(query: HistoryQuery) -> tuple[ColumnElement[bool], ...]:
    row, text = PredictionRow, query.text.strip()
    conditions = (
        text
        and or_(
            row.name.icontains(text, autoescape=True),
            row.subject.icontains(text, autoescape=True),
            row.image_sha256.startswith(text.lower(), autoescape=True),
        ),
        query.verdict and row.verdict == query.verdict,
        query.model and row.model == query.model,
        query.since and row.at >= query.since,
        query.until and row.at < query.until,
        query.batch is not None and row.batch_id == query.batch,
        query.flagged and row.flagged_at.is_not(None),
    )
    return tuple(part for part in conditions if isinstance(part, ColumnElement))


def _columns(answer: HistoryAnswer) -> dict[str, object]:
    """Columns of an answer; ``withheld`` is not stored."""
    subject = answer.subject
    columns: dict[str, object] = {
        **vars(answer),
        **vars(answer.prediction),
        "name": text_rules.printable(answer.name, MAX_NAME),
        "model": text_rules.scope_key(answer.model),
        "reason": text_rules.printable(answer.prediction.reason, MAX_REASON),
        "subject": None if subject is None else text_rules.printable(subject, MAX_SUBJECT),
        "cut": None if answer.cut is None else json.dumps(answer.cut),
    }
    del columns["prediction"], columns["withheld"]
    return columns


def _entry(row: PredictionRow) -> HistoryEntry:
    prediction = copy_row(Prediction, row, withheld=None)
    cut = None if row.cut is None else json.loads(row.cut)
    answer = copy_row(HistoryAnswer, row, prediction=prediction, cut=cut)
    return copy_row(HistoryEntry, row, batch=row.batch_id, answer=answer)
