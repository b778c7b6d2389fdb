from datetime import UTC, datetime, timedelta

import pytest

from allcore.errors import StoreError
from allcore.store import accounts, admin_settings, audit, registration, sign_in
from allcore.store.accounts import AccountInfo
from allcore.store.database import Database
from tests.store.people import PASSWORD, add


def choose(database: Database, **values: object) -> None:
    if accounts.find(database, "boss") is None:
        add(database, "boss", role="admin")
    admin_settings.change(database, "boss", values)


def register(database: Database, username: str, *, invitation: str = "") -> AccountInfo:
    return registration.register(
        database,
        username=username,
        display_name=username,
        password=PASSWORD,
        invitation=invitation,
    )


def test_mode__is_the_setting_until_an_administrator_chooses(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLSCOPE_REGISTRATION", "invitation")
    assert registration.mode(database) == "invitation"
    choose(database, registration="open")
    assert registration.mode(database) == "open"
    choose(database, registration=None)
    assert registration.mode(database) == "invitation"
    monkeypatch.setenv("ALLSCOPE_DEMO", "1")
    assert registration.mode(database) == "closed"


def test_register__open(database: Database) -> None:
    ada = register(database, "ada")
    assert (ada.role, ada.waiting) == ("user", False)
    assert sign_in.authenticate(database, "ada", PASSWORD).id == ada.id
    assert [
        line.target
        for line in audit.search(database, audit.AuditQuery(action="registered")).entries
    ] == ["ada"]


def test_register__waits_for_an_administrator(database: Database) -> None:
    choose(database, approval=True)
    assert register(database, "ada").state == "waits for approval"
    with pytest.raises(StoreError, match="waits for an administrator"):
        sign_in.authenticate(database, "ada", PASSWORD)
    accounts.approve(database, "ada", by=audit.Actor("boss"))
    sign_in.authenticate(database, "ada", PASSWORD)
    [line] = audit.search(database, audit.AuditQuery(action="approved")).entries
    assert (line.username, line.target) == ("boss", "ada")


@pytest.mark.parametrize("address", ["", "10.0.0.1"])
def test_register__finding_out_who_is_here_is_limited(database: Database, address: str) -> None:
    accounts.create(
        database, username="ada", display_name="Ada", email="ada@x.org", password=PASSWORD
    )
    guesses = [("ada", ""), ("bob", "ada@x.org")] * sign_in.BY_ADDRESS.free
    said = [_refused(database, *guess, address=address) for guess in guesses]
    heard = [sentence for sentence in said if "Too many tries from this address" not in sentence]
    assert len(heard) == sign_in.BY_ADDRESS.free
    assert all("ada" in sentence or "e-mail" in sentence for sentence in heard)
    with pytest.raises(StoreError, match="Too many tries from this address"):
        sign_in.authenticate(database, "ada", PASSWORD, address=address)
    registration.register(
        database, username="eve", display_name="Eve", password=PASSWORD, address="10.0.0.2"
    )


def _refused(database: Database, username: str, email: str, *, address: str) -> str:
    with pytest.raises(StoreError) as caught:
        registration.register(
            database,
            username=username,
            display_name="Bob",
            email=email,
            password=PASSWORD,
            address=address,
        )
    return str(caught.value)


def test_register__many_who_are_new_are_not_limited(database: Database) -> None:
    for number in range(2 * sign_in.BY_ADDRESS.free):
        register(database, f"name{number}")


def test_register__takes_no_role(database: Database) -> None:
    code = registration.invite(database, role="reviewer")
    for more in ({"role": "admin"}, {"waiting": False}, {"session_version": 7}):
        with pytest.raises(TypeError, match="unexpected keyword"):
            registration.register(  # type: ignore[call-arg]
                database,
                username="ada",
                display_name="Ada",
                password=PASSWORD,
                invitation=code,
                **more,
            )
    assert register(database, "ada", invitation=code).role == "reviewer"


def test_register__closed_to_invitations_too(database: Database) -> None:
    code = registration.invite(database)
    choose(database, registration="closed")
    for invitation in ("", code):
        with pytest.raises(StoreError, match="closed"):
            register(database, "ada", invitation=invitation)


def test_invitation__works_once_with_its_role(database: Database) -> None:
    choose(database, registration="invitation", approval=True)
    code = registration.invite(database, role="reviewer", note="Ada", by=audit.Actor("boss"))
    [waiting] = registration.invitations(database)
    assert (waiting.role, waiting.note, waiting.made_by) == ("reviewer", "Ada", "boss")
    with pytest.raises(StoreError, match="by invitation"):
        register(database, "ada")
    with pytest.raises(StoreError, match="invitation is wrong"):
        register(database, "ada", invitation="AAAAA-AAAAA-AAAAA-AAAAA")
    ada = register(database, "ada", invitation=code.lower().replace("-", " "))
    assert (ada.role, ada.waiting) == ("reviewer", False)
    assert registration.invitations(database) == []
    with pytest.raises(StoreError, match="used"):
        register(database, "bob", invitation=code)
    assert accounts.find(database, "bob") is None


def test_invitation__is_not_used_up_by_a_name_that_is_taken(database: Database) -> None:
    add(database, "ada")
    code = registration.invite(database)
    with pytest.raises(StoreError, match="taken"):
        register(database, "ada", invitation=code)
    register(database, "bob", invitation=code)


def test_invitation__ends(database: Database) -> None:
    registration.invite(database, days=2)
    soon, late = (datetime.now(UTC) + timedelta(days=days) for days in (1.9, 2.1))
    assert len(registration.invitations(database, now=soon)) == 1
    assert registration.invitations(database, now=late) == []
    code = registration.invite(database)
    with database.write() as session:
        registration._valid(session, code).expires_at = datetime.now(UTC) - timedelta(seconds=1)
    with pytest.raises(StoreError, match="too old"):
        registration.check(database, code)
    with pytest.raises(StoreError, match="1 to 90 days"):
        registration.invite(database, days=91)


def test_withdraw__makes_it_useless(database: Database) -> None:
    code = registration.invite(database)
    assert registration.check(database, code) == "user"
    [waiting] = registration.invitations(database)
    assert registration.withdraw(database, waiting.id)
    assert not registration.withdraw(database, waiting.id)
    with pytest.raises(StoreError, match="invitation is wrong"):
        register(database, "ada", invitation=code)


def test_withdraw__not_one_that_was_used(database: Database) -> None:
    code = registration.invite(database)
    [waiting] = registration.invitations(database)
    register(database, "ada", invitation=code)
    assert not registration.withdraw(database, waiting.id)
    assert audit.search(database, audit.AuditQuery(action="invitation withdrawn")).total == 0
