import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import bcrypt
import pytest
from sqlalchemy import select

from allcore.errors import StoreError
from allcore.settings import Settings
from allcore.store import accounts, audit, codes, deletion, passwords, sessions, sign_in
from allcore.store import database as databases
from allcore.store.database import Database
from allcore.store.models import SignInAttempt
from tests import forking
from tests.store.people import PASSWORD, add, fewest_rounds

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WRONG = "wrong horse battery"


def refusal(
    database: Database, username: str, password: str, *, now: datetime = NOON, address: str = ""
) -> str:
    with pytest.raises(StoreError) as caught:
        sign_in.authenticate(database, username, password, now=now, address=address)
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

    def hashed(name: bytes, **options: Any) -> bytes:
        hashes.append(options["n"])
        return scrypt(name, **options)

    hashes: list[int] = []
    scrypt = hashlib.scrypt
    monkeypatch.setattr(bcrypt, "checkpw", counted)
    monkeypatch.setattr(hashlib, "scrypt", hashed)
    refusal(database, username, WRONG)
    assert compared == [b"$2b$04$"]  # one comparison, of the same cost
    assert hashes == [16]  # and one of the name


def lock(
    database: Database, username: str, *, start: datetime = NOON, address: str = ""
) -> datetime:
    """Guess until the name is locked, each time as soon as it is heard; give when it was locked."""
    at = start
    for tries in range(sign_in.BY_NAME.most):
        at += sign_in.BY_NAME.wait(tries)
        assert refusal(database, username, WRONG, now=at, address=address) == sign_in.WRONG
    return at


@pytest.mark.parametrize("username", ["ada", "nobody"])
def test_lock__comes_and_ends(database: Database, username: str) -> None:
    add(database, "ada")
    at = lock(database, username)
    assert refusal(database, username, PASSWORD, now=at).endswith("try again in 15 minutes.")
    late = at + sign_in.LOCK
    assert refusal(database, username, PASSWORD, now=late - timedelta(seconds=1)).endswith(
        "try again in 1 second."
    )
    if username == "ada":
        sign_in.authenticate(database, username, PASSWORD, now=late)
    else:
        assert refusal(database, username, PASSWORD, now=late) == sign_in.WRONG
    [line] = audit.search(database, audit.AuditQuery(action="name locked")).entries
    assert line.target == (username if username == "ada" else "")  # it may be a password


@pytest.mark.parametrize("username", ["ada", "nobody"])
def test_delay__grows_after_the_first_few(database: Database, username: str) -> None:
    add(database, "ada")
    at, waited = NOON, []
    for _ in range(sign_in.BY_NAME.most - 1):
        while refusal(database, username, WRONG, now=at) != sign_in.WRONG:
            at += timedelta(seconds=1)
        waited.append(int((at - NOON).total_seconds()))
    assert waited == [0, 0, 0, 1, 3, 7, 15, 31, 63]  # the wait doubles
    sign_in.authenticate(database, "ada", PASSWORD, now=at + timedelta(seconds=64))


def test_lock__a_thousand_guesses(database: Database) -> None:
    add(database, "ada")
    heard = 0
    for seconds in range(1000):
        now = NOON + timedelta(seconds=seconds / 2)
        heard += refusal(database, "ada", WRONG, now=now) == sign_in.WRONG
    assert heard == sign_in.BY_NAME.most  # trying on does not prolong the lock
    end = lock_end(database)
    refusal(database, "ada", PASSWORD, now=end - timedelta(seconds=1))
    sign_in.authenticate(database, "ada", PASSWORD, now=end)


def test_lock__guesses_an_hour(database: Database) -> None:
    """From afar and from where the owner signs in, whoever tries as often as it is heard."""
    sessions.begin(database, add(database, "ada"), address="10.0.0.1", now=NOON)
    heard = 0
    for second in range(0, 3600, 9):
        now = NOON + timedelta(seconds=second)
        for address in ("10.0.0.1", "10.8.8.8", "10.9.9.9"):
            heard += refusal(database, "ada", WRONG, now=now, address=address) == sign_in.WRONG
    assert 40 < heard <= 80


def lock_end(database: Database) -> datetime:
    with database.read() as session:
        last = session.scalars(select(SignInAttempt.at).order_by(SignInAttempt.at.desc())).first()
    assert last
    return last + sign_in.LOCK


def test_lock__is_of_one_name(database: Database) -> None:
    add(database, "ada")
    lock(database, "bob")
    sign_in.authenticate(database, "ada", PASSWORD, now=NOON)


def test_lock__from_afar_leaves_the_owners_place_alone(database: Database) -> None:
    ada = add(database, "ada")
    sessions.begin(database, ada, address="10.0.0.1", now=NOON)
    at = lock(database, "ada", address="10.9.9.9")
    assert "under this name" in refusal(database, "ada", PASSWORD, now=at, address="10.8.8.8")
    at = lock(database, "ada", start=at, address="10.0.0.1")  # guesses from there count as well
    assert "under this name" in refusal(database, "ada", PASSWORD, now=at, address="10.0.0.1")
    late = at + sign_in.LOCK
    lock(database, "ada", start=late, address="10.9.9.9")
    sign_in.authenticate(database, "ada", PASSWORD, now=late, address="10.0.0.1")


