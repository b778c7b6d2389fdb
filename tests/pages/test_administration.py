from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from allcore.inference.results import Prediction
from allcore.store import (
    accounts,
    admin_settings,
    audit,
    codes,
    database,
    history,
    passwords,
    roles,
    sign_in,
)
from allcore.store import sessions as stored_sessions
from allcore.store.audit import AuditQuery
from allcore.store.history import HistoryAnswer
from allcore.web import accounts as web
from allcore.web.accounts import Visitor
from tests.web import sessions

PAGE = sessions.ROOT / "pages" / "administration.py"


@pytest.fixture
def page(home: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr(passwords, "ROUNDS", 4)
    monkeypatch.setattr(web, "visitor", lambda: Visitor("boss", "Boss", "admin"))
    sessions.add("ada")
    sessions.add("boss", role="admin")
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not page.exception
    return page


def choose(page: AppTest, username: str) -> AppTest:
    page.button(key=f"change {username}").click().run()
    return page


def listed(page: AppTest) -> dict[str, str]:
    """State of each account that the page lists, by username."""
    names = [each.key.removeprefix("change ") for each in page.button if each.label == "Change"]
    states = [each.value for each in page.markdown if "-badge" in each.value]
    return dict(zip(names, states, strict=True))


def turned(page: AppTest, view: str) -> AppTest:
    page.query_params["view"] = view
    page.session_state["view"] = view
    return page.run()


def confirmed(page: AppTest, label: str) -> AppTest:
    return sessions.press(page, f"Yes, {label[0].lower()}{label[1:]}")


def test_page__lists_accounts(page: AppTest) -> None:
    assert list(listed(page)) == ["ada", "boss"]
    assert sum("never signed in" in each.value for each in page.markdown) == 2
    ada = accounts.find(database.connect(), "ada")
    assert ada
    stored_sessions.begin(database.connect(), ada)
    assert sum("never signed in" in each.value for each in page.run().markdown) == 1
    sessions.fill(page, Search="BOSS")
    assert list(listed(page.run())) == ["boss"]
    sessions.fill(page, Search="nobody")
    assert "No account matches" in sessions.said(page.run())
    assert not listed(page)


def give(page: AppTest, role: str) -> AppTest:
    """Choose a role for the account that is chosen, and confirm it."""
    [choice] = [each for each in page.selectbox if each.label == "Role"]
    choice.select(role).run()
    return confirmed(page, "Change the role")


@pytest.mark.parametrize("role", roles.ACCOUNT_ROLES)
def test_page__gives_every_role(page: AppTest, role: str) -> None:
    give(choose(page, "ada"), role)
    assert f"ada has the role {role}" in sessions.said(page)
    account = accounts.find(database.connect(), "ada")
    assert account
    assert account.role == role


def test_page__says_what_a_role_may(page: AppTest) -> None:
    [choice] = [each for each in choose(page, "ada").selectbox if each.label == "Role"]
    assert choice.value == "user"
    assert choice.options == ["Demonstration", "User", "Reviewer", "Administrator"]
    choice.select("reviewer").run()
    assert any("judge queued cells" in each.value for each in page.caption)


def test_page__keeps_the_last_administrator_in_the_role(page: AppTest) -> None:
    give(choose(page, "boss"), "reviewer")
    assert "last active administrator" in sessions.said(page)
    account = accounts.find(database.connect(), "boss")
    assert account
    assert account.role == "admin"


def test_page__a_demoted_administrator_changes_nothing(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(page, "ada")
    monkeypatch.setattr(web, "visitor", lambda: Visitor("boss", "Boss", "reviewer"))
    [button] = [each for each in page.button if each.label == "Yes, disable"]
    button.click().run()
    assert page.title[0].value == "For administrators"
    account = accounts.find(database.connect(), "ada")
    assert account
    assert account.active


def test_page__disables_and_enables(page: AppTest) -> None:
    confirmed(choose(page, "ada"), "Disable")
    assert "disabled" in listed(page)["ada"]
    confirmed(choose(page, "ada"), "Enable")
    assert "active" in listed(page)["ada"]


def test_page__keeps_the_last_administrator(page: AppTest) -> None:
    confirmed(choose(page, "boss"), "Disable")
    assert "last active administrator" in sessions.said(page)


def test_page__makes_a_reset_code(page: AppTest) -> None:
    confirmed(choose(page, "ada"), "Make a reset code")
    opened = database.connect()
    codes.redeem_reset(opened, page.code[0].value, password="another password")
    assert not page.run().code  # it is shown once
    sign_in.authenticate(opened, "ada", "another password")


def kept_answer(username: str) -> None:
    prediction = Prediction("all", 0.9, 2.0, 0.5)
    answer = HistoryAnswer("secret.bmp", "a" * 64, "net", "f" * 64, 1, prediction)
    history.add(database.connect(), username, [answer], picture_bytes={"a" * 64: b"x" * 1_500_000})


def test_page__counts_history_and_says_no_more(page: AppTest) -> None:
    kept_answer("ada")
    table = turned(page, "kept").dataframe[0].value.set_index("Username")
    assert list(table.loc["ada"]) == [1, 0, 0, 0, 0.0]
    assert list(table.loc["boss"]) == [0, 0, 0, 0, 0.0]
    assert "secret" not in "\n".join(str(node) for node in page._tree)


def toggle(page: AppTest, label: str, value: bool) -> None:
    next(each for each in page.toggle if each.label == label).set_value(value)


def set_retention(page: AppTest) -> None:
    page.button(key="set_retention").click()
    assert not page.run().exception


def test_page__sets_what_is_kept(page: AppTest) -> None:
    turned(page, "settings")
    assert "Nobody has changed this yet." in [each.value for each in page.caption]
    toggle(page, "Keep pictures", True)
    [days, answers] = page.number_input
    days.set_value(7)
    set_retention(page)
    assert "Saved: what is kept" in sessions.said(page)
    kept = admin_settings.read_all(database.connect())
    keys = ("keep_pictures", "picture_days", "history_days")
    assert [kept[key].value for key in keys] == [True, 7, None]
    [who] = [each.value for each in page.caption if "set by" in each.value]
    assert who.count("set by boss") == 2  # what was not changed keeps who changed it
    kept_answer("ada")
    table = turned(page, "kept").dataframe[0].value.set_index("Username")
    assert list(table.loc["ada"]) == [1, 0, 0, 1, 1.5]
    answers = turned(page, "settings").number_input[1]
    answers.set_value(90)
    toggle(page, "Keep pictures", False)
    set_retention(page)
    assert admin_settings.read(database.connect(), "history_days").value == 90
    table = turned(page, "kept").dataframe[0].value.set_index("Username")
    assert list(table.loc["ada"]) == [1, 0, 0, 0, 0.0]


def test_page__sets_who_may_register(page: AppTest) -> None:
    turned(page, "settings")
    [mode] = [each for each in page.selectbox if each.label == "Who may register"]
    assert (mode.value, mode.options[0]) == (None, "as ALLSCOPE_REGISTRATION says: anyone")
    mode.select("invitation")
    toggle(page, "New accounts wait for approval", True)
    page.button(key="set_registration").click()
    assert "Saved: who may register" in sessions.said(page.run())
    kept = admin_settings.read_all(database.connect())
    assert [kept[key].value for key in ("registration", "approval", "captcha")] == [
        "invitation", True, False,
    ]  # fmt: skip
    lines = audit.search(
        database.connect(), AuditQuery(username="boss", action="setting changed")
    ).entries
    assert {line.target for line in lines} == {"registration", "approval"}


def test_page__counts_room_on_the_disk(page: AppTest, home: Path) -> None:
    (home / "demo").mkdir(parents=True)
    (home / "demo" / "1.png").write_bytes(b"x" * 2_500_000)
    table = turned(page, "kept").dataframe[1].value.set_index("What")
    assert table.loc["Demonstration set", "Size"] == "2.5 MB"
    assert table.loc["Demonstration set", "Where"] == str(home / "demo")
    assert table.loc["Database", "Size"] != "0.0 MB"
    assert any("are free where ALLSCOPE_HOME is" in each.value for each in page.caption)


def test_page__deletes_an_account_and_says_what_goes(page: AppTest) -> None:
    kept_answer("ada")
    choose(page, "ada")
    assert any("deleted for good, with 1 answer" in each.value for each in page.markdown)
    confirmed(page, "Delete")
    assert "ada is deleted" in sessions.said(page)
    assert list(listed(page)) == ["boss"]
    confirmed(choose(page, "boss"), "Delete")
    assert "last active administrator" in sessions.said(page)


def test_page__audit_log_tells_who_did_what(page: AppTest) -> None:
    give(choose(page, "ada"), "reviewer")
    confirmed(choose(page, "ada"), "Disable")
    table = turned(page, "audit").dataframe[0].value
    lines = list(zip(table["Who"], table["What"], table["On"], strict=True))
    assert ("boss", "role changed", "ada") in lines
    sessions.fill(page, Who="nobody")
    page.run()
    assert "No line matches" in sessions.said(page)


def test_page__health_says_what_there_is(page: AppTest) -> None:
    turned(page, "health")
    assert any("revision" in each.value for each in page.markdown)
    assert any("missing" in each.value for each in page.markdown)
    assert any("Device: CPU" in each.value.replace("\\", "") for each in page.markdown)


def test_page__signs_out_everywhere(page: AppTest) -> None:
    confirmed(choose(page, "ada"), "Sign out everywhere")
    assert "ada is signed out everywhere" in sessions.said(page)
    [line] = audit.search(database.connect(), AuditQuery(username="boss")).entries
    assert (line.action, line.target) == ("signed out everywhere", "ada")


def test_page__approves_who_waits(page: AppTest) -> None:
    assert "Yes, approve" not in [each.label for each in choose(page, "ada").button]
    with database.connect().write() as session:
        accounts.existing(session, "ada").waiting = True
    confirmed(choose(page.run(), "ada"), "Approve")
    ada = accounts.find(database.connect(), "ada")
    assert ada
    assert not ada.waiting
