"""Accounts of a single sign-on: linked by issuer and subject alone, and a token signs in once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from allcore.errors import StoreError
from allcore.store import accounts, audit, identities
from allcore.store.database import Database
from allcore.store.identities import Identity, TokenUsed

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
JANE = Identity("https://id.example", "1", NOW, "Jane.Doe@x.org", "Jane Doe", "jane@x.org")


def later(identity: Identity, seconds: int) -> Identity:
    return replace(identity, issued_at=NOW + timedelta(seconds=seconds))


def test_enter__makes_a_user_once(database: Database) -> None:
    first = identities.sign_in(database, JANE, now=NOW)
    assert (first.username, first.role, first.email) == ("jane.doe", "user", "jane@x.org")
    assert not first.has_password
    again = identities.sign_in(database, replace(later(JANE, 5), name="Other"), now=NOW)
    assert (again.id, again.display_name) == (first.id, "Jane Doe")
    assert {line.action for line in audit.search(database).entries} == {"sso linked", "signed in"}


def test_enter__never_takes_over_an_account_by_its_address_or_name(database: Database) -> None:
    accounts.create(
        database, username="jane.doe", display_name="J", email="jane@x.org", password=None
    )
    made = identities.sign_in(database, JANE, now=NOW)
    assert (made.username, made.email) == ("jane.doe-2", None)
    other = identities.sign_in(database, replace(JANE, issuer="https://other.example"), now=NOW)
    assert other.username == "jane.doe-3"


def test_enter__a_token_signs_in_once_and_while_fresh(database: Database) -> None:
    identities.sign_in(database, JANE, now=NOW)
    for token in (JANE, later(JANE, -1)):
        with pytest.raises(TokenUsed, match="has been used"):
            identities.sign_in(database, token, now=NOW)
    with pytest.raises(TokenUsed, match="too old"):
        identities.sign_in(database, later(JANE, 60), now=NOW + timedelta(hours=1))


def test_enter__keeps_the_disabled_and_the_waiting_out(database: Database) -> None:
    identities.sign_in(database, JANE, now=NOW)
    accounts.set_active(database, "jane.doe", active=False)
    with pytest.raises(StoreError, match="disabled"):
        identities.sign_in(database, later(JANE, 1), now=NOW)
    new = replace(JANE, subject="2")
    for _ in range(2):
        with pytest.raises(StoreError, match="waits for an administrator"):
            identities.sign_in(database, new, approval=True, now=NOW)
    assert [each.state for each in accounts.list_all(database)] == [
        "disabled",
        "waits for approval",
    ]


@pytest.mark.parametrize("wished", ["", "<b>", "=1+1", "../..", "\u202eabc" * 40, "A B"])
def test_enter__names_of_any_kind(wished: str, database: Database) -> None:
    told = replace(JANE, preferred_username=wished, name=wished * 30, email=wished)
    made = identities.sign_in(database, told, now=NOW)
    assert made.username.isascii() and "<" not in made.username
    assert made.display_name.isprintable()


@pytest.mark.parametrize("told", [{"issuer": ""}, {"subject": ""}, {"subject": "x" * 256}])
def test_enter__nobody(told: dict[str, str], database: Database) -> None:
    with pytest.raises(StoreError, match="named nobody"):
        identities.sign_in(database, replace(JANE, **told), now=NOW)  # type: ignore[arg-type]
