import ast
from pathlib import Path

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from allcore.store import accounts, database, roles, sign_in
from allcore.store.roles import ROLES
from allcore.web import accounts as web
from allcore.web import page_table
from allcore.web.accounts import Visitor
from tests.web import sessions

SCRIPTS = sorted(path.stem for path in (sessions.ROOT / "pages").glob("*.py"))
CLOSED = [script for script in SCRIPTS if not page_table.page(script).opens_to("visitor")]
ABOVE = [
    (role, script)
    for role in roles.ACCOUNT_ROLES
    for script in SCRIPTS
    if not page_table.page(script).opens_to(role)
]


def by_itself(script: str) -> AppTest:
    """A page's script run directly, as a fresh server may do."""
    path = sessions.ROOT / "pages" / f"{script}.py"
    page = AppTest.from_file(str(path), default_timeout=60).run()
    assert not page.exception
    return page


def holds_nothing(page: AppTest) -> bool:
    """Whether a page shows none of what pages are made of."""
    kinds = ("dataframe", "file_uploader", "metric", "plotly_chart", "download_button", "selectbox")
    return not any(page.get(kind) for kind in kinds)


@pytest.mark.parametrize(("role", "script"), ABOVE)
def test_require__no_page_above_the_role(
    role: str, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "visitor", lambda: Visitor("ada", "Ada", role))
    page = by_itself(script)
    assert sessions.title(page) == f"For {ROLES[page_table.page(script).role].people}"
    assert holds_nothing(page)
    assert not page.button


@pytest.mark.usefixtures("drawn_demo")
@pytest.mark.parametrize("script", SCRIPTS)
def test_require__a_demonstration_without_an_account(
    script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLSCOPE_DEMO", "1")
    page = by_itself(script)
    if page_table.page(script).opens_to("demo"):
        assert sessions.title(page) != "Sign in" or script == "sign_in"
        assert not page.get("file_uploader")
    else:
        assert sessions.title(page) == "Sign in"
        assert "A demonstration stores nothing" in page.markdown[0].value
        assert holds_nothing(page)


@pytest.mark.parametrize("script", CLOSED)
def test_require__signed_out_leads_to_sign_in(script: str) -> None:
    app = sessions.open_page(sessions.session(), script)
    assert sessions.title(app) == "Sign in"
    assert len(app.text_input) == 5  # name, password, and the form of the reset code
    assert holds_nothing(app)


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
    page = by_itself(script)
    assert sessions.title(page) == "Sign in"
    assert holds_nothing(page)


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
    written("ada", "user")
    assert sessions.title(app.run()) == "For administrators"
    written("ada", "admin")
    assert sessions.title(app.run()) == "Administration"


def written(username: str, role: str) -> None:
    """Write a role past `set_role`, which ends sessions as well."""
    with database.connect().write() as session:
        accounts.existing(session, username).role = role


@pytest.mark.parametrize(
    ("role", "less", "script", "title"),
    [
        ("reviewer", "user", "review", "For reviewers"),
        ("user", "demo", "history", "For users"),
        ("user", "demo", "account", "For users"),
    ],
)
def test_require__a_role_that_was_taken_holds_on_the_next_click(
    role: str, less: str, script: str, title: str
) -> None:
    sessions.add("ada", role=role)
    app = sessions.sign_in(sessions.open_page(sessions.session(), script), "ada")
    other = sessions.sign_in(sessions.open_page(sessions.session(), script), "ada")
    assert sessions.title(app) == sessions.title(other) == script.title()
    written("ada", less)
    assert [sessions.title(each.run()) for each in (app, other)] == [title, title]
    written("ada", role)
    assert [sessions.title(each.run()) for each in (app, other)] == [script.title()] * 2
    accounts.set_role(database.connect(), "ada", less)
    assert [sessions.title(each.run()) for each in (app, other)] == ["Sign in"] * 2


def test_store_to__reads_the_role_anew_for_every_click() -> None:
    """The click comes before the guard has looked, as a callback does."""
    sessions.add("ada")
    app = sessions.sign_in(sessions.open_page(sessions.session(), "account"), "ada")
    written("ada", "demo")
    sessions.fill(app, Your_name="Someone else")
    sessions.press(app, "Save")
    assert sessions.title(app) == "For users"
    kept = accounts.find(database.connect(), "ada")
    assert kept
    assert kept.display_name == "Ada"


@pytest.mark.parametrize("role", list(ROLES))
@pytest.mark.parametrize("action", list(roles.PERMISSIONS))
def test_store_to__only_for_who_may(
    role: str, action: roles.Action, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "visitor", lambda: Visitor("ada", "Ada", role))
    if roles.may(role, action):
        assert web.store_to(action) is web.store()
    else:
        with pytest.raises(roles.NotAllowed):
            web.store_to(action)


def clicked() -> None:
    """A page of one fragment, whose button alone is drawn anew by a click."""
    import streamlit as st

    from allcore.web import guard

    guard.require("predict")

    @guard.fragment
    def drawn() -> None:
        if st.button("Show"):
            st.text("what only some may see")

    drawn()


def test_fragment__looks_again_who_is_looking(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seat = Visitor("ada", "Ada", "user")
    monkeypatch.setattr(web, "visitor", lambda: seat)
    page = AppTest.from_function(clicked, default_timeout=60).run()
    assert [each.value for each in page.button[0].click().run().text] == ["what only some may see"]
    seat = Visitor("ada", "Ada", "visitor")
    page.button[0].click().run()
    assert sessions.title(page) == "For visitors of a demonstration"
    assert not page.text


BARE = ("st.fragment", "st.dialog")
OF_THEIR_OWN = ("allcore/web/guard.py",)
"""The guard itself."""


def test_fragments__are_all_guarded() -> None:
    found = {
        path.relative_to(sessions.ROOT).as_posix()
        for folder in ("allcore/web", "pages")
        for path in sorted((sessions.ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in BARE
    }
    assert [name for name in sorted(found) if not name.startswith(OF_THEIR_OWN)] == []


def test_require__a_disabled_account_is_out_in_the_next_run() -> None:
    sessions.add("ada")
    app = sessions.sign_in(sessions.open_page(sessions.session(), "account"), "ada")
    assert sessions.title(app) == "Account"
    accounts.set_active(database.connect(), "ada", active=False)
    assert sessions.title(app.run()) == "Sign in"
    assert "this account was changed" in sessions.said(app)
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
    sessions.sign_out(app)
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
