"""Pictures that people have asked about: kept only where an administrator allows, for a time.

A picture is a file per account and digest, so that deleting one person's leaves another's. The file
is written before its row and deleted after it: no row without a file, but for a crash in between,
after which `sweep` finds the file.
"""

import os
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
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
"""A file without a row that is younger may belong to a transaction that is still under way."""
_SHA256 = re.compile(r"[0-9a-f]{64}")

Place = tuple[int, str]
"""Account and digest, which name the file."""


def allowed(database: Database) -> bool:
    """Whether pictures are kept; whoever has none to give need not read them."""
    return bool(admin_settings.read(database, "keep_pictures").value)


def read(database: Database, username: str, sha256: str) -> bytes | None:
    """A picture that the account has asked about; None where it is not kept, or no longer."""
    query = (
        select(StoredPictureRow)
        .join(Account)
        .where(
            Account.username == text_rules.lookup_name(username),
            StoredPictureRow.sha256 == sha256,
        )
    )
    return _first(database, query)


def read_flagged(database: Database, model: str, sha256: str) -> bytes | None:
    """A picture whose answer by a model somebody has flagged, for all who review it; None if not.

    Flagging hands the picture on, so the pictures of who has not flagged are never given.
    """
    query = select(StoredPictureRow).join(PredictionRow, _flagged_by(model))
    return _first(database, query.where(StoredPictureRow.sha256 == sha256))


def flagged_digests(database: Database, model: str) -> frozenset[str]:
    """Digests of the pictures that `flagged` gives."""
    query = select(StoredPictureRow.sha256).join(PredictionRow, _flagged_by(model))
    with database.read() as session:
        if not admin_settings.value(session, "keep_pictures"):
            return frozenset()
        in_time = (~each for each in _over(session, datetime.now(UTC)))
        return frozenset(session.scalars(query.where(*in_time)))


def write(account_id: int, data: Mapping[str, bytes]) -> None:
    """Write pictures by their digests; a row for each must follow, by `enter`.

    Raises:
        StoreError: the folder can't be written.
    """
    folder = root() / str(account_id)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for sha256, content in data.items():
            _replace(folder / _digest(sha256), content)
    except OSError as error:
        raise StoreError(
            f"The picture can't be kept ({error.strerror}); make room where ALLSCOPE_HOME is, or "
            "ask an administrator to keep no pictures."
        ) from None


def add_rows(session: Session, account_id: int, data: Mapping[str, bytes], now: datetime) -> None:
    """Enter pictures that are written; one that was kept before is kept anew from now on."""
    until = now + timedelta(days=admin_settings.value(session, "picture_days"))
    for sha256, content in data.items():
        session.merge(
            StoredPictureRow(
                account_id=account_id,
                sha256=sha256,
                size=len(content),
                kept_at=now,
                kept_until=until,
            )
        )


def drop_orphans(session: Session) -> list[Place]:
    """Take out the rows of pictures that no prediction is left of; give whose files may go."""
    asked = (
        select(PredictionRow.id)
        .where(
            PredictionRow.account_id == StoredPictureRow.account_id,
            PredictionRow.image_sha256 == StoredPictureRow.sha256,
        )
        .exists()
    )
    return _dropped(session, ~asked)


def drop_expired(session: Session, now: datetime) -> list[Place]:
    """Take out the rows of pictures whose time is over; give whose files may go.

    A time that was made shorter holds for all pictures, a longer one for new ones alone; where
    pictures are no longer allowed, all are over.
    """
    if not admin_settings.value(session, "keep_pictures"):
        return _dropped(session, StoredPictureRow.sha256.is_not(None))
    return _dropped(session, or_(*_over(session, now)))


def unlink(places: Iterable[Place]) -> None:
    """Delete files whose rows are gone, after the transaction that took them out."""
    for account_id, sha256 in places:
        (root() / str(account_id) / sha256).unlink(missing_ok=True)


def sweep(database: Database) -> int:
    """Delete files that no row names, such as those of deleted accounts; give how many."""
    with database.read() as session:
        known = set(
            session.execute(select(StoredPictureRow.account_id, StoredPictureRow.sha256)).all()
        )
    youngest = time.time() - _UNFINISHED_SECONDS
    lost = [path for place, path in _files() if place not in known]
    old = [path for path in lost if path.stat().st_mtime < youngest]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def root() -> Path:
    """Folder of all kept pictures."""
    return settings.load().home / "pictures"


def _flagged_by(model: str) -> ColumnElement[bool]:
    """Joins a kept picture with the flagged answers of a model about it, of the same account."""
    return and_(
        PredictionRow.account_id == StoredPictureRow.account_id,
        PredictionRow.image_sha256 == StoredPictureRow.sha256,
        PredictionRow.model == model,
        PredictionRow.flagged_at.is_not(None),
    )


def _first(database: Database, query: Select[StoredPictureRow]) -> bytes | None:
    with database.read() as session:
        if not admin_settings.value(session, "keep_pictures"):
            return None
        in_time = query.where(*(~each for each in _over(session, datetime.now(UTC))))
        row = session.scalars(in_time.limit(1)).first()
    if row is None:
        return None
    try:
        return (root() / str(row.account_id) / row.sha256).read_bytes()
    except OSError:
        return None


def _over(session: Session, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """What says that a picture's time is over."""
    days = admin_settings.value(session, "picture_days")
    return (
        StoredPictureRow.kept_until <= now,
        StoredPictureRow.kept_at <= now - timedelta(days=days),
    )


def _dropped(session: Session, condition: ColumnElement[bool]) -> list[Place]:
    gone = delete(StoredPictureRow).where(condition)
    found = session.execute(gone.returning(StoredPictureRow.account_id, StoredPictureRow.sha256))
    return [(account_id, sha256) for account_id, sha256 in found]


def _files() -> Iterator[tuple[Place, Path]]:
    for path in root().glob("*/*"):
        if path.parent.name.isdecimal() and path.is_file():
            yield (int(path.parent.name), path.name), path


def _digest(text: str) -> str:
    """Refuse what is no digest, for it names a file."""
    if not _SHA256.fullmatch(text):
        raise StoreError("A picture is kept by its SHA-256, 64 characters 0 to 9 and a to f.")
    return text


def _replace(path: Path, content: bytes) -> None:
    """Write a file that only this program's user may read; it is there whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
