import hashlib
import json
import os
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from allcore.errors import StoreError
from allcore.inference.results import Prediction
from allcore.settings import Settings
from allcore.store import (
    accounts,
    admin_settings,
    audit,
    backup,
    database,
    history,
    pictures,
    slices,
)
from allcore.store.audit import AuditQuery
from allcore.store.database import Database
from allcore.store.history import HistoryAnswer
from allcore.store.models import Base
from tests.store.people import add


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLSCOPE_HOME", str(tmp_path / "home"))


@pytest.fixture
def full(database: Database) -> Database:
    add(database, "boss", role="admin")
    add(database, "ada", display_name="Ädä", email="a@b.org")
    admin_settings.change(database, "boss", {"keep_pictures": True})
    answer = HistoryAnswer(
        "cell.bmp", "a" * 64, "net", "f" * 64, 1, Prediction("all", 0.9, 2.0, 0.1 + 0.2)
    )
    history.add(database, "ada", [answer], picture_bytes={"a" * 64: b"picture"})
    slices.save(database, "ada", of="net", name="mine", image_ids=["x", "y"])
    return database


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database beside the one of the test."""
    opened = database.connect(Settings(home=tmp_path / "other", database_url=None))
    yield opened
    opened.engine.dispose()


def rows(opened: Database) -> dict[str, list[dict[str, Any]]]:
    """All rows but those that a backup and a restore write themselves."""
    with opened.engine.connect() as connection:
        found = {
            table.name: [
                dict(row)
                for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()
            ]
            for table in Base.metadata.sorted_tables
        }
    own = ("backup made", "database restored")
    found["audit"] = [row for row in found["audit"] if row["what"] not in own]
    return found


def test_restore__gives_back_every_row(full: Database, other: Database, tmp_path: Path) -> None:
    file = tmp_path / "b.zip"
    made = backup.make(full, file)
    assert (made.rows["account"], made.rows["prediction"]) == (2, 1)
    assert os.stat(file).st_mode & 0o777 == 0o600
    assert backup.check(file) == made
    assert backup.restore(other, file) == made
    before, after = rows(full), rows(other)
    assert before.pop("kept_picture") != after.pop("kept_picture") == []
    assert after == before
    assert audit.search(other, AuditQuery(action="database restored")).total == 1
    assert add(other, "bob").id == 3


def test_restore__from_the_other_kind(full: Database, other: Database, tmp_path: Path) -> None:
    there, back = tmp_path / "there.zip", tmp_path / "back.zip"
    before = rows(full)
    backup.make(full, there, with_pictures=True)
    backup.restore(other, there, with_pictures=True)
    backup.make(other, back, with_pictures=True)
    add(full, "late")
    backup.restore(full, back, replace=True, with_pictures=True)
    assert rows(full) == before
    assert pictures.read(full, "ada", "a" * 64) == b"picture"
    assert add(full, "bob").id == 3
    with pytest.raises(Exception, match="only grows"), full.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM audit")


def test_restore__only_into_an_empty_database(full: Database, tmp_path: Path) -> None:
    backup.make(full, tmp_path / "b.zip")
    before = rows(full)
    with pytest.raises(StoreError, match="--replace"):
        backup.restore(full, tmp_path / "b.zip")
    assert rows(full) == before


def altered(file: Path, name: str, change: Any) -> None:
    """Write a part of a backup anew."""
    with zipfile.ZipFile(file) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    parts[name] = change(parts[name])
    with zipfile.ZipFile(file, "w") as archive:
        for each, data in parts.items():
            archive.writestr(each, data)


def test_restore__damaged_changes_nothing(full: Database, tmp_path: Path) -> None:
    file, before = tmp_path / "b.zip", rows(full)
    backup.make(full, file)
    whole = file.read_bytes()
    altered(file, "tables/account.jsonl", lambda data: data.replace(b"boss", b"bass"))
    with pytest.raises(StoreError, match="damaged"):
        backup.restore(full, file, replace=True)
    for broken in (whole[: len(whole) // 2], whole[:-30], b"", b"no zip"):
        file.write_bytes(broken)
        with pytest.raises(StoreError, match="damaged"):
            backup.restore(full, file, replace=True)
    with pytest.raises(StoreError, match="can't be read"):
        backup.check(tmp_path / "none.zip")
    assert rows(full) == before


def test_restore__a_newer_revision_is_refused(full: Database, tmp_path: Path) -> None:
    file = tmp_path / "b.zip"
    backup.make(full, file)
    altered(
        file,
        backup.CONTENTS,
        lambda data: json.dumps({**json.loads(data), "revision": "9999"}).encode(),
    )
    with pytest.raises(StoreError, match="newer ALLScope"):
        backup.restore(full, file, replace=True)


def test_restore__of_a_revision_before_the_first_release(
    full: Database, other: Database, tmp_path: Path
) -> None:
    """In revision 0004 each user could review, and nobody had to wait."""
    file = tmp_path / "b.zip"
    backup.make(full, file)
    later = {"account": ("waiting", "toured_at"), "prediction": ("cell", "cut", "profile")}
    parts = {}
    for table, columns in later.items():
        kept = [{k: v for k, v in row.items() if k not in columns} for row in rows(full)[table]]
        name, lines = f"tables/{table}.jsonl", [json.dumps(row, default=str) for row in kept]
        parts[name] = "\n".join(lines).encode()
        altered(file, name, lambda _, part=parts[name]: part)

    def older(data: bytes) -> bytes:
        contents = json.loads(data)
        contents["revision"] = "0004"
        for name, part in parts.items():
            contents["parts"][name]["sha256"] = hashlib.sha256(part).hexdigest()
        return json.dumps(contents).encode()

    altered(file, backup.CONTENTS, older)
    backup.restore(other, file)
    found = {account.username: account for account in accounts.list_all(other)}
    assert {name: account.role for name, account in found.items()} == {
        "boss": "admin",
        "ada": "reviewer",
    }
    assert not any(account.waiting for account in found.values())
    assert all(account.toured_at for account in found.values())
    assert rows(other)["prediction"] == rows(full)["prediction"]


def test_restore__fails_in_the_middle_and_changes_nothing(
    full: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, before = tmp_path / "b.zip", rows(full)
    backup.make(full, file)

    def fail(*_: object) -> None:
        raise StoreError("stop")

    monkeypatch.setattr(backup, "_from_json", fail)
    with pytest.raises(StoreError, match="stop"):
        backup.restore(full, file, replace=True)
    assert rows(full) == before


def test_make__one_moment_while_writers_write(
    full: Database, other: Database, tmp_path: Path
) -> None:
    """Every slice is kept with its line of the log; a backup never holds one without the other."""
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with full.write() as session:
                audit.record(session, "paired", target=str(number))
                audit.record(session, "pair", target=str(number))

    writers = [threading.Thread(target=write) for _ in range(2)]
    for each in writers:
        each.start()
    try:
        made = [backup.make(full, tmp_path / f"{number}.zip") for number in range(3)]
    finally:
        stop.set()
        for each in writers:
            each.join()
    assert made[0].rows["audit"] < made[2].rows["audit"]
    backup.restore(other, tmp_path / "2.zip")
    found = [audit.search(other, AuditQuery(action=what)).total for what in ("paired", "pair")]
    assert found[0] == found[1] > 0
