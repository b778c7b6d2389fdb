import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from allcore.errors import StoreError
from allcore.settings import Settings
from allcore.store import accounts, audit, data_sets
from allcore.store import database as databases
from allcore.store.data_sets import DataSet
from allcore.store.database import Database
from tests import forking
from tests.store.people import add
from tests.store.test_migrations import add_account, at_revision

PLACE = Path("/data/cells")


def connect(
    database: Database, name: str = "Cells", *, path: Path = PLACE, by: str = "ada"
) -> DataSet:
    return data_sets.connect(database, by, name=name, path=path)


def test_connect__gives_what_was_kept(database: Database) -> None:
    add(database, "ada")
    kept = connect(database, "  Größe \u00a0 'x' %_ 细胞 ", path=Path("/data/细胞 1"), by="ADA")
    assert (kept.name, kept.path, kept.added_by) == (
        "Größe 'x' %_ 细胞", Path("/data/细胞 1"), "ada",
    )  # fmt: skip
    assert kept.added_at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - kept.added_at) < timedelta(minutes=1)
    assert data_sets.list_of(database) == (kept,)


def test_connect__name_taken_whatever_its_case(database: Database) -> None:
    add(database, "ada")
    add(database, "bob")
    kept = connect(database, "Straße")
    with pytest.raises(StoreError, match="a data set named 'STRASSE' already; choose another"):
        connect(database, "STRASSE", path=Path("/data/other"), by="bob")
    with pytest.raises(StoreError, match="named 'demo' already"):
        data_sets.connect(database, "ada", name="demo", path=Path("/x"), taken=["Demo"])
    assert data_sets.list_of(database) == (kept,)


def test_connect__path_connected_already(database: Database) -> None:
    add(database, "ada")
    connect(database, "One")
    with pytest.raises(StoreError, match="connected already, as 'One'"):
        connect(database, "Two")
    assert len(data_sets.list_of(database)) == 1


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\0b", "a\x07b", "\udc80"])
def test_connect__bad_names(database: Database, name: str) -> None:
    add(database, "ada")
    with pytest.raises(StoreError, match="1 to 80 characters"):
        connect(database, name)
    assert data_sets.list_of(database) == ()


@pytest.mark.parametrize("name", ["a\nb", "\udc80", "a\0b"])
def test_connect__path_that_is_no_text(database: Database, name: str) -> None:
    add(database, "ada")
    with pytest.raises(StoreError, match="rename the folder"):
        connect(database, path=PLACE / name)


def test_connect__the_longest_path(database: Database) -> None:
    add(database, "ada")
    # Characters that do not repeat, so that an index page can't hold them packed.
    long = "/" + "".join(chr(0x4E00 + number * 7 % 20_000) for number in range(666)) + "x"
    assert len(long.encode()) == data_sets.MAX_PATH
    assert connect(database, path=Path(long)).path == Path(long)
    with pytest.raises(StoreError, match="longer than 2,000 bytes"):
        connect(database, "Longer", path=Path(long + "x"))


def test_connect__account_that_may_not(database: Database) -> None:
    add(database, "ada", role="admin")
    add(database, "bob")
    kept = connect(database, by="bob")
    accounts.set_active(database, "bob", active=False)
    for act in (
        lambda: connect(database, "Other", path=Path("/data/other"), by="bob"),
        lambda: data_sets.rename(database, "bob", kept.id, name="Mine"),
        lambda: data_sets.disconnect(database, "bob", kept.id),
    ):
        with pytest.raises(StoreError, match="'bob' is disabled"):
            act()
    with pytest.raises(StoreError, match="no account named 'nobody'"):
        connect(database, "Other", path=Path("/data/other"), by="nobody")
    assert data_sets.list_of(database) == (kept,)


def test_list_of__of_everyone_in_the_order_connected(database: Database) -> None:
    add(database, "ada")
    add(database, "bob")
    connect(database, "z", path=Path("/z"))
    connect(database, "a", path=Path("/a"), by="bob")
    assert [(kept.name, kept.added_by) for kept in data_sets.list_of(database)] == [
        ("z", "ada"), ("a", "bob"),
    ]  # fmt: skip


