"""``python -m allcore db ...``: backup, restoration and check of the database."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from allcore.cli import terminal

if TYPE_CHECKING:
    from allcore.store.backup import Backup

File = Annotated[Path, Argument(help="The backup, a zip file.")]
Pictures = Annotated[bool, Option("--pictures", help="Kept pictures as well.")]


def backup(file: File, pictures: Pictures = False) -> None:
    """Write all tables to a file that SQLite and PostgreSQL alike are restored from."""
    from allcore.store import backup, database

    terminal.emit(
        f"Backed up {_summary(backup.make(database.connect(), file, with_pictures=pictures))}."
    )


def restore(
    file: File,
    replace: Annotated[bool, Option("--replace", help="Lose what the database holds now.")] = False,
    pictures: Pictures = False,
) -> None:
    """Restore a backup into an empty database; all of it, or nothing has changed."""
    from allcore.store import backup, database

    opened = database.connect()
    restored = backup.restore(opened, file, replace=replace, with_pictures=pictures)
    terminal.emit(f"Restored {_summary(restored)}; everybody signs in again.")


def check(
    file: Annotated[Path | None, Argument(help="A backup; else the database.")] = None,
) -> None:
    """Read the database, or a backup, through to its end."""
    from allcore.store import backup, database

    if file is not None:
        terminal.emit(f"The backup is whole: {_summary(backup.check(file))}.")
        return
    database.check(database.connect())
    terminal.emit("The database is whole.")


def _summary(backup: "Backup") -> str:
    rows = sum(backup.rows.values())
    return f"{rows:,} rows of {len(backup.rows)} tables and {backup.pictures:,} pictures"
