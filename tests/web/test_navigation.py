import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from allcore.errors import StoreError
from allcore.store import database, registration, sign_in
from allcore.web import accounts, navigation, page_table
from allcore.web.accounts import Visitor
from tests.web import sessions

SIGNED_OUT = {"Home", "Sign in", "Register", "Administrator sign-in"}
OF_DEMO = {
    "Home",
    "Predict",
    "Dataset",
    "Evaluation",
    "Compare",
    "Networks",
    "About this model",
}
OF_USERS = OF_DEMO | {"History", "Validate", "Account", "Sign out"}


@pytest.mark.parametrize(
    ("visitor", "titles"),
    [
        (Visitor(), SIGNED_OUT),
        (Visitor(role="demo"), OF_DEMO | SIGNED_OUT),
        (Visitor("eve", "Eve", "demo"), OF_DEMO | {"Sign out"}),
        (Visitor("ada", "Ada", "user"), OF_USERS),
        (Visitor("ada", "Ada", "reviewer"), OF_USERS | {"Review"}),
        (Visitor("ada", "Ada", "admin"), OF_USERS | {"Review", "Administration"}),
    ],
    ids=["visitor", "demo signed out", "demo", "user", "reviewer", "admin"],
)
def test_lists__by_role(home: Path, visitor: Visitor, titles: set[str]) -> None:
    assert {page.title for page in page_table.PAGES if navigation.lists(page, visitor)} == titles


def test_sign_out__asks_first() -> None:
    sessions.add("ada")
    app = sessions.sign_in(sessions.open_page(sessions.session(), "sign_out"), "ada")
    assert sessions.title(app) == "Sign out"
    assert sessions.title(sessions.open_page(app, "account")) == "Account"
    assert sessions.title(sessions.sign_out(app)) == "ALLScope"
    assert sessions.title(sessions.open_page(app, "account")) == "Sign in"


@pytest.mark.parametrize("setting", ["REGISTRATION", "DEMO"])
def test_lists__no_register_where_it_is_closed(
    setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"ALLSCOPE_{setting}", {"REGISTRATION": "closed", "DEMO": "1"}[setting])
    register = page_table.page("register")
    assert not navigation.lists(register, Visitor())
    assert not navigation.lists(register, Visitor(role="demo"))


def setup_code(printed: str) -> str:
    [code] = re.findall(r"^    (\S+-\S+-\S+-\S+)$", printed, flags=re.MULTILINE)
    return str(code)


def set_up(app: AppTest, code: str) -> AppTest:
    sessions.open_page(app, "admin_sign_in")
    sessions.fill(
        app,
        Setup_code=code,
        Username="boss",
        Your_name="Boss",
        New_password=sessions.PASSWORD,
        Repeat_new_password=sessions.PASSWORD,
    )
    return sessions.press(app, "Make the administrator")


def test_setup__first_administrator(capsys: pytest.CaptureFixture[str]) -> None:
    app, late = sessions.session(), sessions.session()
    code = setup_code(capsys.readouterr().out)  # printed once, for all sessions
    sessions.open_page(late, "admin_sign_in")
    set_up(app, "WRONG-WRONG-WRONG-WRONG")
    assert "wrong, used or too old" in sessions.said(app)
    assert sessions.title(set_up(app, code)) == "Administration"
    assert sessions.title(sessions.open_page(late, "admin_sign_in")) == "Administrator sign-in"
    assert "Setup code" not in {field.label for field in late.text_input}
    assert sessions.title(sessions.sign_in(late, "boss")) == "Administration"


def test_setup__nothing_is_printed_beside_an_administrator(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sessions.add("boss", role="admin")
    sessions.session()
    assert "setup code" not in capsys.readouterr().out


def test_sign_in__wrong_password_keeps_the_name() -> None:
    sessions.add("ada")
    app = sessions.open_page(sessions.session(), "sign_in")
    sessions.sign_in(app, "ada", "wrong horse battery")
    assert sessions.said(app) == sign_in.WRONG
    assert [f.value for f in app.text_input if f.label == "Username"] == ["ada"]
    assert sessions.title(sessions.sign_in(app, "ada")) == "ALLScope"


def test_sign_in__locked(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions.add("ada")
    app = sessions.open_page(sessions.session(), "sign_in")
    monkeypatch.setattr(sign_in, "BY_NAME", sign_in.AttemptLimit(free=3, step=1, longest=1, most=3))
    for _ in range(3):
        sessions.sign_in(app, "ada", "wrong horse battery")
    sessions.sign_in(app, "ada")
    assert "Too many tries under this name; try again in 15 minutes." in sessions.said(app)
    assert sessions.title(app) == "Sign in"


def test_register__signs_in() -> None:
    app = sessions.open_page(sessions.session(), "register")
    fields = {"Username": "Ada", "Your_name": "Ada L.", "New_password": sessions.PASSWORD}
    sessions.fill(app, **fields, Repeat_new_password="something else")
    sessions.press(app, "Make the account")
    assert "two passwords differ" in sessions.said(app)
    sessions.fill(app, Repeat_new_password=sessions.PASSWORD)
    assert sessions.title(sessions.press(app, "Make the account")) == "ALLScope"
    assert sessions.title(sessions.open_page(app, "account")) == "Account"
    assert sign_in.authenticate(database.connect(), "ada", sessions.PASSWORD).role == "user"


def test_register__names_all_errors_at_once() -> None:
    app = sessions.open_page(sessions.session(), "register")
    fields = {"Username": "a", "New_password": "short", "Repeat_new_password": "other"}
    sessions.fill(app, **fields)
    app = sessions.press(app, "Make the account")
    said = sessions.said(app)
    for error in ("A username has", "A name has", "A password has", "two passwords differ"):
        assert error in said
    sessions.add("ada")
    fields = {"Username": "ada", "Your_name": "Ada", "New_password": sessions.PASSWORD}
    sessions.fill(app, **fields, Repeat_new_password=sessions.PASSWORD)
    assert "is taken" in sessions.said(sessions.press(app, "Make the account"))


def test_register__closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLSCOPE_REGISTRATION", "closed")
    app = sessions.open_page(sessions.session(), "register")
    assert "Registration is closed" in sessions.said(app)
    assert not app.text_input


def test_register__closed_in_a_demonstration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLSCOPE_DEMO", "1")
    app = sessions.open_page(sessions.session(), "register")
    assert "Registration is closed" in sessions.said(app)
    assert not app.text_input
    with pytest.raises(StoreError, match="Registration is closed"):
        registration.register(
            accounts.store(), username="ada", display_name="A", password=sessions.PASSWORD
        )
