import getpass
import io
import json
import sys
from pathlib import Path

import pytest

from allcore import __main__ as cli
from allcore.cli import users
from allcore.errors import StoreError
from allcore.store import accounts, codes, database, passwords, registration, roles, sign_in

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def piped(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No terminal, a fresh state folder, quick hashes."""
    monkeypatch.setattr(passwords, "ROUNDS", 4)
    monkeypatch.setattr(sys, "stdin", io.StringIO(PASSWORD + "\n"))


def printed_code(capsys: pytest.CaptureFixture[str]) -> str:
    return next(line.strip() for line in capsys.readouterr().out.splitlines() if "    " in line)


def test_add__from_standard_input() -> None:
    users.add("Ada", role="admin", email="a@b.org", password_file=Path("-"))
    made = sign_in.authenticate(database.connect(), "ada", PASSWORD)
    assert (made.role, made.email, made.display_name) == ("admin", "a@b.org", "Ada")


def test_add__from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(f"{PASSWORD}\r\nnot this line\r\n".encode())
    users.add("ada", password_file=tmp_path / "secret")
    sign_in.authenticate(database.connect(), "ada", PASSWORD)


def test_add__asks_twice_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([PASSWORD, PASSWORD, PASSWORD, "something else"])
    monkeypatch.setattr(getpass, "getpass", lambda prompt: next(answers))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    users.add("ada")
    sign_in.authenticate(database.connect(), "ada", PASSWORD)
    with pytest.raises(StoreError, match="passwords differ"):
        users.add("bob")
    assert accounts.find(database.connect(), "bob") is None


def test_add__prints_a_code_where_nobody_can_type(capsys: pytest.CaptureFixture[str]) -> None:
    users.add("ada", display_name="Ada L.")
    opened = database.connect()
    assert [account.state for account in accounts.list_all(opened)] == ["no password yet"]
    codes.redeem_reset(opened, printed_code(capsys), password=PASSWORD)
    sign_in.authenticate(opened, "ada", PASSWORD)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"role": "king"}, "no role 'king'"),
        ({"email": "nonsense"}, "not an e-mail address"),
        ({"password_file": Path("/nowhere/secret")}, "can't be read"),
    ],
)
def test_add__refuses(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(StoreError, match=sentence):
        users.add("ada", **options)  # type: ignore[arg-type]
    assert accounts.list_all(database.connect()) == []


def test_list__as_table_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    users.list_accounts()
    assert "users add NAME" in capsys.readouterr().out
    users.add("ada", role="admin")
    users.add("bob")
    users.disable("bob")
    capsys.readouterr()
    users.list_accounts()
    table = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in table] == [
        ["username", "role"], ["ada", "admin"], ["bob", "user"]
    ]  # fmt: skip
    users.list_accounts(as_json=True)
    listed = json.loads(capsys.readouterr().out)
    assert [row["state"] for row in listed] == ["no password yet", "disabled"]


def test_change__an_account(capsys: pytest.CaptureFixture[str]) -> None:
    users.add("ada", role="admin")
    users.add("bob", password_file=Path("-"))
    users.role("bob", "admin")
    users.disable("ada")
    users.enable("ada")
    capsys.readouterr()
    users.reset("bob")
    opened = database.connect()
    codes.redeem_reset(opened, printed_code(capsys), password="another password")
    assert sign_in.authenticate(opened, "bob", "another password").role == "admin"
    ada = accounts.find(opened, "ada")
    assert ada
    assert ada.active


def test_main__one_line_and_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["allcore", "users", "disable", "nobody"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == "Error: There is no account named 'nobody'."


def test_main__wrong_usage_is_status_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["allcore", "users", "add"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2


@pytest.mark.parametrize("role", roles.ACCOUNT_ROLES)
def test_role__each_of_the_table(role: str, capsys: pytest.CaptureFixture[str]) -> None:
    users.add("boss", role="admin")
    users.add("ada", role=role)
    found = accounts.find(database.connect(), "ada")
    assert found
    assert found.role == role
    users.role("ada", "reviewer")
    assert "ada has the role reviewer." in capsys.readouterr().out
    with pytest.raises(StoreError, match="use one of: demo, user, reviewer, admin"):
        users.role("ada", "visitor")


def test_invite__prints_a_link_that_works_once(capsys: pytest.CaptureFixture[str]) -> None:
    users.invite(role="reviewer", note="Ada", days=3)
    code = printed_code(capsys).removeprefix("/register?invitation=")
    made = registration.register(
        database.connect(),
        username="ada",
        display_name="Ada",
        password=PASSWORD,
        invitation=code,
    )
    assert made.role == "reviewer"


def test_approve__lets_somebody_in() -> None:
    users.add("ada", password_file=Path("-"))
    opened = database.connect()
    with opened.write() as session:
        accounts.existing(session, "ada").waiting = True
    users.approve("ada")
    sign_in.authenticate(opened, "ada", PASSWORD)


def test_invitations__are_listed_and_withdrawn(capsys: pytest.CaptureFixture[str]) -> None:
    users.invitations()
    assert "No invitation can be used" in capsys.readouterr().out
    users.invite(role="reviewer", note="Ada", days=3)
    code = printed_code(capsys).split("invitation=")[1]
    users.invitations()
    said = capsys.readouterr().out
    assert "reviewer" in said and "Ada" in said and "command line" in said
    assert code not in said
    users.invitations(as_json=True)
    [row] = json.loads(capsys.readouterr().out)
    assert (row["role"], row["note"], row["made_by"]) == ("reviewer", "Ada", None)
    users.withdraw(row["id"])
    with pytest.raises(StoreError, match="No invitation 1 can be used"):
        users.withdraw(row["id"])
    with pytest.raises(StoreError, match="wrong, used or too old"):
        registration.check(database.connect(), code)
