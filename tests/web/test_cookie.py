import base64
import json
import re
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import jwt
import pytest
import streamlit as st
from sqlalchemy import update
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from allcore.errors import StoreError
from allcore.store import accounts, database
from allcore.store import sessions as sessions_kept
from allcore.store.models import SessionRow
from allcore.web import cookie
from tests.web import sessions

SOON = (datetime.now() + timedelta(days=1)).timestamp()


def returning(
    monkeypatch: pytest.MonkeyPatch, token: str, *, name: str = cookie.NAME, url: str = "http://x"
) -> AppTest:
    """Open Account as a browser that brings a cookie along."""
    brought = {"cookies": {name: token}, "url": url, "headers": {}}
    context = type("Context", (), brought | {"ip_address": None})
    monkeypatch.setattr(st, "context", context)
    return sessions.open_page(sessions.session(), "account")


def token(home: Path, *, key: str | None = None, method: str = "HS256", **claims: Any) -> str:
    made = {"username": "ada", "exp_date": SOON} | claims
    if "session" not in made:
        account = accounts.find(database.connect(), "ada")
        assert account
        made["session"] = sessions_kept.begin(database.connect(), account)
    signing = key if key is not None else cookie.signing_key(home)
    return jwt.encode(made, "" if method == "none" else signing, algorithm=method)


def test_cookie__signs_in_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions.add("ada")
    assert sessions.title(returning(monkeypatch, token(home))) == "Account"


