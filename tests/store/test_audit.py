import contextlib
import csv
import io
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy
from sqlalchemy import text

from allcore.errors import StoreError
from allcore.store import audit
from allcore.store.audit import By, Query
from allcore.store.database import Database
from tests.store.people import add


def note(database: Database, what: str, *, who: int | None = None, **more: str) -> None:
    with database.write() as session:
        audit.record(session, who=who, what=what, **more)


def test_record__keeps_who_what_where(database: Database) -> None:
    ada = add(database, "ada")
    before = datetime.now(UTC)
    with database.write() as session:
        audit.record(
            session,
            who=ada.id,
            what="role changed",
            on="bob",
            where="10.0.0.7",
            detail={"from": "user", "to": "admin"},
        )
    [line] = audit.search(database, Query(what="role changed")).lines
    assert (line.account, line.username, line.what) == (ada.id, "ada", "role changed")
    assert (line.on, line.where) == ("bob", "10.0.0.7")
    assert json.loads(line.detail) == {"from": "user", "to": "admin"}
    assert before <= line.at <= datetime.now(UTC)


def test_record__nobody_signed_in_and_what_cannot_be_shown(database: Database) -> None:
    note(database, "locked", on="a\0b" + "x" * 400, where="h\n1")
    [line] = audit.search(database, Query(what="locked")).lines
    assert (line.account, line.username, line.detail) == (None, "", "")
    assert len(line.on) == audit.MAX_ON
    assert line.on.isprintable()
    assert line.where == "h\ufffd1"


def test_record__goes_with_a_change_that_is_undone(database: Database) -> None:
    with contextlib.suppress(StoreError), database.write() as session:
        audit.record(session, who=None, what="undone")
        raise StoreError("no")
    assert audit.search(database, Query(what="undone")).total == 0


@pytest.mark.parametrize(
    "change",
    ["UPDATE audit SET what = 'nothing'", "DELETE FROM audit", "DELETE FROM audit WHERE id = 1"],
)
def test_audit__refuses_change_and_deletion(database: Database, change: str) -> None:
    note(database, "kept")
    refused = pytest.raises(sqlalchemy.exc.DBAPIError, match="only grows")
    with refused, database.engine.begin() as connection:
        connection.execute(text(change))
    assert audit.search(database, Query(what="kept")).total == 1


def test_audit__refuses_truncate(database: Database) -> None:
    if database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no TRUNCATE")
    note(database, "kept")
    refused = pytest.raises(sqlalchemy.exc.DBAPIError, match="only grows")
    with refused, database.engine.begin() as connection:
        connection.execute(text("TRUNCATE audit"))
    assert audit.search(database, Query(what="kept")).total == 1


def test_record__stays_when_the_account_goes(database: Database) -> None:
    ada = add(database, "ada")
    note(database, "looked", who=ada.id)
    with database.write() as session:
        session.execute(text("DELETE FROM account"))
    [line] = audit.search(database, Query(what="looked")).lines
    assert (line.account, line.username) == (ada.id, "ada")


def test_search__filters_and_pages(database: Database) -> None:
    ada, bob = add(database, "ada"), add(database, "bob")
    start = datetime.now(UTC)
    for number in range(3):
        note(database, "first", who=ada.id, on=f"cell{number}", where="10.0.0.1")
    middle = datetime.now(UTC)
    note(database, "second", who=bob.id, on="100%", where="10.0.0.2")

    def found(**query: object) -> list[str]:
        return [line.on for line in audit.search(database, Query(**query)).lines]  # type: ignore[arg-type]

    assert found(since=start) == ["100%", "cell2", "cell1", "cell0"]
    assert found(who=" ADA ", since=start) == ["cell2", "cell1", "cell0"]
    assert found(what="second") == ["100%"]
    assert found(since=middle) == ["100%"]
    assert found(since=start, until=middle) == ["cell2", "cell1", "cell0"]
    assert found(since=datetime.now(UTC) + timedelta(hours=1)) == []
    assert found(text="CELL1") == ["cell1"]
    assert found(text="0.0.2") == ["100%"]
    assert found(text="%") == ["100%"]
    page = audit.search(database, Query(since=start), offset=1, limit=2)
    assert ([line.on for line in page.lines], page.total) == (["cell2", "cell1"], 4)
    assert {"first", "second"} <= set(audit.kinds(database))


def test_csv_bytes__no_cell_is_a_formula(database: Database) -> None:
    note(database, "tried", on="=1+1", where="@host")
    note(database, "tried", on='a "b", c\nd')
    rows = list(
        csv.DictReader(io.StringIO(audit.csv_bytes(database, Query(what="tried")).decode()))
    )
    assert [row["on"] for row in rows] == ['a "b", c\ufffdd', "'=1+1"]
    assert rows[1]["where"] == "'@host"
    assert datetime.fromisoformat(rows[0]["at"]).utcoffset() == timedelta(0)


def test_record_by__names_the_account_or_the_command_line(database: Database) -> None:
    ada = add(database, "ada")
    with database.write() as session:
        audit.record_by(session, By("Ada", "10.0.0.1"), what="done", on="x")
        audit.record_by(session, By(), what="done", on="y")
    second, first = audit.search(database, Query(what="done")).lines
    assert (first.account, first.username, first.where) == (ada.id, "ada", "10.0.0.1")
    assert (second.account, second.username, second.where) == (None, "", audit.COMMAND_LINE)


def test_record__threads_lose_nothing(database: Database) -> None:
    def many() -> None:
        for _ in range(25):
            note(database, "counted")

    threads = [threading.Thread(target=many) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert audit.search(database, Query(what="counted")).total == 100
