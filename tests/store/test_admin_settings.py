import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete

from allcore.errors import StoreError
from allcore.store import accounts, admin_settings, audit
from allcore.store.database import Database
from allcore.store.models import Account
from tests.store.people import add


@pytest.fixture
def people(database: Database) -> Database:
    for name in ("boss", "chief"):
        add(database, name, role="admin", password=None)
    add(database, "ada", password=None)
    return database


def values(database: Database) -> dict[str, Any]:
    return {key: kept.value for key, kept in admin_settings.read_all(database).items()}


def test_read__defaults_until_someone_changes_them(people: Database) -> None:
    first = {"keep_pictures": False, "picture_days": 30, "history_days": None}
    first |= {"registration": None, "approval": False}
    assert values(people).items() >= first.items()
    assert admin_settings.read(people, "picture_days").changed_at is None


def test_change__keeps_who_and_when(people: Database) -> None:
    admin_settings.change(people, "BOSS", {"keep_pictures": True, "picture_days": 7})
    admin_settings.change(people, "chief", {"keep_pictures": True, "history_days": 90})
    changed = {"keep_pictures": True, "picture_days": 7, "history_days": 90}
    assert values(people).items() >= changed.items()
    kept = admin_settings.read_all(people)
    assert [kept[key].changed_by for key in changed] == ["boss", "boss", "chief"]
    at = kept["keep_pictures"].changed_at
    assert at
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)
    admin_settings.change(people, "boss", {"history_days": None})
    assert values(people)["history_days"] is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("keep_pictures", 1),
        ("captcha", "yes"),
        ("data_roots", "/one"),
        ("data_roots", ["/one"] * 21),
        ("data_roots", ["/" + "x" * 1500]),
        ("data_roots", ["/a\nb"]),
        ("keep_pictures", None),
        ("picture_days", 0),
        ("picture_days", 3651),
        ("picture_days", None),
        ("picture_days", 7.5),
        ("picture_days", True),
        ("history_days", 0),
        ("history_days", "90"),
        ("colour", "red"),
    ],
)
def test_change__refuses_all_where_one_breaks_its_rule(
    people: Database, key: str, value: object
) -> None:
    with pytest.raises(StoreError, match=key):
        admin_settings.change(people, "boss", {"picture_days": 5, key: value})
    assert values(people)["picture_days"] == 30


def test_change__administrators_only(people: Database) -> None:
    with pytest.raises(StoreError, match="Only an administrator"):
        admin_settings.change(people, "ada", {"keep_pictures": True})
    accounts.set_active(people, "chief", active=False)
    with pytest.raises(StoreError, match="Only an administrator"):
        admin_settings.change(people, "chief", {"keep_pictures": True})
    assert values(people)["keep_pictures"] is False


def test_change__stays_when_the_account_goes(people: Database) -> None:
    admin_settings.change(people, "chief", {"picture_days": 7})
    with people.write() as session:
        session.execute(delete(Account).where(Account.username == "chief"))
    kept = admin_settings.read(people, "picture_days")
    assert (kept.value, kept.changed_by) == (7, None)


def test_update__makes_the_new_value_of_the_last_one(people: Database) -> None:
    for username, folder in (("boss", "/one"), ("chief", "/two")):
        admin_settings.update(
            people,
            username,
            "data_roots",
            lambda kept, new=folder: [*kept, new],
            address="10.0.0.7",
        )
    kept = admin_settings.read(people, "data_roots")
    assert (kept.value, kept.changed_by) == (["/one", "/two"], "chief")
    last, _first = audit.search(people, audit.AuditQuery(action="setting changed")).entries
    assert (last.username, last.target, last.address) == ("chief", "data_roots", "10.0.0.7")
    assert json.loads(last.detail) == {"from": ["/one"], "to": ["/one", "/two"]}


def test_update__as_change_refuses(people: Database) -> None:
    with pytest.raises(StoreError, match="Only an administrator"):
        admin_settings.update(people, "ada", "data_roots", lambda kept: [*kept, "/one"])
    with pytest.raises(StoreError, match="data_roots"):
        admin_settings.update(people, "boss", "data_roots", lambda kept: [1])
    assert values(people)["data_roots"] == []


def test_update__many_at_once_lose_nothing(people: Database) -> None:
    names = [f"/{number}" for number in range(8)]
    threads = [
        threading.Thread(
            target=admin_settings.update,
            args=(people, "boss", "data_roots", lambda kept, new=name: [*kept, new]),
        )
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(values(people)["data_roots"]) == names
