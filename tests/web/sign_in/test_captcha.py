"""The captcha on Register: read from the session here, as only a person could from the picture."""

import io
import time
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from allcore.store import accounts, admin_settings, database, registration
from allcore.web.sign_in import captcha
from tests.web import sessions

WRONG = "These are not the letters in the picture"


@pytest.fixture
def register() -> AppTest:
    """The page Register, where a captcha is asked for."""
    sessions.add("boss", role="admin")
    admin_settings.change(database.connect(), "boss", {"captcha": True})
    return sessions.open_page(sessions.session(), "register")


def current(page: AppTest) -> Any:
    return page.session_state["captcha"]


def typed(page: AppTest, letters: str, username: str = "ada", repeated: str = "") -> AppTest:
    sessions.fill(
        page, Username=username, Your_name="Ada", New_password=sessions.PASSWORD,
        Repeat_new_password=repeated or sessions.PASSWORD, Letters_in_the_picture=letters,
    )  # fmt: skip
    return sessions.press(page, "Make the account")


def values(page: AppTest) -> dict[str, str]:
    return {each.label: each.value for each in page.text_input}


def names() -> set[str]:
    return {each.username for each in accounts.list_all(database.connect())}


def test_register__without_one_unless_an_administrator_asks(register: AppTest) -> None:
    admin_settings.change(database.connect(), "boss", {"captcha": False})
    assert "Letters in the picture" not in values(register.run())


def test_register__takes_the_letters_in_any_case(register: AppTest) -> None:
    typed(register, f" {current(register).text.lower()} ")
    assert names() == {"ada", "boss"}


def test_register__a_wrong_answer_brings_another_picture(register: AppTest) -> None:
    first = current(register)
    typed(register, "wrong")
    assert WRONG in sessions.said(register)
    assert current(register).text != first.text
    assert names() == {"boss"}
    kept = values(register)
    assert (kept["Username"], kept["Your name"]) == ("ada", "Ada")
    assert kept["New password"] == kept["Repeat new password"] == sessions.PASSWORD
    assert kept["Letters in the picture"] == ""
    typed(register, first.text)
    assert WRONG in sessions.said(register)
    typed(register, current(register).text)
    assert names() == {"ada", "boss"}


def test_register__an_answer_is_good_for_one_try(register: AppTest) -> None:
    right = current(register).text
    typed(register, right, username="boss")
    assert "is taken" in sessions.said(register)
    typed(register, right)
    assert WRONG in sessions.said(register)
    assert names() == {"boss"}


def test_register__passwords_that_differ_cost_no_answer(register: AppTest) -> None:
    right = current(register).text
    typed(register, right, repeated="something else")
    assert "two passwords differ" in sessions.said(register)
    typed(register, right)
    assert names() == {"ada", "boss"}


def test_register__an_answer_that_is_too_old(
    register: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, now = current(register).text, time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + captcha.LIFE_SECONDS + 1)
    typed(register, right)
    assert WRONG in sessions.said(register)
    assert names() == {"boss"}


def test_register__an_invitation_does_not_ask_for_it(register: AppTest) -> None:
    code = registration.invite(database.connect(), role="reviewer")
    register.query_params["invitation"] = code
    assert "Letters in the picture" not in values(register.run())
    sessions.fill(
        register, Username="ada", Your_name="Ada", New_password=sessions.PASSWORD,
        Repeat_new_password=sessions.PASSWORD,
    )  # fmt: skip
    sessions.press(register, "Make the account")
    assert names() == {"ada", "boss"}


@pytest.mark.parametrize("changed", ["", "AAAAA-AAAAA-AAAAA-AAAAA"])
def test_register__an_invitation_that_is_taken_out_again(register: AppTest, changed: str) -> None:
    register.query_params["invitation"] = registration.invite(database.connect())
    register.run()
    sessions.fill(
        register, Invitation_code=changed, Username="ada", Your_name="Ada",
        New_password=sessions.PASSWORD, Repeat_new_password=sessions.PASSWORD,
    )  # fmt: skip
    sessions.press(register, "Make the account")
    assert "invitation is wrong" in sessions.said(register)
    assert names() == {"boss"}


def test_register__a_made_up_invitation_asks_for_it(register: AppTest) -> None:
    register.query_params["invitation"] = "AAAAA-AAAAA-AAAAA-AAAAA"
    assert "Letters in the picture" in values(register.run())


def test_picture__is_light_on_dark_and_never_the_same(register: AppTest) -> None:
    one, other = (captcha._new_captcha(0) for _ in range(2))
    assert one.text != other.text
    assert set(one.text) <= set(captcha.LETTERS)
    picture = Image.open(io.BytesIO(one.picture)).convert("L")
    assert picture.getextrema()[0] < 60 < 200 < picture.getextrema()[1]