def test_cookie__with_tls_it_is_of_this_host_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of a neighbouring host can set any cookie but one of this name."""
    sessions.add("ada")
    made, secure = token(home), f"__Host-{cookie.NAME}"
    tossed = returning(monkeypatch, made, url="https://x")
    assert sessions.title(tossed) == "Sign in"
    assert sessions.title(returning(monkeypatch, made, name=secure, url="https://x")) == "Account"
    assert sessions.title(returning(monkeypatch, made, name=secure)) == "Sign in"


def test_cookie__is_another_at_each_sign_in(home: Path) -> None:
    sessions.add("ada")
    keys = set()
    for _ in range(3):
        app = sessions.sign_in(sessions.open_page(sessions.session(), "account"), "ada")
        keys.add(app.session_state[cookie.SESSION_KEY])
    sessions.sign_out(app)
    sessions.sign_in(sessions.open_page(app, "account"), "ada")  # in the same browser
    keys.add(app.session_state[cookie.SESSION_KEY])
    assert len(keys) == 4
    assert all(len(base64.urlsafe_b64decode(key + "=")) == 32 for key in keys)  # 256 bits


@pytest.mark.parametrize(
    "change",
    [
        {"key": "0" * 64},
        {"method": "none"},
        {"method": "HS512"},
        {"exp_date": datetime.now().timestamp() - 1},
        {"session": "made up"},
        {"session": None},
        {"session": 7},
        {"username": "nobody"},
    ],
    ids=lambda change: next(iter(change)),  # the same in every process that collects them
)
def test_cookie__refused(
    home: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    sessions.add("ada")
    app = returning(monkeypatch, token(home, **change))
    assert sessions.title(app) == "Sign in"


@pytest.mark.parametrize("text", ["", "nonsense", "a.b.c", "é" * 10])
def test_cookie__nonsense(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions.add("ada")
    assert sessions.title(returning(monkeypatch, text)) == "Sign in"


def test_cookie__of_a_disabled_account(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions.add("ada")
    accounts.set_active(database.connect(), "ada", active=False)
    made = token(home)
    assert sessions.title(returning(monkeypatch, made)) == "Sign in"


def test_cookie__is_ignored_after_signing_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions.add("ada")
    app = returning(monkeypatch, token(home))
    sessions.sign_out(app)
    assert sessions.title(sessions.open_page(app, "account")) == "Sign in"


def test_cookie__a_copy_is_useless_after_signing_out(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions.add("ada")
    copied = token(home)
    first, second = returning(monkeypatch, copied), returning(monkeypatch, copied)
    assert sessions.title(second) == "Account"
    sessions.sign_out(first)
    assert sessions.title(returning(monkeypatch, copied)) == "Sign in"
    assert sessions.title(second.run()) == "Sign in"  # whoever came with it is out as well


def test_cookie__lies_idle(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions.add("ada")
    made = token(home)
    with database.connect().write() as session:
        session.execute(update(SessionRow).values(used_at=datetime.now(UTC) - timedelta(hours=13)))
    assert sessions.title(returning(monkeypatch, made)) == "Sign in"
    monkeypatch.setenv("ALLSCOPE_IDLE_MINUTES", "0")
    assert sessions.title(returning(monkeypatch, made)) == "Account"


@pytest.fixture
def server() -> TestClient:
    """A server of nothing but the middleware."""
    return TestClient(Starlette(middleware=cookie.MIDDLEWARE), base_url="http://localhost")


def ticket(app: AppTest) -> str:
    """The ticket in the script of the page that is open."""
    [script] = [each for each in app.get("html") if "fetch(" in each.proto.body]
    options = json.loads(re.search(r", ({.*})\)", script.proto.body)[1])  # type: ignore[index]
    return str(options["body"])


def test_ticket__brings_the_cookie_once(home: Path, server: TestClient) -> None:
    sessions.add("ada")
    app = sessions.sign_in(sessions.open_page(sessions.session(), "account"), "ada")
    asked = {"content": ticket(app), "headers": {cookie.HEADER: "1"}}
    first, again = (server.post(cookie.PATH, **asked) for _ in range(2))
    kept = SimpleCookie(first.headers["set-cookie"])[cookie.NAME]
    claims = jwt.decode(kept.value, cookie.signing_key(home), algorithms=["HS256"])
    assert (claims["username"], claims["session"]) == ("ada", app.session_state["session_key"])
    assert (kept["httponly"], kept["samesite"], kept["path"]) == (True, "Strict", "/")
    assert first.headers["cache-control"] == "no-store"
    assert "set-cookie" not in again.headers
    sessions.sign_out(app)
    asked["content"] = ticket(app)
    ended = SimpleCookie(server.post(cookie.PATH, **asked).headers["set-cookie"])[cookie.NAME]
    assert (ended.value, ended["max-age"]) == ("", "0")


def test_ticket__old_or_of_another_site(
    home: Path, server: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions.add("ada")
    app = sessions.sign_in(sessions.open_page(sessions.session(), "account"), "ada")
    made, ours = ticket(app), {cookie.HEADER: "1"}
    assert server.post(cookie.PATH, content=made).status_code == 403  # without the header
    assert server.get(cookie.PATH, headers=ours).status_code == 403
    for wrong in (b"", b"x" * 43, b"\xff" * 43, made.encode() * 1000):
        assert "set-cookie" not in server.post(cookie.PATH, content=wrong, headers=ours).headers
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + cookie.REQUEST_SECONDS + 1)
    assert "set-cookie" not in server.post(cookie.PATH, content=made, headers=ours).headers


def test_signing_key__is_made_once_and_private(tmp_path: Path) -> None:
    home = tmp_path / "new"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: cookie.signing_key(home), range(32)))
    assert len(keys) == 1
    assert len(bytes.fromhex(keys.pop())) == 32
    assert stat.S_IMODE((home / "cookie.key").stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == ["cookie.key"]


def test_signing_key__damaged(tmp_path: Path) -> None:
    (tmp_path / "cookie.key").write_text("short")
    with pytest.raises(StoreError, match="is damaged; delete it"):
        cookie.signing_key(tmp_path)


def test_signing_key__no_place_to_write(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(StoreError, match="set ALLSCOPE_HOME"):
        cookie.signing_key(tmp_path / "home")
