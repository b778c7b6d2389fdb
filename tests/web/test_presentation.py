"""The stakeholder's view: by the address, by its button, and by itself in a demonstration."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.web import sessions

SWITCH = "presentation_switch"


def label(app: AppTest) -> str:
    """What the button between both views offers; empty where there is none."""
    return next((each.label for each in app.button if each.key == SWITCH), "")


def test_view__is_asked_for_by_the_address() -> None:
    app = sessions.session()
    assert label(app) == "Present"
    app.query_params["view"] = "present"
    assert label(app.run()) == "Show all controls"
    assert not any("Not a diagnosis" in each.value for each in app.caption)


def test_view__is_switched_by_its_button() -> None:
    app = sessions.session()
    app.button(key=SWITCH).click().run()
    assert app.query_params["view"] == "present"
    app.button(key=SWITCH).click().run()
    assert label(app) == "Present"
    assert "view" not in app.query_params


def test_view__opens_a_demonstration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLSCOPE_DEMO", "1")
    app = sessions.session()
    assert label(app) == "Show all controls"
    app.button(key=SWITCH).click().run()
    assert label(app) == "Present"


def test_view__is_not_of_other_pages() -> None:
    assert label(sessions.open_page(sessions.session(), "sign_in")) == ""
