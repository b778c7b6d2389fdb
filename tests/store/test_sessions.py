from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from allcore.errors import StoreError
from allcore.store import accounts, audit, sessions, sign_in
from allcore.store.database import Database
from allcore.store.sessions import SessionLimits
from tests.store.people import PASSWORD, add

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LIMITS = SessionLimits(life=timedelta(days=7), idle=timedelta(hours=12))


def goes_on(database: Database, key: str, *, after: timedelta = timedelta(0)) -> bool:
    return sessions.resume(database, key, LIMITS, now=NOON + after) is not None


def test_resume__gives_whose_it_is(database: Database) -> None:
    ada = add(database, "ada")
    key = sessions.begin(database, ada, now=NOON)
    assert sessions.resume(database, key, LIMITS, now=NOON) == replace(ada, last_sign_in=NOON)
    assert not goes_on(database, key + "x")
    assert not goes_on(database, "")


def test_last_uses__of_each_account(database: Database) -> None:
    ada, _ = add(database, "ada"), add(database, "bob")
    sessions.begin(database, ada, now=NOON)
    key = sessions.begin(database, ada, now=NOON - timedelta(days=1))
    sessions.end(database, key)
    assert sessions.last_uses(database) == {ada.id: NOON}


def test_end__makes_a_copied_key_useless(database: Database) -> None:
    ada = add(database, "ada")
    mine, other = (sessions.begin(database, ada, now=NOON) for _ in range(2))
    sessions.end(database, mine)
    assert not goes_on(database, mine)
    assert goes_on(database, other)


def test_resume__ends_by_age_however_often_it_is_used(database: Database) -> None:
    key = sessions.begin(database, add(database, "ada"), now=NOON)
    for hours in range(0, 7 * 24, 11):
        assert goes_on(database, key, after=timedelta(hours=hours))
    assert not goes_on(database, key, after=timedelta(days=7))


def test_resume__ends_by_lying_idle(database: Database) -> None:
    key = sessions.begin(database, add(database, "ada"), now=NOON)
    assert goes_on(database, key, after=timedelta(hours=11))
    assert goes_on(database, key, after=timedelta(hours=22))
    assert not goes_on(database, key, after=timedelta(hours=34))
    never = SessionLimits(life=timedelta(days=7))
    assert sessions.resume(database, key, never, now=NOON + timedelta(hours=40))


@pytest.mark.parametrize("change", ["password", "role", "disabled", "everywhere", "waiting"])
def test_resume__ends_when_the_account_changes(database: Database, change: str) -> None:
    ada = add(database, "ada")
    add(database, "bob")
    bobs = accounts.find(database, "bob")
    assert bobs
    key, his = (sessions.begin(database, each, now=NOON) for each in (ada, bobs))
    if change == "password":
        sign_in.change_password(database, "ada", current=PASSWORD, new="another password")
    elif change == "role":
        accounts.set_role(database, "ada", "reviewer")
    elif change == "disabled":
        accounts.set_active(database, "ada", active=False)
        accounts.set_active(database, "ada", active=True)
    elif change == "everywhere":
        sessions.end_all(database, "ada")
    else:
        with database.write() as session:
            accounts.existing(session, "ada").waiting = True
    assert not goes_on(database, key)
    assert goes_on(database, his)


def test_set_role__the_same_again_ends_nothing(database: Database) -> None:
    key = sessions.begin(database, add(database, "ada"), now=NOON)
    accounts.set_role(database, "ada", "user")
    assert goes_on(database, key)


def test_listed__where_and_when(database: Database) -> None:
    ada = add(database, "ada")
    first = sessions.begin(database, ada, address="10.0.0.1", now=NOON)
    later = NOON + timedelta(hours=1)
    sessions.begin(database, ada, address="10.0.0.2", now=later)
    found = sessions.list_open(database, "Ada", LIMITS, key=first, now=later)
    assert [(each.address, each.began_at, each.is_current) for each in found] == [
        ("10.0.0.2", later, False),
        ("10.0.0.1", NOON, True),
    ]
    goes_on(database, first, after=timedelta(hours=2))
    [used, _] = sessions.list_open(database, "ada", LIMITS, now=later)
    assert used.used_at == NOON + timedelta(hours=2)


def test_end_one__of_ones_own_alone(database: Database) -> None:
    ada = add(database, "ada")
    add(database, "bob")
    key = sessions.begin(database, ada, now=NOON)
    [only] = sessions.list_open(database, "ada", LIMITS, now=NOON)
    sessions.end_one(database, "bob", only.id)
    assert goes_on(database, key)
    sessions.end_one(database, "ada", only.id)
    assert not goes_on(database, key)


def test_end_all__but_this_one(database: Database) -> None:
    ada = add(database, "ada")
    mine, other = (sessions.begin(database, ada, now=NOON) for _ in range(2))
    sessions.end_all(database, "ada", except_key=mine)
    assert goes_on(database, mine)
    assert not goes_on(database, other)
    assert audit.search(database, audit.AuditQuery(action="signed out everywhere")).total == 1
    with pytest.raises(StoreError, match="no account named"):
        sessions.end_all(database, "nobody")


def test_sign_out__has_a_line_and_only_one(database: Database) -> None:
    key = sessions.begin(database, add(database, "ada"), now=NOON)
    for _ in range(2):
        sessions.sign_out(database, key, address="10.0.0.7")
    sessions.sign_out(database, "nobody's")
    assert not goes_on(database, key)
    [line] = audit.search(database, audit.AuditQuery(action="signed out")).entries
    assert (line.username, line.target, line.address) == ("ada", "ada", "10.0.0.7")


def test_end_one__has_a_line_and_only_one(database: Database) -> None:
    sessions.begin(database, add(database, "ada"), address="10.0.0.9", now=NOON)
    add(database, "bob")
    [only] = sessions.list_open(database, "ada", LIMITS, now=NOON)
    for name in ("bob", "ada", "ada"):
        sessions.end_one(database, name, only.id, address="10.0.0.7")
    [line] = audit.search(database, audit.AuditQuery(action="session ended")).entries
    assert (line.username, line.address) == ("ada", "10.0.0.7")
    assert "10.0.0.9" in line.detail
