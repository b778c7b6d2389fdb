"""The database: SQLite in WAL mode, or PostgreSQL where ALLSCOPE_DATABASE_URL names one.

Readers never wait. Writers on SQLite take the write lock at the beginning (BEGIN IMMEDIATE), so
that values read in a transaction are still current when it writes; `Database.alone` gives the same
on PostgreSQL. Opening a database runs the migrations, under a lock between processes.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock
import sqlalchemy
from sqlalchemy import Connection, Engine, event, exc, orm
from sqlalchemy.engine import URL, make_url

from allcore import settings
from allcore.errors import StoreError
from allcore.settings import Settings
from allcore.store import migrations

BUSY_SECONDS = 30.0  # maximum time that a writer waits for another one
LOCK_KEY = 0x616C6C73636F7065
"""Key of this program's PostgreSQL advisory lock ("allscope" as a number)."""
_LOCK = sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(LOCK_KEY))
_FULL = "The disk of the database ({}) is full: free space, then try again; saved data is safe."
_TEMPORARY = {
    "locked": "The database is busy; try again in a moment.",
    "disk is full": _FULL,
    "No space left": _FULL,
    "readonly": "The database ({}) is read-only: make its disk writable, then try again.",
}
"""Parts of drivers' errors that pass without a new database, and what to say of them."""


class Database:
    """An open database, shared safely between threads and sessions."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._readers = orm.sessionmaker(engine, expire_on_commit=False)
        self._writers = orm.sessionmaker(
            engine.execution_options(immediate=True), expire_on_commit=False
        )

    @contextlib.contextmanager
    def read(self) -> Iterator[orm.Session]:
        """Open a read-only session; a StoreError where the database can't be reached."""
        with _sentences(self.engine.url), self._readers() as session:
            yield session

    @contextlib.contextmanager
    def write(self) -> Iterator[orm.Session]:
        """Open a session that commits at the end, or rolls back on an error.

        Raises:
            StoreError: the database can't be reached or stays busy.
        """
        with _sentences(self.engine.url), self._writers.begin() as session:
            yield session

    @contextlib.contextmanager
    def alone(self) -> Iterator[orm.Session]:
        """Open a writing session that excludes all other `alone` sessions, in any process."""
        with self.write() as session:
            if self.engine.dialect.name == "postgresql":
                session.execute(_LOCK)
            yield session


def connect(config: Settings | None = None) -> Database:
    """Open the database of the settings and migrate its tables.

    Raises:
        StoreError: it can't be opened, or a newer ALLScope has written it.
    """
    config = config or settings.load()
    url = _url(config.database)
    with _sentences(url):
        if url.get_backend_name() == "sqlite":
            _make_file(url)
        engine = _engine(url)
        try:
            _migrate(engine)
        except BaseException:
            engine.dispose()
            raise
    return Database(engine)


def check(database: Database) -> None:
    """Raise a StoreError where SQLite's file is damaged; a database server checks its own."""
    with database.read() as session:
        session.execute(sqlalchemy.select(1))
        if database.engine.dialect.name != "sqlite":
            return
        problems = session.execute(sqlalchemy.text("PRAGMA integrity_check")).scalars().all()
        orphan = session.execute(sqlalchemy.text("PRAGMA foreign_key_check")).first()
    if problems != ["ok"] or orphan is not None:
        raise StoreError("The database is damaged; restore a backup: python -m allcore db restore.")


def label(url: URL) -> str:
    """Return the database's display name, without username and password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return f"{url.get_backend_name()} at {url.host or 'localhost'}, {url.database}"


def _url(address: str) -> URL:
    try:
        url = make_url(address)
    except (exc.ArgumentError, ValueError):
        raise StoreError(
            "ALLSCOPE_DATABASE_URL is not a database address; "
            "write postgresql://USER:PASSWORD@HOST/NAME, or unset it to use SQLite."
        ) from None
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(
            "ALLSCOPE_DATABASE_URL names a database that ALLScope does not know; "
            "use a postgresql:// address, or unset it to use SQLite."
        )
    return url


def _make_file(url: URL) -> None:
    """Create an empty file that only its owner may read; SQLite's journals inherit the mode."""
    path = Path(url.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise StoreError(_unreachable(url, str(error.strerror))) from None


def _engine(url: URL) -> Engine:
    """Create an engine that hides values in its logs and errors."""
    is_sqlite = url.get_backend_name() == "sqlite"
    timeout = {"timeout": BUSY_SECONDS} if is_sqlite else {"connect_timeout": 10}
    engine = sqlalchemy.create_engine(
        url, pool_pre_ping=not is_sqlite, connect_args=timeout, hide_parameters=True
    )
    if not is_sqlite:
        return engine
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    """Set the SQLite options of a connection; `_begin_sqlite` alone begins transactions."""
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _migrate(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        lock = filelock.FileLock(f"{engine.url.database}.lock", timeout=BUSY_SECONDS)
        with lock, engine.connect() as connection:
            migrations.upgrade(connection)
        return
    with engine.connect() as connection:
        connection.execute(_LOCK)
        migrations.upgrade(connection)


@contextlib.contextmanager
def _sentences(url: URL) -> Iterator[None]:
    """Turn driver errors into one sentence with the remedy."""
    try:
        yield
    except exc.IntegrityError:  # the caller maps it to the violated rule
        raise
    except (exc.DatabaseError, exc.InterfaceError) as error:
        for part, sentence in _TEMPORARY.items():
            if part in str(error.orig):
                raise StoreError(sentence.format(label(url))) from None
        raise StoreError(_unreachable(url, _first_line(error.orig, url))) from None
    except (filelock.Timeout, OSError) as error:
        raise StoreError(_unreachable(url, type(error).__name__)) from None


def _unreachable(url: URL, reason: str) -> str:
    fix = (
        "set ALLSCOPE_HOME to a folder you may write in, or move the file away to start anew"
        if url.get_backend_name() == "sqlite"
        else "check that the server runs and that ALLSCOPE_DATABASE_URL is right"
    )
    return f"The database ({label(url)}) can't be opened: {reason}; {fix}."


def _first_line(error: BaseException | None, url: URL) -> str:
    """Return the first line of the driver's error message, without the password."""
    line = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else "no reason"
    return line.replace(url.password, "***") if url.password else line
