"""Passwords, keys and codes are in no log, table or address, whatever a person does with them."""

import logging
from pathlib import Path

import pytest

from allcore import logs
from allcore.store import codes, database, registration
from allcore.store.models import Base
from allcore.web import cookie
from tests.web import sessions

PASSWORDS = (
    "first horse battery",
    "second horse battery",
    "third horse battery",
    "wrong horse one",
)
NAMES = ("adalovelace", "Ada King", "ada@king.org")


def changed(code: str) -> str:
    """Register, sign out and in, fail, change the password and reset it; give the session's key."""
    first, second, third, wrong = PASSWORDS
    app = sessions.open_page(sessions.session(), "register")
    username, name, email = NAMES
    sessions.fill(app, Invitation_code=code, Username=username, Your_name=name)
    app.text_input[3].set_value(email)
    sessions.fill(app, New_password=first, Repeat_new_password=first)
    sessions.press(app, "Make the account")
    sessions.sign_out(app)
    sessions.open_page(app, "sign_in")
    sessions.sign_in(app, first, wrong)  # the password in the wrong field
    sessions.sign_in(app, username, wrong)
    sessions.sign_in(app, username, first)
    sessions.open_page(app, "account")
    sessions.fill(app, Current_password=first, New_password=second, Repeat_new_password=second)
    sessions.press(app, "Change the password")
    reset = codes.issue_reset(database.connect(), username)
    codes.redeem_reset(database.connect(), reset, password=third)
    sessions.sign_in(sessions.open_page(app, "sign_in"), username, third)
    key: str = app.session_state[cookie.SESSION_KEY]
    return "\n".join([key, reset])


def test_secrets__are_in_no_log_and_no_table(
    home: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALLSCOPE_LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("ALLSCOPE_REGISTRATION", "invitation")
    sessions.add("boss", role="admin")  # no setup code is printed
    monkeypatch.setattr(logs.LOGGER, "handlers", [])
    caplog.set_level(logging.DEBUG)
    for name in ("streamlit", "sqlalchemy.engine", "alembic"):
        caplog.set_level(logging.DEBUG, logger=name)
    invitation = registration.invite(database.connect())
    key, reset = changed(invitation).splitlines()
    secrets = [*PASSWORDS, key, reset, invitation, cookie.signing_key(home)]
    printed = "".join(capfd.readouterr())
    with database.connect().read() as session:
        tables = [session.execute(table.select()).all() for table in Base.metadata.sorted_tables]
    kept = str(tables)
    assert NAMES[0] in kept and NAMES[0] in caplog.text
    for where in (caplog.text, printed, kept):
        assert [secret for secret in secrets if secret in where] == []
    ours = [line for line in printed.splitlines() if line.startswith('{"time"')]
    assert any('"signed in"' in line for line in ours)
    assert [name for name in NAMES if name in "".join(ours)] == []
