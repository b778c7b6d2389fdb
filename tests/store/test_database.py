import contextlib
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from allcore.errors import StoreError
from allcore.settings import Settings
from allcore.store import accounts
from allcore.store import database as databases
from allcore.store.database import Database
from allcore.store.models import Base
from tests import forking


def test_migrations__agree_with_the_models(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_connect__keeps_what_is_there(database: Database, config: Settings) -> None:
    accounts.create(database, username="ada", display_name="Ada", password=None)
    again = databases.connect(config)
    assert [account.username for account in accounts.list_all(again)] == ["ada"]


def test_connect__migrates_once_when_processes_race(config: Settings) -> None:
    with forking.CONTEXT.Pool(4) as pool:
        assert pool.map(_tables, [config] * 4) == [len(Base.metadata.tables)] * 4


def test_connect__prepares_sqlite(tmp_path: Path) -> None:
    opened = databases.connect(Settings(home=tmp_path / "new" / "home"))
    with opened.read() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA foreign_keys")) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_connect__the_file_is_its_owners_alone(tmp_path: Path) -> None:
    opened = databases.connect(Settings(home=tmp_path, database_url=None))
    accounts.create(opened, username="ada", display_name="Ada", password=None)
    files = [each for each in tmp_path.iterdir() if each.suffix != ".lock"]
    assert {each.name for each in files} >= {"allscope.db", "allscope.db-wal"}
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}
    opened.engine.dispose()


def test_connect__a_database_of_a_newer_version(database: Database, config: Settings) -> None:
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer ALLScope"):
        databases.connect(config)


def test_connect__not_a_database(tmp_path: Path) -> None:
    (tmp_path / "allscope.db").write_text("this is a text file, long enough to be read as a page")
    with pytest.raises(StoreError, match=r"can't be opened: file is not a database; set ALLSCOPE"):
        databases.connect(Settings(home=tmp_path))


def test_connect__home_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(StoreError, match=r"can't be opened: .*ALLSCOPE_HOME"):
        databases.connect(Settings(home=tmp_path / "home"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://someone:sesame@127.0.0.1:9/allscope",
        "postgresql://someone:sesame@127.0.0.1:9/allscope?password=sesame",
        "oracle://someone:sesame@localhost/allscope",
        "someone:sesame@localhost",
        "postgresql://someone:sesame@localhost:port/allscope",
    ],
)
def test_connect__never_says_the_password(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        databases.connect(Settings(home=tmp_path, database_url=url))
    assert "sesame" not in str(caught.value)
    assert "ALLSCOPE_DATABASE_URL" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_connect__wrong_password(config: Settings, tmp_path: Path) -> None:
    if config.database_url is None:
        pytest.skip("SQLite has no password")
    url = sqlalchemy.make_url(config.database_url).set(username="nobody-here", password="sesame")
    wrong = Settings(home=tmp_path, database_url=url.render_as_string(hide_password=False))
    with pytest.raises(StoreError, match="can't be opened") as caught:
        databases.connect(wrong)
    assert "sesame" not in str(caught.value)


def test_write__undoes_everything_on_an_error(database: Database) -> None:
    account = accounts.new_account(
        username="ada", display_name="Ada", email="", password=None, role="user"
    )
    with contextlib.suppress(ZeroDivisionError), database.write() as session:
        session.add(account)
        session.flush()
        raise ZeroDivisionError
    assert accounts.list_all(database) == []


def test_read__a_database_that_has_gone(database: Database) -> None:
    Base.metadata.drop_all(database.engine)
    with pytest.raises(StoreError, match="can't be opened"):
        accounts.list_all(database)


def test_connect__read_only_home(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(StoreError, match="Read-only file system; set ALLSCOPE_HOME"):
        databases.connect(Settings(home=disk))
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    assert accounts.list_all(databases.connect(Settings(home=disk))) == []


def test_write__full_disk(disk: Path) -> None:
    database = databases.connect(Settings(home=disk))
    _make_account(database, "ada")
    filling = disk / "filling"
    with contextlib.suppress(OSError), filling.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with pytest.raises(StoreError, match="is full: free space"):
        _make_many(database)
    saved = accounts.list_all(database)
    assert "ada" in {account.username for account in saved}
    filling.unlink()
    _make_account(database, "bob")
    assert len(accounts.list_all(database)) == len(saved) + 1
    databases.check(database)


def test_write__read_only_file(database: Database, config: Settings) -> None:
    if config.database_url:
        pytest.skip("only SQLite has a file")
    _make_account(database, "ada")
    with database.read() as session:
        session.execute(text("PRAGMA query_only=ON"))
    with pytest.raises(StoreError, match="is read-only: make its disk writable"):
        _make_account(database, "bob")
    with database.read() as session:
        session.execute(text("PRAGMA query_only=OFF"))
    assert [account.username for account in accounts.list_all(database)] == ["ada"]


def test_connections__that_the_server_has_ended(database: Database, config: Settings) -> None:
    if not config.database_url:
        pytest.skip("SQLite has no server")
    _make_account(database, "ada")
    with pytest.raises(StoreError, match="can't be opened"):
        _ask_twice(database, config)
    _end_others(config)
    _make_account(database, "bob")
    assert {account.username for account in accounts.list_all(database)} == {"ada", "bob"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    if not shutil.which("mount") or subprocess.run(mounting, capture_output=True).returncode:
        pytest.skip("this user may not mount a disk")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def _make_account(database: Database, username: str) -> None:
    account = accounts.new_account(
        username=username, display_name=username, email="", password=None, role="user"
    )
    with database.write() as session:
        session.add(account)


def _make_many(database: Database) -> None:
    for number in range(10_000):
        _make_account(database, f"user{number}")


def _ask_twice(database: Database, config: Settings) -> None:
    with database.write() as session:
        session.execute(text("SELECT 1"))
        _end_others(config)
        session.execute(text("SELECT 1"))


def _end_others(config: Settings) -> None:
    """Have the database server end all other connections, as when it is started anew."""
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    engine = sqlalchemy.create_engine(config.database_url or "", poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"{end} AND datname = current_database()"))


def _tables(config: Settings) -> int:
    inspector = sqlalchemy.inspect(databases.connect(config).engine)
    return len(set(inspector.get_table_names()) - {"alembic_version"})
