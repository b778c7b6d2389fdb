"""Backups: all tables in one file that any database of this program can be restored from.

The file is a zip of ``backup.json`` (format, revision of the tables, rows and SHA-256 of each part)
and one ``tables/NAME.jsonl`` a table; with pictures also ``pictures/ACCOUNT/DIGEST``. It is read in
one transaction, so that it shows one moment while others write, and restored in one, so that all of
it is there or nothing has changed. It holds password hashes: only its owner may read it.
"""

import base64
import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, Connection, MetaData, Table, func, insert, select

from allcore.errors import StoreError
from allcore.store import audit, migrations, pictures
from allcore.store.database import Database
from allcore.store.models import Base, KeptPictureRow

FORMAT = 1
CONTENTS = "backup.json"
_ROWS = 500
_DAMAGED = "The backup {path} is damaged ({why}); use another one."


@dataclass(frozen=True)
class Backup:
    """What a backup holds.

    Attributes:
        revision: of its tables.
        made_at: when, aware, in UTC.
        rows: of each table.
        pictures: kept pictures that are with it.
    """

    revision: str
    made_at: datetime
    rows: dict[str, int]
    pictures: int


def make(opened: Database, path: Path, *, with_pictures: bool = False) -> Backup:
    """Write a backup; the file is either the old or the whole new one.

    Raises:
        StoreError: the database can't be read or the file can't be written.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        with (
            os.fdopen(handle, "w+b") as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as z,
        ):
            contents = _written(opened, z, with_pictures)
        unfinished.replace(path)
    except OSError as error:
        raise StoreError(f"{path} can't be written ({error.strerror}); choose another.") from None
    finally:
        unfinished.unlink(missing_ok=True)
    with opened.write() as session:
        audit.record_by(session, None, what="backup made", on=str(path))
    return _backup_of(contents)


def check(path: Path) -> Backup:
    """Read a backup through to its end, and tell what it holds.

    Raises:
        StoreError: it can't be read, is no backup, is damaged, or a newer ALLScope has made it.
    """
    with _opened(path) as archive:
        return _backup_of(_checked(archive, path))


def restore(
    opened: Database, path: Path, *, replace: bool = False, with_pictures: bool = False
) -> Backup:
    """Put what a backup holds in place of what the database holds; open sessions end.

    Args:
        opened: the database.
        path: of the backup, which may come from the other kind of database.
        replace: also where the database holds something, which is lost.
        with_pictures: also write the kept pictures; without, the rows about them are left out.

    Raises:
        StoreError: as `check`, or the database holds something and `replace` is not given.
    """
    with _opened(path) as archive:
        contents = _checked(archive, path)
        with opened.alone() as session:
            connection = session.connection()
            if not replace and _holds_something(connection):
                raise StoreError("The database is not empty; add --replace to lose what it holds.")
            _emptied(connection)
            migrations.upgrade_to(connection, contents["revision"])
            _filled(connection, archive, contents, with_pictures)
            migrations.upgrade_to(connection, "head")
            audit.record_by(session, None, what="database restored", on=str(path))
        if with_pictures:
            _write_pictures(archive, contents)
    return _backup_of(contents)


def _written(opened: Database, archive: zipfile.ZipFile, with_pictures: bool) -> dict[str, Any]:
    """Write all parts of one moment, and what they are."""
    level = "REPEATABLE READ" if opened.engine.dialect.name == "postgresql" else None
    engine = opened.engine.execution_options(isolation_level=level) if level else opened.engine
    parts: dict[str, dict[str, Any]] = {}
    kept: list[tuple[int, str]] = []
    with engine.connect() as connection:
        revision = migrations.revision_of(connection)
        for table in Base.metadata.sorted_tables:
            parts[f"tables/{table.name}.jsonl"] = _write_table(connection, archive, table)
        if with_pictures:
            row = select(KeptPictureRow.account_id, KeptPictureRow.sha256)
            kept = [(number, sha256) for number, sha256 in connection.execute(row)]
    for number, sha256 in kept:
        try:
            data = (pictures.root() / str(number) / sha256).read_bytes()
        except OSError:  # deleted since
            continue
        archive.writestr(f"pictures/{number}/{sha256}", data)
        parts[f"pictures/{number}/{sha256}"] = {"sha256": hashlib.sha256(data).hexdigest()}
    made_at = datetime.now(UTC).isoformat()
    contents = {"format": FORMAT, "revision": revision, "made_at": made_at, "parts": parts}
    archive.writestr(CONTENTS, json.dumps(contents, indent=1))
    return contents


def _write_table(connection: Connection, archive: zipfile.ZipFile, table: Table) -> dict[str, Any]:
    digest, count = hashlib.sha256(), 0
    found = connection.execution_options(yield_per=_ROWS).execute(
        select(table).order_by(*table.primary_key)
    )
    with archive.open(f"tables/{table.name}.jsonl", "w", force_zip64=True) as part:
        for row in found.mappings():
            values = {name: _to_json(value) for name, value in row.items()}
            line = (json.dumps(values, ensure_ascii=False) + "\n").encode()
            digest.update(line)
            part.write(line)
            count += 1
    return {"sha256": digest.hexdigest(), "rows": count}


def _to_json(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except OSError as error:
        raise StoreError(f"{path} can't be read ({error.strerror}); check the path.") from None
    except zipfile.BadZipFile:
        raise StoreError(_DAMAGED.format(path=path, why="no whole zip file")) from None


def _checked(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    """Read every part to its end and give what they are."""
    try:
        contents: dict[str, Any] = json.loads(archive.read(CONTENTS))
        if contents["format"] > FORMAT or not migrations.knows(contents["revision"]):
            raise StoreError(f"A newer ALLScope has made {path}; update ALLScope to restore it.")
        for name, told in contents["parts"].items():
            with archive.open(name) as part:
                if hashlib.file_digest(part, "sha256").hexdigest() != told["sha256"]:  # type: ignore[arg-type]
                    raise StoreError(_DAMAGED.format(path=path, why=f"{name} differs"))
        return contents
    except (KeyError, ValueError, TypeError, AttributeError, EOFError, OSError):
        raise StoreError(_DAMAGED.format(path=path, why="a part is missing")) from None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError):
        raise StoreError(_DAMAGED.format(path=path, why="a part can't be unpacked")) from None


def _holds_something(connection: Connection) -> bool:
    """Whether any row would be lost; setup codes are made by opening the app."""
    tables = [each for each in Base.metadata.sorted_tables if each.name != "one_time_code"]
    return any(connection.scalar(select(func.count()).select_from(table)) for table in tables)


def _emptied(connection: Connection) -> None:
    """Drop all tables, with those of which only the database knows."""
    found = MetaData()
    found.reflect(connection)
    found.drop_all(connection)


def _filled(
    connection: Connection, archive: zipfile.ZipFile, contents: dict[str, Any], pictured: bool
) -> None:
    """Insert all rows into tables of the backup's own revision."""
    found = MetaData()
    found.reflect(connection)
    for table in found.sorted_tables:
        name = f"tables/{table.name}.jsonl"
        if name not in contents["parts"] or (table.name == "session"):
            continue  # who was signed in signs in again
        if table.name == KeptPictureRow.__tablename__ and not pictured:
            continue
        for rows in _read_rows(archive, name, table):
            connection.execute(insert(table), rows)
        if connection.dialect.name == "postgresql" and "id" in table.columns:
            _count_on(connection, table.name, table.columns["id"])


