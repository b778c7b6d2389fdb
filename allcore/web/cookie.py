"""The cookie that keeps someone signed in.

streamlit-authenticator reads its token. The token is written here, because it also carries the key
of a session in the database, so that it is refused once that session has ended. No script ever sees
it: a page only asks for it by a ticket, and the server's answer sets the cookie (`HttpOnly`).
"""

import contextlib
import json
import os
import secrets
import tempfile
import time
from pathlib import Path
from typing import Any

import jwt
import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit_authenticator.models import CookieModel

from allcore.errors import StoreError
from allcore.web import client_address

NAME = "allscope_session"
KEY_BYTES = 32
REQUEST_SECONDS = 60
"""How long the browser is asked: a page that reruns at once may never reach it."""
PATH, HEADER = "/session_cookie", "X-ALLScope"
"""Where a page brings its ticket, and a header that no page of another site can send."""
SESSION_KEY = "session_key"
_REQUEST = "cookie_request"
_tickets: dict[str, tuple[str, float]] = {}
"""Cookies to set, as header lines, and until when, by ticket; a ticket is used once."""


class SessionCookie(CookieModel):
    """A token of username, session key and end, signed with HS256."""

    def __init__(self, *, key: str, days: float) -> None:
        # The parent's constructor would put a component on every page that loads fonts from afar.
        self.cookie_name, self.cookie_key, self.cookie_expiry_days = name(), key, days

    def read(self) -> dict[str, Any] | None:
        """Return the claims of the browser's cookie if it is ours and has not expired."""
        st.session_state.setdefault("logout", None)  # which the parent takes as given
        try:
            claims = self.get_cookie() or {}
        except jwt.PyJWTError:  # signed in another way
            return None
        return claims if isinstance(claims.get("session"), str) else None

    def write(self, username: str, session: str) -> None:
        """Have the browser store a cookie for a session."""
        seconds = self.cookie_expiry_days * 86400
        claims = {"username": username, "session": session, "exp_date": time.time() + seconds}
        self._request(jwt.encode(claims, self.cookie_key, algorithm="HS256"), seconds=seconds)

    def delete(self) -> None:
        """Have the browser drop the cookie."""
        self._request("", seconds=0)

    def _request(self, value: str, *, seconds: float) -> None:
        line = f"{self.cookie_name}={value}; Path=/; Max-Age={int(seconds)}; SameSite=Strict"
        line += "; HttpOnly; Secure" if client_address.behind_tls() else "; HttpOnly"
        ticket, until = secrets.token_urlsafe(KEY_BYTES), time.monotonic() + REQUEST_SECONDS
        _tickets[ticket] = (line, until)
        options = {
            "method": "POST", "body": ticket, "headers": {HEADER: "1"}, "keepalive": True,
        }  # fmt: skip
        address = f"/{st.get_option('server.baseUrlPath')}".rstrip("/") + PATH
        script = f"<script>fetch({json.dumps(address)}, {json.dumps(options)})</script>"
        st.session_state[_REQUEST] = (script, until)


class _CookieRequests:
    """Answers pages that bring a ticket with the cookie that it stands for, once."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or not scope["path"].endswith(PATH):
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        answer = Response(status_code=403)
        if request.method == "POST" and HEADER in request.headers:
            line = await _redeemed(request)
            answer = Response(status_code=204, headers={"Cache-Control": "no-store"})
            if line:  # a page that is drawn again brings its ticket again
                answer.headers["Set-Cookie"] = line
        await answer(scope, receive, send)


async def _redeemed(request: Request) -> str:
    """Return the cookie of the ticket in a request's body; empty where it is none, used or old."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > 2 * KEY_BYTES:
            return ""
    for ticket in [each for each, (_, until) in list(_tickets.items()) if until < time.monotonic()]:
        _tickets.pop(ticket, None)
    line, _ = _tickets.pop(body.decode("ascii", "replace"), ("", 0.0))
    return line


MIDDLEWARE = [Middleware(_CookieRequests)]


def name() -> str:
    """Name of the cookie: with TLS one that no neighbouring host can set."""
    return f"__Host-{NAME}" if client_address.behind_tls() else NAME


def settle() -> None:
    """Run the script that asks for the cookie or its end, where that was requested of late."""
    script, until = st.session_state.get(_REQUEST, ("", 0.0))
    if time.monotonic() < until:
        st.html(script, unsafe_allow_javascript=True)


def signing_key(home: Path) -> str:
    """Read this installation's signing key, made at the first start with file mode 600.

    Raises:
        StoreError: the key can't be made or is damaged.
    """
    path = home / "cookie.key"
    try:
        if not path.exists():
            # Written aside and linked into place, so that nobody ever reads half of a key.
            home.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=home) as draft:  # of mode 600
                draft.write(secrets.token_hex(KEY_BYTES))
                draft.flush()
                with contextlib.suppress(FileExistsError):  # another process was first
                    os.link(draft.name, path)
        key = path.read_text().strip()
    except OSError as error:
        raise StoreError(
            f"The file {path} can't be used: {error.strerror}; "
            "set ALLSCOPE_HOME to a folder you may write in."
        ) from None
    if len(key) < 2 * KEY_BYTES:
        raise StoreError(f"The file {path} is damaged; delete it, and everyone signs in again.")
    return key
