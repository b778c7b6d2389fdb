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
from allcore.store.audit import Actor, AuditQuery
from allcore.store.database import Database
from allcore.store.models import Account
from tests.store.people import add


def note(
    database: Database, action: str, *, username: str = "", target: str = "", address: str = ""
) -> None:
    with database.write() as session:
        audit.record(session, action, by=Actor(username, address), target=target)


def test_record__keeps_who_what_where(database: Database) -> None:
    ada = add(database, "ada")
    before = datetime.now(UTC)
    with database.write() as session:
        audit.record(
            session,
            "role changed",
            by=session.get(Account, ada.id),
            target="bob",
            address="10.0.0.7",
            detail={"from": "user", "to": "admin"},
        )
    [line] = audit.search(database, AuditQuery(action="role changed")).entries
    assert (line.account_id, line.username, line.action) == (ada.id, "ada", "role changed")
    assert (line.target, line.address) == ("bob", "10.0.0.7")
    assert json.loads(line.detail) == {"from": "user", "to": "admin"}
    assert before <= line.at <= datetime.now(UTC)


def test_record__nobody_signed_in_and_what_cannot_be_shown(database: Database) -> None:
    note(database, "locked", target="a\0b" + "x" * 400, address="h\n1")
    [line] = audit.search(database, AuditQuery(action="locked")).entries
    assert (line.account_id, line.username, line.detail) == (None, "", "")
    assert len(line.target) == audit.MAX_TARGET
    assert line.target.isprintable()
    assert line.address == "h\ufffd1"


def test_record__goes_with_a_change_that_is_undone(database: Database) -> None:
    with contextlib.suppress(StoreError), database.write() as session:
        audit.record(session, "undone")
        raise StoreError("no")
    assert audit.search(database, AuditQuery(action="undone")).total == 0


@pytest.mark.parametrize(
    "change",
    ["UPDATE audit SET what = 'nothing'", "DELETE FROM audit", "DELETE FROM audit WHERE id = 1"],
)
def test_audit__refuses_change_and_deletion(database: Database, change: str) -> None:
    note(database, "kept")
    refused = pytest.raises(sqlalchemy.exc.DBAPIError, match="only grows")
    with refused, database.engine.begin() as connection:
        connection.execute(text(change))
    assert audit.search(database, AuditQuery(action="kept")).total == 1


def test_audit__refuses_truncate(database: Database) -> None:
    if database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no TRUNCATE")
    note(database, "kept")
    refused = pytest.raises(sqlalchemy.exc.DBAPIError, match="only grows")
    with refused, database.engine.begin() as connection:
        connection.execute(text("TRUNCATE audit"))
    assert audit.search(database, AuditQuery(action="kept")).total == 1


def test_record__stays_when_the_account_goes(database: Database) -> None:
    ada = add(database, "ada")
    note(database, "looked", username="ada")
    with database.write() as session:
        session.execute(text("DELETE FROM account"))
    [line] = audit.search(database, AuditQuery(action="looked")).entries
    assert (line.account_id, line.username) == (ada.id, "ada")


def test_search__filters_and_pages(database: Database) -> None:
    add(database, "ada")
    add(database, "bob")
    start = datetime.now(UTC)
    for number in range(3):
        note(database, "first", username="ada", target=f"cell{number}", address="10.0.0.1")
    middle = datetime.now(UTC)
    note(database, "second", username="bob", target="100%", address="10.0.0.2")

    def found(**query: object) -> list[str]:
        return [line.target for line in audit.search(database, AuditQuery(**query)).entries]  # type: ignore[arg-type]

    assert found(since=start) == ["100%", "cell2", "cell1", "cell0"]
    assert found(username=" ADA ", since=start) == ["cell2", "cell1", "cell0"]
    assert found(action="second") == ["100%"]
    assert found(since=middle) == ["100%"]
    assert found(since=start, until=middle) == ["cell2", "cell1", "cell0"]
    assert found(since=datetime.now(UTC) + timedelta(hours=1)) == []
    assert found(text="CELL1") == ["cell1"]
    assert found(text="0.0.2") == ["100%"]
    assert found(text="%") == ["100%"]
    page = audit.search(database, AuditQuery(since=start), offset=1, limit=2)
    assert ([line.target for line in page.entries], page.total) == (["cell2", "cell1"], 4)
    assert {"first", "second"} <= set(audit.actions(database))


def test_csv_bytes__no_cell_is_a_formula(database: Database) -> None:
    note(database, "tried", target="=1+1", address="@host")
    note(database, "tried", target='a "b", c\nd')
    rows = list(
        csv.DictReader(io.StringIO(audit.csv_bytes(database, AuditQuery(action="tried")).decode()))
    )
    assert [row["on"] for row in rows] == ['a "b", c\ufffdd', "'=1+1"]
    assert rows[1]["where"] == "'@host"
    assert datetime.fromisoformat(rows[0]["at"]).utcoffset() == timedelta(0)


def test_record__names_the_account_or_the_command_line(database: Database) -> None:
    ada = add(database, "ada")
    with database.write() as session:
        audit.record(session, "done", by=Actor("Ada", "10.0.0.1"), target="x")
        audit.record(session, "done", target="y")
    second, first = audit.search(database, AuditQuery(action="done")).entries
    assert (first.account_id, first.username, first.address) == (ada.id, "ada", "10.0.0.1")
    assert (second.account_id, second.username, second.address) == (None, "", audit.COMMAND_LINE)


def test_record__threads_lose_nothing(database: Database) -> None:
    def many() -> None:
        for _ in range(25):
            note(database, "counted")

    threads = [threading.Thread(target=many) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert audit.search(database, AuditQuery(action="counted")).total == 100
