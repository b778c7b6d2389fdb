"""Deletion: of accounts with their records, and of expired records.

Deletion of an account includes its history, batches, slices, stored images, sessions and codes. Its
judgements, queued cells and connected data sets stay, without its name. Its audit log entries stay,
with the name.
"""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from weakref import WeakKeyDictionary

import sqlalchemy
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from allcore import logs
from allcore.store import accounts, admin_settings, audit, flags, models, pictures
from allcore.store.audit import Actor
from allcore.store.database import Database

CLEANING_INTERVAL = timedelta(hours=1)

_last_cleaning: "WeakKeyDictionary[Database, datetime]" = WeakKeyDictionary()
_lock = threading.Lock()


@dataclass(frozen=True)
class AccountRecords:
    """Numbers of records of an account: the first four are deleted, the others anonymised.

    A queued cell is deleted where this account alone flags its answer and nobody has judged it.
    """

    answers: int
    batches: int
    slices: int
    pictures: int
    judgements: int
    queued: int
    data_sets: int


def records(database: Database, username: str) -> AccountRecords:
    """Count the records of an account, for the confirmation of its deletion."""
    with database.read() as session:
        return _records(session, accounts.existing(session, username).id)


def delete(database: Database, username: str, *, by: Actor | None = None) -> AccountRecords:
    """Delete an account with its own records, and return their numbers.

    Raises:
        StoreError: there is no such account, or no active administrator would be left.
    """
    with database.alone() as session:
        account = accounts.existing(session, username)
        number, counts = account.id, _records(session, account.id)
        digests = select(models.StoredPictureRow.sha256).where(
            models.StoredPictureRow.account_id == number
        )
        places = [(number, sha256) for sha256 in session.scalars(digests)]
        name = account.username
        audit.record(session, "account deleted", by=by, target=name, detail=vars(counts))
        with accounts.keep_an_administrator(session):
            session.delete(account)
        flags.sweep(session)
        logs.event("account deleted", account=number)
    pictures.unlink(places)
    return counts


def delete_expired(database: Database, *, now: datetime | None = None) -> None:
    """Delete expired images, and expired answers where their storage is limited."""
    now = now or datetime.now(UTC)
    with database.alone() as session:
        days = admin_settings.value(session, "history_days")
        if days is not None:
            oldest = now - timedelta(days=days)
            session.execute(
                sqlalchemy.delete(models.PredictionRow).where(models.PredictionRow.at < oldest)
            )
            answers = select(models.PredictionRow.id).where(
                models.PredictionRow.batch_id == models.BatchRow.id
            )
            is_over = models.BatchRow.touched_at < oldest
            session.execute(sqlalchemy.delete(models.BatchRow).where(is_over, ~answers.exists()))
        flags.sweep(session)
        places = pictures.drop_expired(session, now) + pictures.drop_orphans(session)
    pictures.unlink(places)
    lost = pictures.sweep(database)
    if places or lost:
        logs.event("pictures deleted whose time is over", pictures=len(places), lost=lost)


def delete_expired_hourly(database: Database, *, now: datetime | None = None) -> bool:
    """Run `delete_expired` at most once an hour in this process; return whether it ran."""
    now = now or datetime.now(UTC)
    with _lock:
        last = _last_cleaning.get(database)
        if last is not None and now - last < CLEANING_INTERVAL:
            return False
        _last_cleaning[database] = now
    delete_expired(database, now=now)
    return True


def _records(session: Session, number: int) -> AccountRecords:
    def count(condition: ColumnElement[bool]) -> int:
        return session.scalar(select(func.count()).where(condition)) or 0

    return AccountRecords(
        answers=count(models.PredictionRow.account_id == number),
        batches=count(models.BatchRow.account_id == number),
        slices=count(models.SliceRow.account_id == number),
        pictures=count(models.StoredPictureRow.account_id == number),
        judgements=count(models.JudgementRow.account_id == number),
        queued=count(models.ReviewItemRow.added_by == number),
        data_sets=count(models.DataSetRow.added_by == number),
    )
