"""Invitations on the Administration page, to the account that is made with one."""

from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from allcore.store import admin_settings, audit, database, registration
from allcore.store.audit import AuditQuery
from allcore.web import accounts
from allcore.web.accounts import Visitor
from allcore.web.administration import invitations
from tests.web import sessions
from tests.web.administration.conftest import Show

NOTE = "**Ada** <b> of the third floor"


def made(page: AppTest, role: str = "reviewer") -> str:
    """Make an invitation, and give its code."""
    [choice] = [each for each in page.selectbox if each.label == "Role"]
    choice.select(role)
    page.text_input[0].set_value(NOTE)
    page.number_input[0].set_value(3)
    sessions.press(page, "Make an invitation")
    return parse_qs(urlsplit(page.code[0].value).query)["invitation"][0]


def test_link__to_the_registration_of_this_app() -> None:
    code = "AAAAA-BBBBB"
    for page, whole in (
        ("http://host:8501/administration", "http://host:8501/register"),
        ("https://host/allscope/administration?view=Users#x", "https://host/allscope/register"),
        ("https://host/", "https://host/register"),
        ("", "/register"),
    ):
        assert invitations.link(page, code) == f"{whole}?invitation={code}"


def test_view__makes_one_and_shows_it_once(show: Show) -> None:
    page = show("invitations")
    assert "0 invitations" in page.caption[-1].value
    code = made(page)
    assert registration.check(database.connect(), code) == "reviewer"
    said = "\n".join(each.value for each in [*page.markdown, *page.caption])
    assert NOTE in said.replace("\\", "")
    assert "Made by boss" in said
    assert not page.run().code
    [line] = audit.search(database.connect(), AuditQuery(action="invited")).entries
    assert (line.username, line.target) == ("boss", NOTE)
    assert code not in line.detail


def test_view__withdraws_one(show: Show) -> None:
    page = show("invitations")
    first = made(page)
    made(page, "user")
    sessions.press(page, "Yes, withdraw")  # the last one made stands first
    assert "The invitation is withdrawn" in sessions.said(page)
    opened = database.connect()
    assert [each.role for each in registration.invitations(opened)] == ["reviewer"]
    registration.register(
        opened, username="ada", display_name="Ada", password=sessions.PASSWORD, invitation=first
    )
    sessions.press(page, "Yes, withdraw")
    assert "Yes, withdraw" not in [button.label for button in page.button]


def test_view__says_that_registration_is_closed(show: Show) -> None:
    admin_settings.change(database.connect(), "boss", {"registration": "closed"})
    assert "no invitation works now" in show("invitations").warning[0].value


@pytest.mark.parametrize("label", ["Make an invitation", "Yes, withdraw"])
def test_view__a_role_that_was_taken_makes_and_withdraws_nothing(
    show: Show, monkeypatch: pytest.MonkeyPatch, label: str
) -> None:
    page = show("invitations")
    made(page)
    monkeypatch.setattr(accounts, "visitor", lambda: Visitor("boss", "Boss", "reviewer"))
    sessions.press(page, label)
    assert page.title[0].value == "For administrators"
    assert len(registration.invitations(database.connect())) == 1
