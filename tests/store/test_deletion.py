import threading
from pathlib import Path

import pytest

from allcore.errors import StoreError
from allcore.inference.results import Prediction
from allcore.store import (
    accounts,
    admin_settings,
    audit,
    data_sets,
    deletion,
    history,
    pictures,
    reviews,
    slices,
)
from allcore.store.audit import Actor, AuditQuery
from allcore.store.database import Database
from allcore.store.history import HistoryAnswer
from tests.store.people import add


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLSCOPE_HOME", str(tmp_path / "home"))


def ask(database: Database, username: str, sha256: str) -> None:
    answer = HistoryAnswer("cell.bmp", sha256, "net", "f" * 64, 1, Prediction("all", 0.9, 2.0, 0.5))
    history.add(database, username, [answer], picture_bytes={sha256: b"picture"})


@pytest.fixture
def full(database: Database, tmp_path: Path) -> Database:
    """Three people, of whom ada has left records of every kind."""
    add(database, "boss", role="admin")
    add(database, "ada", role="reviewer")
    add(database, "bob", role="reviewer")
    admin_settings.change(database, "boss", {"keep_pictures": True})
    for name in ("ada", "bob"):
        ask(database, name, "a" * 64)
    slices.save(database, "ada", of="net", name="mine", image_ids=["x"])
    reviews.queue_cells(database, "ada", of="net", reasons={"x": "error"})
    reviews.judge(database, "ada", of="net", image_id="x", seen="all")
    data_sets.connect(database, "ada", name="cells", path=tmp_path)
    return database


def test_delete__takes_own_records_and_leaves_what_others_rely_on(full: Database) -> None:
    ada = accounts.find(full, "ada")
    assert ada
    found = deletion.records(full, "ada")
    assert found == deletion.AccountRecords(1, 0, 1, 1, 1, 1, 1)
    assert deletion.delete(full, "ada", by=Actor("boss", "10.0.0.1")) == found
    assert accounts.find(full, "ada") is None
    assert history.search(full, "ada").total == 0
    assert not list((pictures.root() / str(ada.id)).glob("*"))
    [item] = reviews.items(full, of="net")
    assert (item.image_id, item.added_by) == ("x", None)
    [judged] = reviews.judgements(full, of="net")
    assert (judged.username, judged.seen) == ("", "all")
    [data_set] = data_sets.list_of(full)
    assert data_set.added_by is None


def test_delete__leaves_others_alone(full: Database) -> None:
    deletion.delete(full, "ada")
    assert history.search(full, "bob").total == 1
    assert pictures.read(full, "bob", "a" * 64) == b"picture"


def test_delete__is_told_with_the_name(full: Database) -> None:
    deletion.delete(full, "ada", by=Actor("boss", "10.0.0.1"))
    [line] = audit.search(full, AuditQuery(action="account deleted")).entries
    assert (line.username, line.target, line.address) == ("boss", "ada", "10.0.0.1")
    assert '"answers": 1' in line.detail
    [connected] = audit.search(full, AuditQuery(action="data set connected")).entries
    assert connected.username == "ada"


def test_delete__again_under_the_same_name_sees_nothing(full: Database) -> None:
    deletion.delete(full, "ada")
    add(full, "ada")
    assert deletion.records(full, "ada") == deletion.AccountRecords(0, 0, 0, 0, 0, 0, 0)


def test_delete__keeps_the_last_administrator(full: Database) -> None:
    with pytest.raises(StoreError, match="last active administrator"):
        deletion.delete(full, "boss")
    assert accounts.find(full, "boss")
    assert audit.search(full, AuditQuery(action="account deleted")).total == 0
    with pytest.raises(StoreError, match="no account"):
        deletion.delete(full, "nobody")


@pytest.mark.parametrize("way", ["delete", "disable", "demote"])
def test_last_administrator__not_by_two_at_once(database: Database, way: str) -> None:
    add(database, "one", role="admin")
    add(database, "two", role="admin")
    ways = {
        "delete": lambda name: deletion.delete(database, name),
        "disable": lambda name: accounts.set_active(database, name, active=False),
        "demote": lambda name: accounts.set_role(database, name, "user"),
    }
    refused, start = [], threading.Barrier(2)

    def act(name: str) -> None:
        start.wait()
        try:
            ways[way](name)
        except StoreError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=act, args=(name,)) for name in ("one", "two")]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(refused) == 1
    left = [each for each in accounts.list_all(database) if each.active and each.role == "admin"]
    assert len(left) == 1