def test_rename__own_and_by_an_administrator(database: Database) -> None:
    add(database, "ada")
    add(database, "bob")
    add(database, "eve", role="admin")
    kept = connect(database)
    with pytest.raises(StoreError, match="Only who connected"):
        data_sets.rename(database, "bob", kept.id, name="Mine")
    data_sets.rename(database, "ada", kept.id, name="CELLS")
    assert data_sets.list_of(database)[0].name == "CELLS"
    data_sets.rename(database, "eve", kept.id, name=" Blood  cells ")
    assert data_sets.list_of(database)[0].name == "Blood cells"


def test_rename__has_a_line(database: Database) -> None:
    add(database, "ada")
    kept = connect(database)
    for _ in range(2):
        data_sets.rename(database, "ada", kept.id, name="Blood", address="10.0.0.7")
    data_sets.disconnect(database, "ada", kept.id, address="10.0.0.8")
    gone, renamed = audit.search(database, audit.AuditQuery(text="Blood")).entries
    assert (renamed.action, renamed.address) == ("data set renamed", "10.0.0.7")
    assert kept.name in renamed.detail
    assert (gone.action, gone.address) == ("data set disconnected", "10.0.0.8")


def test_rename__broken_rules(database: Database) -> None:
    add(database, "ada")
    kept = connect(database)
    connect(database, "Others", path=Path("/others"))
    with pytest.raises(StoreError, match="named 'others' already"):
        data_sets.rename(database, "ada", kept.id, name="others")
    with pytest.raises(StoreError, match="named 'Demo' already"):
        data_sets.rename(database, "ada", kept.id, name="Demo", taken=["Demo"])
    with pytest.raises(StoreError, match="1 to 80"):
        data_sets.rename(database, "ada", kept.id, name=" ")
    with pytest.raises(StoreError, match="not connected any more"):
        data_sets.rename(database, "ada", 99, name="Free")
    assert data_sets.list_of(database)[0] == kept


def test_disconnect__own_and_by_an_administrator(database: Database) -> None:
    add(database, "ada")
    add(database, "bob")
    add(database, "eve", role="admin")
    one, two = connect(database, "1"), connect(database, "2", path=Path("/other"))
    with pytest.raises(StoreError, match="Only who connected"):
        data_sets.disconnect(database, "bob", one.id)
    data_sets.disconnect(database, "ada", one.id)
    data_sets.disconnect(database, "eve", two.id)
    assert data_sets.list_of(database) == ()
    with pytest.raises(StoreError, match="not connected any more"):
        data_sets.disconnect(database, "ada", one.id)


def test_may_change__says_what_the_functions_hold(database: Database) -> None:
    add(database, "ada")
    kept = connect(database)
    assert kept.may_change("ada", "user")
    assert kept.may_change("eve", "admin")
    assert not kept.may_change("bob", "user")


def test_account_row__leaves_its_data_sets(database: Database) -> None:
    add(database, "ada")
    add(database, "eve", role="admin")
    kept = connect(database)
    with database.write() as session:
        session.execute(text("DELETE FROM account WHERE username = 'ada'"))
    [left] = data_sets.list_of(database)
    assert (left.name, left.added_by) == ("Cells", None)
    data_sets.disconnect(database, "eve", kept.id)


def test_migration__adds_the_table_to_an_older_database(config: Settings) -> None:
    engine = at_revision(config, "0002")
    with databases.Database(engine).write() as session:
        add_account(session, 1, "ada", "user", datetime.now(UTC))
    engine.dispose()
    again = databases.connect(config)
    assert connect(again) == data_sets.list_of(again)[0]
    again.engine.dispose()


def test_connect__processes_want_one_name(config: Settings) -> None:
    add(databases.connect(config), "ada")
    with forking.CONTEXT.Pool(3) as pool:
        kept = pool.map(_connect_ten, [(config, number) for number in range(3)])
    assert sum(kept) == 10
    assert len(data_sets.list_of(databases.connect(config))) == 10


def _connect_ten(given: tuple[Settings, int]) -> int:
    (config, process), kept = given, 0
    opened = databases.connect(config)
    for number in range(10):
        name = f"set {number}" if process else f"SET {number}"
        with contextlib.suppress(StoreError):
            connect(opened, name, path=Path(f"/{process}/{number}"))
            kept += 1
    return kept
