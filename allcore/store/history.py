"""History: every answer that an account was given, for that account alone.

Whoever asks for another's row is told that there is none. What is deleted is gone: the row, its
flag, and the picture where no other answer of the account is about it.
"""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, ScalarSelect, delete, func, insert, or_, select
from sqlalchemy.orm import Session

from allcore import logs
from allcore.errors import StoreError
from allcore.inference.results import Prediction
from allcore.store import accounts, batches, deletion, flags, pictures, text_rules
from allcore.store.database import Database
from allcore.store.models import Account, BatchRow, PredictionRow

MAX_NAME, MAX_REASON, MAX_SUBJECT = 300, 1000, 200
_CHUNK = 10_000  # variables of one statement; SQLite takes 32,766
_KEPT_FIELDS = ("verdict", "p_all", "logit", "threshold", "reason", "rung", "strangeness")


@dataclass(frozen=True)
class HistoryAnswer:
    """What a model answered about one picture, to be kept.

    Attributes:
        name: of the file.
        image_sha256: of the file's bytes; empty where these could not be read.
        model: the model's name.
        model_sha256: of its weights.
        preprocessing_version: of what turned the picture into the network's input.
        prediction: the answer itself; its ``withheld`` is not kept.
        subject: whose cell it is, where it is known.
    """

    name: str
    image_sha256: str
    model: str
    model_sha256: str
    preprocessing_version: int
    prediction: Prediction
    subject: str | None = None


@dataclass(frozen=True)
class HistoryEntry:
    """A kept answer as it was when it was read.

    Attributes:
        id: of its row.
        at: when it was given, aware, in UTC.
        batch: id of the batch it came in; None where the picture was asked about by itself.
        answer: what was answered, and about what.
        flagged_at: when the account called it wrong; None where it did not.
        flag_note: what the account wrote then.
    """

    id: int
    at: datetime
    batch: int | None
    answer: HistoryAnswer
    flagged_at: datetime | None
    flag_note: str


@dataclass(frozen=True)
class HistoryQuery:
    """Which of an account's answers are meant; what is left as it is lets all pass.

    Attributes:
        text: part of the file's name or of the subject, or the beginning of the digest.
        verdict: ``all``, ``hem`` or ``refused``.
        model: name of a model.
        since: given at this time or later, aware.
        until: given before this time, aware.
        batch: id of a batch.
        flagged: only those that were called wrong.
    """

    text: str = ""
    verdict: str = ""
    model: str = ""
    since: datetime | None = None
    until: datetime | None = None
    batch: int | None = None
    flagged: bool = False


@dataclass(frozen=True)
class HistoryPage:
    """A page of what was found, the last given first, and how many there are in all."""

    rows: tuple[HistoryEntry, ...]
    total: int


def add(
    database: Database,
    username: str,
    answers: Sequence[HistoryAnswer],
    *,
    batch: int | None = None,
    kept: Mapping[str, bytes] | None = None,
    at: datetime | None = None,
) -> tuple[int, ...]:
    """Keep answers, in one transaction.

    Args:
        database: where to keep them.
        username: of the account that asked.
        answers: any number.
        batch: id of the account's batch that they belong to.
        kept: bytes of their pictures by digest; kept only where an administrator allows it, which
            `pictures.allowed` tells who would have to read them first.
        at: when they were given, now where it is None.

    Returns:
        Their ids, in order.

    Raises:
        StoreError: there is no such account or batch, or the pictures can't be written.
    """
    now = datetime.now(UTC)
    held = dict(kept or {}) if kept and pictures.allowed(database) else {}
    begin = database.alone if held else database.write
    with begin() as session:
        account_id = accounts.existing(session, username).id
        if batch is not None:
            batches.touched(session, batches.own(session, username, batch))
        if held:
            pictures.write(account_id, held)
            pictures.add_rows(session, account_id, held, now)
        rows = [_row(each, account_id, batch, at or now) for each in answers]
        ids = _inserted(session, rows)
    with contextlib.suppress(StoreError):  # what is over goes another time
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
    """Find answers of the account, the last given first.

    Args:
        database: where they are kept.
        username: whose answers.
        query: which of them, all where it is None.
        offset: how many of the first to pass over.
        limit: how many to read, all where it is None.
    """
    where = (_of_account(username), *_conditions(query or HistoryQuery()))
    row = PredictionRow
    rows = select(row).where(*where).order_by(row.at.desc(), row.id.desc())
    with database.read() as session:
        total = session.scalar(select(func.count()).select_from(row).where(*where)) or 0
        found = session.scalars(rows.offset(offset).limit(limit))
        return HistoryPage(tuple(_asked_of(each) for each in found), total)


def find(database: Database, username: str, prediction_id: int) -> HistoryEntry | None:
    """Read one answer of the account; None where it has none of this id."""
    query = select(PredictionRow).where(_of_account(username), PredictionRow.id == prediction_id)
    with database.read() as session:
        row = session.scalars(query).one_or_none()
        return None if row is None else _asked_of(row)


def models(database: Database, username: str) -> tuple[str, ...]:
    """Names of the models that have answered the account, in the order of the alphabet."""
    name = PredictionRow.model
    query = select(name).where(_of_account(username)).distinct().order_by(name)
    with database.read() as session:
        return tuple(session.scalars(query))


