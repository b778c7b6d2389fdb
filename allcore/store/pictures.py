"""Stored images of predictions: only where an administrator allows it, for a limited time.

An image is a file per account and digest, so that deletion for one account leaves another's. The
file is written before its row and deleted after it. After a crash in between, `sweep` deletes a
file without a row.
"""

import os
import re
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, Select, and_, delete, or_, select
from sqlalchemy.orm import Session

from allcore import settings
from allcore.errors import StoreError
from allcore.store import admin_settings, text_rules
from allcore.store.database import Database
from allcore.store.models import Account, PredictionRow, StoredPictureRow

_UNFINISHED_SECONDS = 3600.0
"""Age from which a file without a row is an orphan; a younger one may await its transaction."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PREDICTIONS = and_(
    PredictionRow.account_id == StoredPictureRow.account_id,
    PredictionRow.image_sha256 == StoredPictureRow.sha256,
)
"""Join condition of a stored image and its account's predictions."""

Place = tuple[int, str]  # account and digest, which give the file's path


def allowed(database: Database) -> bool:
    """True if images are stored, so that a caller can skip reading them."""
    return bool(admin_settings.read(database, "keep_pictures").value)


def read(database: Database, username: str, sha256: str) -> bytes | None:
    """Return an image of the account; None where it is no longer stored."""
    own = Account.username == text_rules.lookup_name(username), StoredPictureRow.sha256 == sha256
    return _first(database, select(StoredPictureRow).join(Account).where(*own))


def files(database: Database, username: str, digests: Collection[str]) -> dict[str, Path]:
    """Return the files of the account's images that are still stored, by digest."""
    own = Account.username == text_rules.lookup_name(username)
    query = select(StoredPictureRow).join(Account).where(own)
    with database.read() as session:
        if not admin_settings.value(session, "keep_pictures"):
            return {}
        in_time = (~part for part in _expired(session, datetime.now(UTC)))
        rows = session.scalars(query.where(StoredPictureRow.sha256.in_(digests), *in_time))
        return {row.sha256: root() / str(row.account_id) / row.sha256 for row in rows}


def read_flagged(database: Database, model: str, sha256: str) -> bytes | None:
    """Return an image with a flagged answer of a model, for reviewers; None where there is none.

    Flagging shares the image; images of accounts that have not flagged stay private.
    """
    query = select(StoredPictureRow).join(PredictionRow, _flagged_by(model))
    return _first(database, query.where(StoredPictureRow.sha256 == sha256))


def flagged_digests(database: Database, model: str) -> frozenset[str]:
    """Return the digests of images with a flagged answer of a model."""
    query = select(StoredPictureRow.sha256).join(PredictionRow, _flagged_by(model))
    with database.read() as session:
        if not admin_settings.value(session, "keep_pictures"):
            return frozenset()
        in_time = (~condition for condition in _expired(session, datetime.now(UTC)))
        return frozenset(session.scalars(query.where(*in_time)))


def write(account_id: int, data: Mapping[str, bytes]) -> None:
    """Write images by their digests, before `add_rows`; a StoreError where that fails."""
    folder = root() / str(account_id)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for sha256, content in data.items():
            if not _SHA256.fullmatch(sha256):  # it becomes a file name
                raise StoreError(
                    "A picture is kept by its SHA-256, 64 characters 0 to 9 and a to f."
                )
            _replace(folder / sha256, content)
    except OSError as error:
        raise StoreError(
            f"The picture can't be kept ({error.strerror}); make room where ALLSCOPE_HOME is, or "
            "ask an administrator to keep no pictures."
        ) from None


def add_rows(session: Session, account_id: int, data: Mapping[str, bytes], now: datetime) -> None:
    """Add rows of written images; an existing row gets a new expiry time."""
    until = now + timedelta(days=admin_settings.value(session, "picture_days"))
    for sha256, content in data.items():
        image = {"account_id": account_id, "sha256": sha256, "size": len(content)}
        session.merge(StoredPictureRow(**image, kept_at=now, kept_until=until))


def drop_orphans(session: Session) -> list[Place]:
    """Delete the rows of images without a prediction; return the files to delete."""
    return _drop(session, ~select(PredictionRow.id).where(_PREDICTIONS).exists())


def drop_expired(session: Session, now: datetime) -> list[Place]:
    """Delete the rows of expired images; return the files to delete.

    A shorter time limit applies to all images, a longer one to new images alone. Where images are
    no longer allowed, all have expired.
    """
    if not admin_settings.value(session, "keep_pictures"):
        return _drop(session, StoredPictureRow.sha256.is_not(None))
    return _drop(session, or_(*_expired(session, now)))


def unlink(places: Iterable[Place]) -> None:
    """Delete files after the transaction that deleted their rows."""
    for account_id, sha256 in places:
        (root() / str(account_id) / sha256).unlink(missing_ok=True)


def sweep(database: Database) -> int:
    """Delete files without a row, such as those of deleted accounts; return their number."""
    with database.read() as session:
        known = set(
            session.execute(select(StoredPictureRow.account_id, StoredPictureRow.sha256)).all()
        )
    files = (path for path in root().glob("*/*") if path.parent.name.isdecimal())
    lost = (path for path in files if (int(path.parent.name), path.name) not in known)
    youngest = time.time() - _UNFINISHED_SECONDS
    old = [path for path in lost if path.is_file() and path.stat().st_mtime < youngest]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def root() -> Path:
    """Return the folder of all stored images."""
    return settings.load().home / "pictures"


def _flagged_by(model: str) -> ColumnElement[bool]:
    """Join condition of a stored image and the flagged answers of a model, in the same account."""
    return and_(_PREDICTIONS, PredictionRow.model == model, PredictionRow.flagged_at.is_not(None))


def _first(database: Database, query: Select[StoredPictureRow]) -> bytes | None:
    with database.read() as session:
        if not admin_settings.value(session, "keep_pictures"):
            return None
        in_time = query.where(*(~part for part in _expired(session, datetime.now(UTC))))
        row = session.scalars(in_time.limit(1)).first()
    if row is None:
        return None
    try:
        return (root() / str(row.account_id) / row.sha256).read_bytes()
    except OSError:
        return None


def _expired(session: Session, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of expiry, of which one suffices."""
    days = admin_settings.value(session, "picture_days")
    return (
        StoredPictureRow.kept_until <= now,
        StoredPictureRow.kept_at <= now - timedelta(days=days),
    )


def _drop(session: Session, condition: ColumnElement[bool]) -> list[Place]:
    row = StoredPictureRow
    statement = delete(row).where(condition).returning(row.account_id, row.sha256)
    return [(account_id, sha256) for account_id, sha256 in session.execute(statement)]


def _replace(path: Path, content: bytes) -> None:
    """Write a file atomically, readable by this program's user alone."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
