"""Storage in use: bytes on disk by part, and numbers of records by account."""

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from allcore import settings
from allcore.audit.index import store as indexes
from allcore.settings import Settings
from allcore.store import pictures
from allcore.store.database import Database
from allcore.store.models import Account, BatchRow, PredictionRow, StoredPictureRow

SECONDS = 0.3  # time limit for counting the files of one part


@dataclass(frozen=True)
class StoragePart:
    """Size of one part."""

    name: str
    place: str
    size: int
    whole: bool = True  # whether the count is complete; otherwise the size is a lower bound


@dataclass(frozen=True)
class AccountUsage:
    """Numbers of an account's records; no file name, no answer."""

    username: str
    predictions: int
    flagged: int
    batches: int
    pictures: int
    picture_bytes: int


def parts(
    database: Database, config: Settings | None = None, *, seconds: float = SECONDS
) -> tuple[StoragePart, ...]:
    """Measure each part, each folder for some `seconds`; a missing one has no bytes."""
    config = config or settings.load()
    thumbnails = indexes.thumbnails(config.home)
    folders = (
        ("Kept pictures", pictures.root(), None),
        ("Indexes", thumbnails.parent, thumbnails),
        ("Thumbnails", thumbnails, None),
        ("Demonstration set", config.demo_set, None),
        ("Models", config.models, None),
    )
    return (
        _database_part(database),
        *(_folder_part(name, place, skipped, seconds) for name, place, skipped in folders),
    )


def free(config: Settings | None = None) -> int:
    """Return the free bytes on the disk of ALLScope's files; the folder need not exist yet."""
    home = (config or settings.load()).home.expanduser().absolute()
    return shutil.disk_usage(next(path for path in (home, *home.parents) if path.exists())).free


def usage_by_account(database: Database) -> tuple[AccountUsage, ...]:
    """Count the records of every account, by username."""
    answer, batch, picture = PredictionRow, BatchRow, StoredPictureRow
    answers = select(
        answer.account_id,
        func.count().label("predictions"),
        func.count(answer.flagged_at).label("flagged"),
    ).group_by(answer.account_id)
    batches = select(batch.account_id, func.count().label("batches")).group_by(batch.account_id)
    stored = select(
        picture.account_id,
        func.count().label("pictures"),
        func.sum(picture.size).label("picture_bytes"),
    ).group_by(picture.account_id)
    query, columns = select(Account.username).order_by(Account.username), []
    for counts in (answers.subquery(), batches.subquery(), stored.subquery()):
        query = query.outerjoin(counts, counts.c.account_id == Account.id)
        columns += [func.coalesce(column, 0) for column in counts.c if column.key != "account_id"]
    with database.read() as session:
        rows = session.execute(query.add_columns(*columns))
        return tuple(AccountUsage(username, *map(int, numbers)) for username, *numbers in rows)


def _database_part(database: Database) -> StoragePart:
    if database.engine.dialect.name == "postgresql":
        with database.read() as session:
            size = session.scalar(select(func.pg_database_size(func.current_database())))
        return StoragePart("Database", "", int(size or 0))
    file = str(database.engine.url.database)
    paths = (Path(f"{file}{end}") for end in ("", "-wal", "-shm"))
    return StoragePart("Database", file, sum(p.stat().st_size for p in paths if p.exists()))


def _folder_part(name: str, place: Path, skipped: Path | None, seconds: float) -> StoragePart:
    until, total = time.monotonic() + seconds, 0
    for size in _file_sizes(place, skipped):
        total += size
        if time.monotonic() > until:
            return StoragePart(name, str(place), total, whole=False)
    return StoragePart(name, str(place), total)


def _file_sizes(folder: Path, skipped: Path | None) -> Iterator[int]:
    """Yield the size of each file below a folder, except in one subfolder; links count as files."""
    folders = [str(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if not entry.is_dir(follow_symlinks=False):
                        yield entry.stat(follow_symlinks=False).st_size
                    elif entry.path != str(skipped):
                        folders.append(entry.path)
        except OSError:  # an unreadable or deleted folder counts nothing
            continue