def _count_on(connection: Connection, name: str, number: ColumnElement[int]) -> None:
    """Have PostgreSQL number the next row after the last one that is there."""
    last = func.max(number)
    sequence = func.pg_get_serial_sequence(name, "id")
    connection.execute(select(func.setval(sequence, func.coalesce(last, 1), last.is_not(None))))


def _read_rows(archive: zipfile.ZipFile, name: str, table: Table) -> Iterator[list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    with archive.open(name) as part:
        for line in part:
            values = json.loads(line)
            rows.append({key: _from_json(table, key, value) for key, value in values.items()})
            if len(rows) == _ROWS:
                yield rows
                rows = []
    if rows:
        yield rows


def _from_json(table: Table, key: str, value: Any) -> Any:
    if value is None:
        return None
    kind = table.columns[key].type
    if isinstance(kind, sqlalchemy.DateTime):
        return datetime.fromisoformat(value)
    return base64.b64decode(value) if isinstance(kind, sqlalchemy.LargeBinary) else value


def _write_pictures(archive: zipfile.ZipFile, contents: dict[str, Any]) -> None:
    for name in contents["parts"]:
        folder, _, rest = name.partition("/")
        number, _, sha256 = rest.partition("/")
        if folder == "pictures" and number.isdecimal():
            pictures.write(int(number), {sha256: archive.read(name)})


def _backup_of(contents: dict[str, Any]) -> Backup:
    parts = contents["parts"]
    return Backup(
        revision=contents["revision"],
        made_at=datetime.fromisoformat(contents["made_at"]),
        rows={
            name.removeprefix("tables/").removesuffix(".jsonl"): told["rows"]
            for name, told in parts.items()
            if name.startswith("tables/")
        },
        pictures=sum(name.startswith("pictures/") for name in parts),
    )
