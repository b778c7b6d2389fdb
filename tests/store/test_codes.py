from datetime import timedelta

import pytest
from sqlalchemy import text

from allcore.errors import StoreError
from allcore.settings import Settings
from allcore.store import accounts, audit, codes, sign_in
from allcore.store import database as databases
from allcore.store.database import Database
from tests import forking
from tests.store.people import PASSWORD, add, fewest_rounds

NEW = "another password"


def redeem_setup(database: Database, code: str, username: str = "boss") -> accounts.AccountInfo:
    return codes.redeem_setup(
        database, code, username=username, display_name="Boss", email="", password=PASSWORD
    )


def issued_setup(database: Database) -> str:
    code = codes.issue_setup(database)
    assert code
    return code


def test_setup__makes_an_administrator_once(database: Database) -> None:
    code, other = issued_setup(database), issued_setup(database)
    assert redeem_setup(database, code).role == "admin"
    for used in (code, other):
        with pytest.raises(StoreError, match="wrong, used or too old"):
            redeem_setup(database, used, "second")
    assert codes.issue_setup(database) is None
    assert [account.username for account in accounts.list_all(database)] == ["boss"]
    [line] = audit.search(database, audit.AuditQuery(action="first administrator made")).entries
    assert (line.username, line.target) == ("boss", "boss")


def test_setup__never_beside_an_administrator(database: Database) -> None:
    code = issued_setup(database)
    add(database, "ada", role="admin")
    with pytest.raises(StoreError, match="has an administrator"):
        redeem_setup(database, code)
    accounts.set_role(database, add(database, "bob", role="admin").username, "user")
    accounts.create(database, username="cat", display_name="C", password=None)
    with pytest.raises(StoreError, match="has an administrator"):
        redeem_setup(database, code)


def test_setup__a_broken_rule_does_not_use_the_code_up(database: Database) -> None:
    code = issued_setup(database)
    add(database, "boss")
    with pytest.raises(StoreError, match="'boss' is taken"):
        redeem_setup(database, code)
    with pytest.raises(StoreError, match="A username has"):
        redeem_setup(database, code, "?")
    assert redeem_setup(database, code, "chief").username == "chief"


def test_setup__works_once_when_processes_race(config: Settings) -> None:
    database = databases.connect(config)
    code, other = issued_setup(database), issued_setup(database)
    with forking.CONTEXT.Pool(4) as pool:
        names = pool.starmap(_set_up, [(config, c, n) for n, c in enumerate((code, other) * 2)])
    made = [name for name in names if name]
    assert len(made) == 1
    assert [account.username for account in accounts.list_all(database)] == made


def test_reset__sets_a_password_once(database: Database) -> None:
    before = add(database, "ada")
    code = codes.issue_reset(database, "ada")
    sign_in.authenticate(database, "ada", PASSWORD)  # until the code is used
    reset = codes.redeem_reset(database, code, password=NEW)
    assert reset.session_version > before.session_version
    sign_in.authenticate(database, "ada", NEW)
    with pytest.raises(StoreError, match="used"):
        codes.redeem_reset(database, code, password=PASSWORD)


def test_reset__a_newer_code_ends_the_older(database: Database) -> None:
    add(database, "ada")
    older, newer = codes.issue_reset(database, "ada"), codes.issue_reset(database, "ada")
    with pytest.raises(StoreError, match="wrong, used or too old"):
        codes.redeem_reset(database, older, password=NEW)
    codes.redeem_reset(database, newer, password=NEW)


def test_reset__ends_a_lock(database: Database) -> None:
    add(database, "ada")
    for _ in range(sign_in.BY_NAME.most):
        with pytest.raises(StoreError):
            sign_in.authenticate(database, "ada", "wrong horse battery")
    codes.redeem_reset(database, codes.issue_reset(database, "ada"), password=NEW)
    sign_in.authenticate(database, "ada", NEW)


def test_reset__of_a_disabled_account(database: Database) -> None:
    add(database, "ada")
    code = codes.issue_reset(database, "ada")
    accounts.set_active(database, "ada", active=False)
    with pytest.raises(StoreError, match="wrong, used or too old"):
        codes.redeem_reset(database, code, password=NEW)


def test_reset__a_password_against_the_rule_does_not_use_the_code_up(database: Database) -> None:
    add(database, "ada")
    code = codes.issue_reset(database, "ada")
    with pytest.raises(StoreError, match="12 to 64"):
        codes.redeem_reset(database, code, password="short")
    codes.redeem_reset(database, code, password=NEW)


def test_reset__expires(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "RESET_LIFE", timedelta(seconds=-1))
    add(database, "ada")
    with pytest.raises(StoreError, match="too old"):
        codes.redeem_reset(database, codes.issue_reset(database, "ada"), password=NEW)


def test_code__as_people_type_it(database: Database) -> None:
    add(database, "ada")
    code = codes.issue_reset(database, "ada")
    typed = f" {code.lower().replace('-', ' ').replace('0', 'o').replace('1', 'l')} "
    codes.redeem_reset(database, typed, password=NEW)


def test_code__of_another_purpose(database: Database) -> None:
    add(database, "ada")
    with pytest.raises(StoreError, match="restart ALLScope"):
        redeem_setup(database, codes.issue_reset(database, "ada"))
    with pytest.raises(StoreError, match="ask an administrator"):
        codes.redeem_reset(database, issued_setup(database), password=NEW)


@pytest.mark.parametrize("code", ["", "\0", "\ud800", "ı" * 1_000_000, "é-1"])
def test_code__whatever_is_typed(database: Database, code: str) -> None:
    with pytest.raises(StoreError, match="wrong, used or too old"):
        codes.redeem_reset(database, code, password=NEW)


def test_code__is_not_kept(database: Database) -> None:
    code = issued_setup(database)
    with database.read() as session:
        row = session.execute(text("SELECT * FROM one_time_code")).one()
    assert code not in str(row)
    assert code.replace("-", "") not in str(row)


def _set_up(config: Settings, code: str, number: int) -> str | None:
    fewest_rounds()
    try:
        return redeem_setup(databases.connect(config), code, f"boss{number}").username
    except StoreError:
        return None
