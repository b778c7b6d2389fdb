import ast
from pathlib import Path

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from allcore.store import accounts, database, sign_in
from allcore.web import navigation
from tests.web import sessions

SCRIPTS = sorted(path.stem for path in (sessions.ROOT / "pages").glob("*.py"))
ROLE_OF = {Path(entry.script).stem: entry.role for entry in navigation.ENTRIES}
CLOSED = [script for script in SCRIPTS if ROLE_OF[script] != "visitor"]


def required_role(script: str) -> str:
    body = ast.parse((sessions.ROOT / "pages" / f"{script}.py").read_text()).body
    call = next(node.value for node in body if isinstance(node, ast.Assign | ast.Expr)
                and isinstance(node.value, ast.Call))  # fmt: skip
    return str(ast.literal_eval(call.args[0]))


@pytest.mark.parametrize("script", SCRIPTS)
def test_require__as_the_navigation_says(script: str) -> None:
    assert required_role(script) == ROLE_OF[script]


@pytest.mark.parametrize("script", CLOSED)
def test_require__signed_out_leads_to_sign_in(script: str) -> None:
    app = sessions.open_page(sessions.session(), script)
    assert sessions.title(app) == "Sign in"
    assert len(app.text_input) == 5  # name, password, and the form of the reset code
    assert not app.dataframe


@pytest.mark.cold
@pytest.mark.parametrize("script", CLOSED)
def test_require__signed_out_on_a_cold_server(script: str) -> None:
    app = AppTest.from_file(str(sessions.ROOT / "app.py"), default_timeout=60)
    app.switch_page(f"pages/{script}.py").run()
    assert not app.exception
    assert sessions.title(app) == "Sign in"
    assert PagesManager.uses_pages_directory is False  # from now on, app.py comes first


@pytest.mark.parametrize("script", CLOSED)
def test_require__signed_out_on_a_page_run_by_itself(script: str) -> None:
    path = sessions.ROOT / "pages" / f"{script}.py"
    page = AppTest.from_file(str(path), default_timeout=60).run()
    assert not page.exception
    assert sessions.title(page) == "Sign in"


def test_require__a_user_is_no_administrator() -> None:
    sessions.add("ada")
    app = sessions.open_page(sessions.session(), "administration")
    sessions.sign_in(app, "ada")
    assert sessions.title(app) == "For administrators"
    assert not app.dataframe
    assert not app.button


def test_require__signing_in_opens_the_page_that_was_asked_for() -> None:
    sessions.add("ada", role="admin")
    app = sessions.open_page(sessions.session(), "administration")
    assert sessions.title(sessions.sign_in(app, "ada")) == "Administration"


def test_require__reads_the_role_anew_in_each_run() -> None:
    sessions.add("ada", role="admin")
    sessions.add("bob", role="admin")
    app = sessions.sign_in(sessions.open_page(sessions.session(), "administration"), "ada")
    accounts.set_role(database.connect(), "ada", "user")
    assert sessions.title(app.run()) == "For administrators"
    accounts.set_role(database.connect(), "ada", "admin")
    assert sessions.title(app.run()) == "Administration"


def test_require__a_disabled_account_is_out_in_the_next_run() -> None:
    sessions.add("ada")
    app = sessions.sign_in(sessions.open_page(sessions.session(), "account"), "ada")
    assert sessions.title(app) == "Account"
    accounts.set_active(database.connect(), "ada", active=False)
    assert sessions.title(app.run()) == "Sign in"
    assert "signed out because this account was changed" in sessions.said(app)
    accounts.set_active(database.connect(), "ada", active=True)
    assert sessions.title(app.run()) == "Sign in"


def test_require__a_password_change_ends_other_sessions_only() -> None:
    sessions.add("ada")
    mine = sessions.sign_in(sessions.open_page(sessions.session(), "account"), "ada")
    other = sessions.sign_in(sessions.open_page(sessions.session(), "account"), "ada")
    sessions.fill(
        mine,
        Current_password=sessions.PASSWORD,
        New_password="another password",
        Repeat_new_password="another password",
    )
    sessions.press(mine, "Change the password")
    assert "The new password is set" in sessions.said(mine)
    assert sessions.title(mine.run()) == "Account"
    assert sessions.title(other.run()) == "Sign in"
    sign_in.authenticate(database.connect(), "ada", "another password")


def test_require__nothing_of_one_person_is_left_for_the_next() -> None:
    sessions.add("ada")
    sessions.add("bob")
    app = sessions.sign_in(sessions.open_page(sessions.session(), "account"), "ada")
    app.session_state["uploaded"] = "cells of ada"
    sessions.press(app, "Sign out")
    assert "uploaded" not in app.session_state
    sessions.sign_in(sessions.open_page(app, "account"), "bob")
    assert [f.value for f in app.text_input if f.label == "Username"] == ["bob"]


@pytest.mark.parametrize("script", ["home", "predict", "sign_in"])
def test_require__a_database_that_cannot_be_opened(script: str, home: Path) -> None:
    home.mkdir(parents=True)
    (home / "allscope.db").write_text("not a database, and long enough for SQLite to say so")
    page = AppTest.from_file(str(sessions.ROOT / "pages" / f"{script}.py"), default_timeout=60)
    for app in (page.run(), sessions.session()):
        assert not app.exception
        assert sessions.said(app).count("can't be opened: file is not a database") == 1


def test_require__a_setting_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLSCOPE_COOKIE_DAYS", "soon")
    app = sessions.session()
    assert not app.exception
    assert "ALLSCOPE_COOKIE_DAYS can't be used" in sessions.said(app)
