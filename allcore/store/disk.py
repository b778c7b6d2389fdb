"""How much room ALLScope takes on the disk, part by part, counted for a moment at most."""

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

SECONDS = 0.3
"""How long the files of one part are counted."""


@dataclass(frozen=True)
class Part:
    """What one part takes.

    Attributes:
        name: of the part, as pages call it.
        place: where it lies; empty where that is a server's affair.
        size: bytes of what was counted.
        whole: whether all of it was; otherwise there may be more.
    """

    name: str
    place: str
    size: int
    whole: bool = True


def parts(
    database: Database, config: Settings | None = None, *, seconds: float = SECONDS
) -> tuple[Part, ...]:
    """Count what each part takes; what is not there takes nothing.

    Args:
        database: whose size is told as well.
        config: the settings; None takes those in force.
        seconds: that each of the five folders may take.

    Raises:
        StoreError: the database can't be reached.
    """
    config = config or settings.load()
    thumbnails = indexes.thumbnails(config.home)
    folders = (
        ("Kept pictures", pictures.root(), None),
        ("Indexes", thumbnails.parent, thumbnails),
        ("Thumbnails", thumbnails, None),
        ("Demonstration set", config.demo_set, None),
        ("Models", config.models, None),
    )
    counted = (_folder(name, place, but, seconds) for name, place, but in folders)
    return (_database(database), *counted)


def free(config: Settings | None = None) -> int:
    """Bytes that are free where ALLScope keeps its files; the folder need not be there yet."""
    home = (config or settings.load()).home.expanduser().absolute()
    return shutil.disk_usage(next(each for each in (home, *home.parents) if each.exists())).free


def _database(database: Database) -> Part:
    if database.engine.dialect.name == "postgresql":
        with database.read() as session:
            size = session.scalar(select(func.pg_database_size(func.current_database())))
        return Part("Database", "", int(size or 0))
    file = str(database.engine.url.database)
    found = (Path(f"{file}{end}") for end in ("", "-wal", "-shm"))
    return Part("Database", file, sum(each.stat().st_size for each in found if each.exists()))


def _folder(name: str, place: Path, but: Path | None, seconds: float) -> Part:
    until, size = time.monotonic() + seconds, 0
    for each in _sizes(place, but):
        size += each
        if time.monotonic() > until:
            return Part(name, str(place), size, whole=False)
    return Part(name, str(place), size)


def _sizes(folder: Path, but: Path | None) -> Iterator[int]:
    """The size of each file below a folder, links not followed, without one folder in it."""
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if not entry.is_dir(follow_symlinks=False):
                        yield entry.stat(follow_symlinks=False).st_size
                    elif entry.path != str(but):
                        waiting.append(entry.path)
        except OSError:  # what is gone or can't be read counts nothing
            continue
