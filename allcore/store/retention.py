"""What is kept for a time only: pictures and answers that are over are deleted."""

import threading
from datetime import UTC, datetime, timedelta
from weakref import WeakKeyDictionary

from sqlalchemy import delete, select

from allcore import logs
from allcore.store import admin_settings, flags, pictures
from allcore.store.database import Database
from allcore.store.models import BatchRow, PredictionRow

EVERY = timedelta(hours=1)

_last: "WeakKeyDictionary[Database, datetime]" = WeakKeyDictionary()
_lock = threading.Lock()


def tidy(database: Database, *, now: datetime | None = None) -> bool:
    """Purge where this process has not within the hour; tell whether it did.

    Raises:
        StoreError: the database can't be opened or stays busy.
    """
    at = now or datetime.now(UTC)
    with _lock:
        last = _last.get(database)
        if last is not None and at - last < EVERY:
            return False
        _last[database] = at
    purge(database, now=at)
    return True


def purge(database: Database, *, now: datetime | None = None) -> None:
    """Delete pictures whose time is over, and answers where they are kept for a time.

    Raises:
        StoreError: the database can't be opened or stays busy.
    """
    at = now or datetime.now(UTC)
    with database.alone() as session:
        days = admin_settings.value(session, "history_days")
        if days is not None:
            oldest = at - timedelta(days=days)
            session.execute(delete(PredictionRow).where(PredictionRow.at < oldest))
            left = select(PredictionRow.id).where(PredictionRow.batch_id == BatchRow.id).exists()
            session.execute(delete(BatchRow).where(BatchRow.touched_at < oldest, ~left))
        flags.sweep(session)
        places = pictures.drop_over(session, at) + pictures.drop_unasked(session)
    pictures.unlink(places)
    lost = pictures.sweep(database)
    if places or lost:
        logs.event("pictures deleted whose time is over", pictures=len(places), lost=lost)
