import multiprocessing
from datetime import UTC, datetime, timedelta

import bcrypt
import pytest

from allcore.errors import StoreError
from allcore.settings import Settings
from allcore.store import accounts, sign_in
from allcore.store import database as databases
from allcore.store.database import Database
from tests.store.people import PASSWORD, add, fewest_rounds

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WRONG = "wrong horse battery"


def refusal(database: Database, username: str, password: str, *, now: datetime = NOON) -> str:
    with pytest.raises(StoreError) as caught:
        sign_in.authenticate(database, username, password, now=now)
    return str(caught.value)


def test_authenticate__notes_when(database: Database) -> None:
    add(database, "ada")
    assert sign_in.authenticate(database, " Ada ", PASSWORD, now=NOON).last_sign_in == NOON


def test_authenticate__one_sentence_for_every_reason(database: Database) -> None:
    add(database, "ada")
    add(database, "new", password=None)
    add(database, "off")
    accounts.set_active(database, "off", active=False)
    tries = [("ada", WRONG), ("nobody", PASSWORD), ("new", PASSWORD), ("off", PASSWORD), ("", "")]
    assert {refusal(database, *entered) for entered in tries} == {sign_in.WRONG}


@pytest.mark.parametrize("username", ["ada", "nobody", "new", "off"])
def test_authenticate__same_work_for_any_name(
    database: Database, username: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(database, "ada")
    add(database, "new", password=None)
    add(database, "off")
    accounts.set_active(database, "off", active=False)
    refusal(database, "warm up", WRONG)
    compared: list[bytes] = []
    original = bcrypt.checkpw

    def counted(password: bytes, hashed: bytes) -> bool:
        compared.append(hashed[:7])
        return original(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    refusal(database, username, WRONG)
    assert compared == [b"$2b$04$"]  # one comparison, of the same cost


@pytest.mark.parametrize("username", ["ada", "nobody"])
def test_lock__comes_and_ends(database: Database, username: str) -> None:
    add(database, "ada")
    for _ in range(sign_in.LIMIT):
        assert refusal(database, username, WRONG) == sign_in.WRONG
    assert refusal(database, username, PASSWORD).endswith("try again in 15 minutes.")
    late = NOON + sign_in.LOCK
    assert refusal(database, username, PASSWORD, now=late - timedelta(seconds=1)).endswith(
        "try again in 1 minute."
    )
    if username == "ada":
        sign_in.authenticate(database, username, PASSWORD, now=late)
    else:
        assert refusal(database, username, PASSWORD, now=late) == sign_in.WRONG


def test_lock__trying_on_does_not_prolong_it(database: Database) -> None:
    add(database, "ada")
    for seconds in range(1000):
        refusal(database, "ada", WRONG, now=NOON + timedelta(seconds=seconds / 2))
    end = NOON + timedelta(seconds=(sign_in.LIMIT - 1) / 2) + sign_in.LOCK
    sign_in.authenticate(database, "ada", PASSWORD, now=end)


def test_lock__is_of_one_name(database: Database) -> None:
    add(database, "ada")
    for _ in range(sign_in.LIMIT):
        refusal(database, "bob", WRONG)
    sign_in.authenticate(database, "ada", PASSWORD, now=NOON)


def test_lock__slow_tries_do_not_lock(database: Database) -> None:
    add(database, "ada")
    for tries in range(3 * sign_in.LIMIT):
        now = NOON + tries * timedelta(minutes=2)
        assert refusal(database, "ada", WRONG, now=now) == sign_in.WRONG


def test_lock__success_clears_the_count(database: Database) -> None:
    add(database, "ada")
    for _ in range(3):
        for _ in range(sign_in.LIMIT - 1):
            refusal(database, "ada", WRONG)
        sign_in.authenticate(database, "ada", PASSWORD, now=NOON)


def test_lock__holds_over_processes(config: Settings) -> None:
    add(databases.connect(config), "ada")
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        compared = pool.map(_guesses, [config] * 4)
    assert sum(compared) == sign_in.LIMIT


def test_change_password__ends_sessions(database: Database) -> None:
    before = add(database, "ada")
    changed = sign_in.change_password(database, "ada", current=PASSWORD, new="another password")
    assert changed.session_version > before.session_version
    assert refusal(database, "ada", PASSWORD) == sign_in.WRONG
    sign_in.authenticate(database, "ada", "another password")


def test_change_password__refuses(database: Database) -> None:
    before = add(database, "ada")
    with pytest.raises(StoreError, match="wrong"):
        sign_in.change_password(database, "ada", current=WRONG, new="another password")
    with pytest.raises(StoreError, match="12 to 64"):
        sign_in.change_password(database, "ada", current=PASSWORD, new="short")
    assert accounts.find(database, "ada") == before


def _guesses(config: Settings) -> int:
    fewest_rounds()
    database, compared = databases.connect(config), 0
    for _ in range(10):
        try:
            sign_in.authenticate(database, "ada", WRONG)
        except StoreError as error:
            compared += str(error) == sign_in.WRONG
    return compared