def delete_entries(database: Database, username: str, ids: Iterable[int]) -> int:
    """Delete answers of the account by their ids; others' stay, and it gives how many were."""
    chosen = list(dict.fromkeys(ids))
    parts = [chosen[at : at + _CHUNK] for at in range(0, len(chosen), _CHUNK)]
    return _delete(database, username, [(PredictionRow.id.in_(part),) for part in parts])


def delete_matching(database: Database, username: str, query: HistoryQuery) -> int:
    """Delete all answers of the account that a query finds, `Query()` all, and give how many."""
    return _delete(database, username, [_conditions(query)])


def delete_batch(database: Database, username: str, batch_id: int) -> int:
    """Delete a batch of the account with all its answers, and give how many these were.

    Raises:
        StoreError: the account has no such batch.
    """
    with database.read() as session:
        batches.own(session, username, batch_id)
    count = _delete(database, username, [_conditions(HistoryQuery(batch=batch_id))])
    with database.write() as session:
        session.execute(
            delete(BatchRow).where(BatchRow.id == batch_id, _batch_of_account(username))
        )
    return count


def _delete(
    database: Database, username: str, each: Sequence[tuple[ColumnElement[bool], ...]]
) -> int:
    with database.alone() as session:
        account = accounts.existing(session, username)
        own = PredictionRow.account_id == account.id
        count, touched = 0, set[int]()
        for conditions in each:
            gone = delete(PredictionRow).where(own, *conditions)
            found = session.scalars(
                gone.returning(PredictionRow.batch_id),
                execution_options={"synchronize_session": False},
            ).all()
            count += len(found)
            touched |= {number for number in found if number is not None}
        _forget_empty(session, touched)
        flags.sweep(session)
        places = pictures.drop_orphans(session)
        logs.event("answers deleted", account=account.id, answers=count)
    pictures.unlink(places)
    return count


def _forget_empty(session: Session, touched: set[int]) -> None:
    """Take out those of these batches that have ended and have no answer left."""
    left = select(PredictionRow.id).where(PredictionRow.batch_id == BatchRow.id).exists()
    ended = BatchRow.state != "running"
    for number in touched:
        session.execute(delete(BatchRow).where(BatchRow.id == number, ended, ~left))


def _of_account(username: str) -> ColumnElement[bool]:
    return PredictionRow.account_id == _id_of(username)


def _batch_of_account(username: str) -> ColumnElement[bool]:
    return BatchRow.account_id == _id_of(username)


def _id_of(username: str) -> ScalarSelect[int]:
    name = text_rules.lookup_name(username)
    return select(Account.id).where(Account.username == name).scalar_subquery()


def _conditions(query: HistoryQuery) -> tuple[ColumnElement[bool], ...]:
    row, text = PredictionRow, query.text.strip()
    given = (
        text and _text(text),
        query.verdict and row.verdict == query.verdict,
        query.model and row.model == query.model,
        query.since and row.at >= query.since,
        query.until and row.at < query.until,
        query.batch is not None and row.batch_id == query.batch,
        query.flagged and row.flagged_at.is_not(None),
    )
    return tuple(each for each in given if isinstance(each, ColumnElement))


def _text(text: str) -> ColumnElement[bool]:
    row = PredictionRow
    return or_(
        row.name.icontains(text, autoescape=True),
        row.subject.icontains(text, autoescape=True),
        row.image_sha256.startswith(text.lower(), autoescape=True),
    )


def _row(
    answer: HistoryAnswer, account_id: int, batch: int | None, at: datetime
) -> dict[str, object]:
    said = asdict(answer.prediction)
    subject = answer.subject
    return {
        "account_id": account_id,
        "batch_id": batch,
        "at": at,
        "name": text_rules.printable(answer.name, MAX_NAME),
        "image_sha256": answer.image_sha256,
        "model": text_rules.scope_key(answer.model),
        "model_sha256": answer.model_sha256,
        "preprocessing_version": answer.preprocessing_version,
        **{name: said[name] for name in _KEPT_FIELDS},
        "reason": text_rules.printable(answer.prediction.reason, MAX_REASON),
        "subject": None if subject is None else text_rules.printable(subject, MAX_SUBJECT),
        "flag_note": "",
    }


def _inserted(session: Session, rows: Sequence[Mapping[str, object]]) -> tuple[int, ...]:
    if not rows:
        return ()
    statement = insert(PredictionRow).returning(PredictionRow.id, sort_by_parameter_order=True)
    return tuple(session.scalars(statement, list(rows)))


def _asked_of(row: PredictionRow) -> HistoryEntry:
    """Copy a row into what may leave the session."""
    answer = HistoryAnswer(
        name=row.name,
        image_sha256=row.image_sha256,
        model=row.model,
        model_sha256=row.model_sha256,
        preprocessing_version=row.preprocessing_version,
        prediction=Prediction(**{name: getattr(row, name) for name in _KEPT_FIELDS}),
        subject=row.subject,
    )
    return HistoryEntry(row.id, row.at, row.batch_id, answer, row.flagged_at, row.flag_note)