def test_lock__slow_tries_do_not_lock(database: Database) -> None:
    add(database, "ada")
    for tries in range(3 * sign_in.BY_NAME.most):
        now = NOON + tries * timedelta(minutes=2)
        assert refusal(database, "ada", WRONG, now=now) == sign_in.WRONG


def test_lock__success_clears_the_count(database: Database) -> None:
    add(database, "ada")
    for _ in range(5):
        for _ in range(sign_in.BY_NAME.free - 1):
            assert refusal(database, "ada", WRONG) == sign_in.WRONG
        sign_in.authenticate(database, "ada", PASSWORD, now=NOON)


@pytest.mark.parametrize("address", ["10.1.2.3", "", "2001:db8::1"])
def test_lock__of_an_address_comes_and_ends(database: Database, address: str) -> None:
    add(database, "ada")
    at = NOON
    for tries in range(sign_in.BY_ADDRESS.most):
        at += sign_in.BY_ADDRESS.wait(tries)
        with pytest.raises(StoreError, match="is wrong"):
            sign_in.authenticate(database, f"name{tries}", WRONG, address=address, now=at)
    with pytest.raises(StoreError, match="from this address; try again in 15 minutes"):
        sign_in.authenticate(database, "ada", PASSWORD, address=address, now=at)
    sign_in.authenticate(database, "ada", PASSWORD, address="10.9.9.9", now=at)
    sign_in.authenticate(database, "ada", PASSWORD, address=address, now=at + sign_in.LOCK)


def test_counted_address__one_line_of_version_6_is_one_address() -> None:
    assert sign_in._counted_address("2001:db8::1") == sign_in._counted_address("2001:db8::ffff:1")
    assert sign_in._counted_address("2001:db8:0:1::1") != sign_in._counted_address("2001:db8::1")
    assert sign_in._counted_address("::ffff:10.0.0.1") == "10.0.0.1"
    assert sign_in._counted_address("nonsense") == ""


def test_lock__holds_over_processes(config: Settings) -> None:
    add(databases.connect(config), "ada")
    with forking.CONTEXT.Pool(4) as pool:
        compared = pool.map(_guesses, [config] * 4)
    assert sum(compared) == sign_in.BY_NAME.free  # the next one waits, whichever process asks


def test_authenticate__says_that_an_account_waits_to_who_has_its_password(
    database: Database,
) -> None:
    add(database, "ada")
    with database.write() as session:
        accounts.existing(session, "ada").waiting = True
    assert refusal(database, "ada", WRONG) == sign_in.WRONG
    assert refusal(database, "ada", PASSWORD) == sign_in.WAITING
    accounts.approve(database, "ada")
    sign_in.authenticate(database, "ada", PASSWORD, now=NOON)


@pytest.mark.parametrize("change", ["disabled", "password", "deleted"])
def test_authenticate__the_account_changes_while_the_password_is_compared(
    database: Database, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who came with the old password must not begin a session of the new state."""
    add(database, "ada")
    compare = passwords.matches

    def slowly(password: str, password_hash: str | None) -> bool:
        same = compare(password, password_hash)
        if change == "disabled":
            accounts.set_active(database, "ada", active=False)
        elif change == "deleted":
            deletion.delete(database, "ada")
        else:
            code = codes.issue_reset(database, "ada")
            codes.redeem_reset(database, code, password="another password")
        return same

    monkeypatch.setattr(passwords, "matches", slowly)
    assert refusal(database, "ada", PASSWORD) == sign_in.WRONG


def test_change_password__of_two_at_once_one_wins(database: Database) -> None:
    before = add(database, "ada")
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda number: _changed(database, number), range(4)))
    assert outcomes.count(True) == 1
    after = accounts.find(database, "ada")
    assert after
    assert after.session_version == before.session_version + 1


def _changed(database: Database, number: int) -> bool:
    try:
        sign_in.change_password(database, "ada", current=PASSWORD, new=f"another password {number}")
    except StoreError:
        return False
    return True


@pytest.mark.parametrize("username", ["a\0b", "\ud800", "a" * 10_000_000, "ada\u202e", "‮"])
def test_authenticate__takes_whatever_is_typed(database: Database, username: str) -> None:
    assert refusal(database, username, "\ud800\0" * 1_000_000) == sign_in.WRONG


def test_authenticate__a_password_never_ends(database: Database) -> None:
    add(database, "ada")
    sign_in.authenticate(database, "ada", PASSWORD, now=NOON + timedelta(days=3650))
    for new in ("another password", PASSWORD):  # an earlier one may come back
        old = "another password" if new == PASSWORD else PASSWORD
        sign_in.change_password(database, "ada", current=old, new=new)


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
            sign_in.authenticate(database, "ada", WRONG, now=NOON)
        except StoreError as error:
            compared += str(error) == sign_in.WRONG
    return compared
