"""Backups: all tables in one file, for restoration into SQLite or PostgreSQL.

The file is a zip of ``backup.json`` (format, revision of the tables, rows and SHA-256 of each part)
and one ``tables/NAME.jsonl`` a table; optionally also ``pictures/ACCOUNT/DIGEST``. The native dumps
of SQLite and PostgreSQL are incompatible, hence rows as JSON.

One read transaction makes a backup a consistent snapshot during writes. One write transaction makes
a restoration atomic. A backup contains password hashes: only its owner may read it.
"""

import base64
import hashlib
import json
import os
import zipfile
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Table, func, insert, select

from allcore.data import safe_paths
from allcore.errors import StoreError
from allcore.store import audit, migrations, pictures
from allcore.store.database import Database
from allcore.store.migrations import prerelease
from allcore.store.models import Base, StoredPictureRow

FORMAT = 1
CONTENTS = "backup.json"
_ROWS_A_STATEMENT = 500


@dataclass(frozen=True)
class Backup:
    """Contents of a backup."""

    revision: str
    made_at: datetime  # time of creation, aware, in UTC
    rows: dict[str, int]
    pictures: int


def make(database: Database, path: Path, *, with_pictures: bool = False) -> Backup:
    """Write a backup file atomically.

    Raises:
        StoreError: the database can't be read or the file can't be written.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        with (
            os.fdopen(handle, "w+b") as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            contents = _write(database, archive, with_pictures)
        unfinished.replace(path)
    except OSError as error:
        raise StoreError(f"{path} can't be written ({error.strerror}); choose another.") from None
    finally:
        unfinished.unlink(missing_ok=True)
    with database.write() as session:
        audit.record(session, "backup made", target=str(path))
    return _summary(contents)


def check(path: Path) -> Backup:
    """Verify a whole backup and return its contents.

    Raises:
        StoreError: it can't be read, is not a backup, is damaged, or was made by a newer ALLScope.
    """
    with _open(path) as archive:
        return _summary(_verified_contents(archive, path))


def restore(
    database: Database, path: Path, *, replace: bool = False, with_pictures: bool = False
) -> Backup:
    """Replace the contents of the database by those of a backup; open sessions end.

    Args:
        path: of the backup; it may come from the other database system.
        with_pictures: whether to restore the stored images; otherwise their rows are left out.

    Raises:
        StoreError: as `check`, or the database is not empty and `replace` is false.
    """
    with _open(path) as archive:
        contents = _verified_contents(archive, path)
        with database.alone() as session:
            connection = session.connection()
            # Setup codes don't count as rows that would be lost: the app creates them.
            tables = [t for t in Base.metadata.sorted_tables if t.name != "one_time_code"]
            counts = (connection.scalar(select(func.count()).select_from(t)) for t in tables)
            if not replace and any(counts):
                raise StoreError("The database is not empty; add --replace to lose what it holds.")
            prerelease.reflected(connection).drop_all(connection)
            _insert(connection, archive, contents, with_pictures)
            migrations.upgrade_to(connection, "head")
            audit.record(session, "database restored", target=str(path))
        if with_pictures:
            for name in contents["parts"]:
                folder, _, rest = name.partition("/")
                account, _, sha256 = rest.partition("/")
                if folder == "pictures" and account.isdecimal():
                    pictures.write(int(account), {sha256: archive.read(name)})
    return _summary(contents)


def _write(database: Database, archive: zipfile.ZipFile, with_pictures: bool) -> dict[str, Any]:
    """Write all parts from one snapshot, and return the contents."""
    engine, parts, places = database.engine, dict[str, dict[str, Any]](), list[pictures.Place]()
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as connection:
        revision = migrations.revision_of(connection)
        for table in Base.metadata.sorted_tables:
            parts[f"tables/{table.name}.jsonl"] = _write_table(connection, archive, table)
        if with_pictures:
            query = select(StoredPictureRow.account_id, StoredPictureRow.sha256)
            places = [(account_id, sha256) for account_id, sha256 in connection.execute(query)]
    for account_id, sha256 in places:
        try:
            data = (pictures.root() / str(account_id) / sha256).read_bytes()
        except OSError:  # deleted in the meantime
            continue
        archive.writestr(f"pictures/{account_id}/{sha256}", data)
        parts[f"pictures/{account_id}/{sha256}"] = {"sha256": hashlib.sha256(data).hexdigest()}
    made_at = datetime.now(UTC).isoformat()
    contents = {"format": FORMAT, "revision": revision, "made_at": made_at, "parts": parts}
    archive.writestr(CONTENTS, json.dumps(contents, indent=1))
    return contents


def _write_table(connection: Connection, archive: zipfile.ZipFile, table: Table) -> dict[str, Any]:
    def to_json(value: datetime | bytes) -> str:
        if isinstance(value, datetime):
            return value.isoformat()
        return base64.b64encode(value).decode()

    digest, count = hashlib.sha256(), 0
    query = select(table).order_by(*table.primary_key)
    rows = connection.execution_options(yield_per=_ROWS_A_STATEMENT).execute(query)
    with archive.open(f"tables/{table.name}.jsonl", "w", force_zip64=True) as part:
        for row in rows.mappings():
            count += 1
            line = json.dumps(dict(row), ensure_ascii=False, default=to_json).encode() + b"\n"
            digest.update(line)
            part.write(line)
    return {"sha256": digest.hexdigest(), "rows": count}


def _open(path: Path) -> zipfile.ZipFile:
    try:
        safe_paths.require_file(path)
        return zipfile.ZipFile(path)
    except OSError as error:
        raise StoreError(f"{path} can't be read ({error.strerror}); check the path.") from None
    except zipfile.BadZipFile:
        raise _damaged(path, "no whole zip file") from None


def _verified_contents(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    """Compare every part with its SHA-256, and return the contents."""
    try:
        contents: dict[str, Any] = json.loads(archive.read(CONTENTS))
        if contents["format"] > FORMAT or not migrations.knows(contents["revision"]):
            raise StoreError(f"A newer ALLScope has made {path}; update ALLScope to restore it.")
        for name, facts in contents["parts"].items():
            with archive.open(name) as part:
                if hashlib.file_digest(part, "sha256").hexdigest() != facts["sha256"]:  # type: ignore[arg-type]
                    raise _damaged(path, f"{name} differs")
        return contents
    except (KeyError, ValueError, TypeError, AttributeError, EOFError, OSError):
        raise _damaged(path, "a part is missing") from None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError):
        raise _damaged(path, "a part can't be unpacked") from None


def _damaged(path: Path, reason: str) -> StoreError:
    return StoreError(f"The backup {path} is damaged ({reason}); use another one.")


def _insert(
    connection: Connection, archive: zipfile.ZipFile, contents: dict[str, Any], with_pictures: bool
) -> None:
    """Create the tables at the backup's own revision, and insert its rows."""
    revision = contents["revision"]
    is_prerelease = revision in prerelease.REVISIONS
    migrations.upgrade_to(connection, migrations.INITIAL if is_prerelease else revision)
    for table in prerelease.reflected(connection).sorted_tables:
        name = f"tables/{table.name}.jsonl"
        if name not in contents["parts"] or table.name == "session":
            continue  # sessions are not restored
        if table.name == StoredPictureRow.__tablename__ and not with_pictures:
            continue
        added = prerelease.missing_values(table.name) if is_prerelease else {}
        with archive.open(name) as part:
            while lines := list(islice(part, _ROWS_A_STATEMENT)):
                rows = [{**added, **_from_json(table, line)} for line in lines]
                connection.execute(insert(table), rows)
        prerelease.number_on(connection, table)
    if is_prerelease:
        prerelease.convert_roles(connection, revision)


def _from_json(table: Table, line: bytes) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(line)
    for column, value in row.items():
        kind = table.columns[column].type
        if value is not None and isinstance(kind, sqlalchemy.DateTime):
            row[column] = datetime.fromisoformat(value)
        elif value is not None and isinstance(kind, sqlalchemy.LargeBinary):
            row[column] = base64.b64decode(value)
    return row


def _summary(contents: dict[str, Any]) -> Backup:
    parts = contents["parts"]
    return Backup(
        revision=contents["revision"],
        made_at=datetime.fromisoformat(contents["made_at"]),
        rows={Path(name).stem: facts["rows"] for name, facts in parts.items() if "rows" in facts},
        pictures=sum(name.startswith("pictures/") for name in parts),
    )
