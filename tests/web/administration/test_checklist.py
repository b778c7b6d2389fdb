"""What an empty installation lacks, as its administrator meets it."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from allcore.store import data_sets, database
from allcore.web import accounts
from allcore.web.accounts import Visitor
from allcore.web.administration import checklist
from tests.web import sessions
from tests.web.administration.conftest import Show

CARD = "What this installation still needs"


def home_of(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr(accounts, "visitor", lambda: visitor)
    page = AppTest.from_file(str(sessions.ROOT / "pages" / "home.py"), default_timeout=60).run()
    assert not page.exception
    return page


def words(page: AppTest) -> str:
    return "\n".join(each.value for each in page.markdown).replace("\\", "")


def test_steps__each_is_done_by_what_it_asks_for(show: Show) -> None:
    assert [step.done for step in checklist.steps()] == [False, False, False]
    sessions.add("ada")
    assert [step.done for step in checklist.steps()] == [True, False, False]
    data_sets.connect(database.connect(), "ada", name="Cells", path=Path("/cells"))
    assert [step.done for step in checklist.steps()] == [True, True, False]


def test_card__first_view_leads_to_what_is_missing(show: Show) -> None:
    page = show("users")
    assert CARD in words(page)
    sessions.press(page, "Invite somebody")
    assert page.session_state["view"] == "invitations"
    assert CARD not in words(page)


def test_card__is_put_away(show: Show) -> None:
    page = sessions.press(show("users"), "Not now")
    assert CARD not in words(page)


def test_card__on_home_for_administrators_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions.add("boss", role="admin")
    assert CARD in words(home_of(Visitor("boss", "Boss", "admin"), monkeypatch))
    for other in (Visitor("ada", "Ada", "user"), Visitor()):
        assert CARD not in words(home_of(other, monkeypatch))


def test_card__goes_when_nothing_is_missing(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions.add("ada")
    monkeypatch.setenv("ALLSCOPE_DATA", "/cells")
    monkeypatch.setattr(checklist, "readable", lambda name: True)
    assert CARD not in words(show("users"))
