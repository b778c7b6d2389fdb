"""The cookie that keeps someone signed in: streamlit-authenticator's, with three things mended.

It carries the key of a session that the database knows, so that it ends when the session is ended;
a forged cookie of any kind is refused instead of raising; and the browser writes it at once,
without a component.
"""

import json
import os
import secrets
import time
from pathlib import Path
from typing import Any

import jwt
import streamlit as st
from streamlit_authenticator.models import CookieModel

from allcore.errors import StoreError
from allcore.web import client_address

NAME = "allscope_session"
KEY_BYTES = 32
ASKED_SECONDS = 60
"""How long the browser is asked: a page that is drawn again at once may never reach it."""
SESSION_KEY = "session_key"
_ASKED = "cookie_asked"


class SessionCookie(CookieModel):
    """A token of username, session key and end, signed with HS256; scripts can read it."""

    def __init__(self, *, key: str, days: float) -> None:
        # The parent's constructor would put a component on every page that loads fonts from afar.
        self.cookie_name, self.cookie_key, self.cookie_expiry_days = name(), key, days
        self.token: Any = None
        self.exp_date: float | None = None

    def read(self) -> dict[str, Any] | None:
        """Give what the browser's cookie says, if it is ours and has not expired."""
        if self.cookie_name not in st.context.cookies:
            return None
        claims = self.get_cookie() or {}
        return claims if isinstance(claims.get("session"), str) else None

    def write(self) -> None:
        """Have the browser keep a cookie for who is signed in now."""
        self.exp_date = self._set_exp_date()
        self._ask(self._token_encode(), seconds=self.cookie_expiry_days * 86400)

    def delete(self) -> None:
        """Have the browser drop the cookie."""
        self._ask("", seconds=0)

    def _ask(self, value: str, *, seconds: float) -> None:
        secure = "; Secure" if client_address.behind_tls() else ""
        line = (
            f"{self.cookie_name}={value}; path=/; max-age={int(seconds)}; SameSite=Strict{secure}"
        )
        script = f"<script>document.cookie = {json.dumps(line)}</script>"
        st.session_state[_ASKED] = (script, time.monotonic() + ASKED_SECONDS)

    def _token_encode(self) -> str:
        claims = {
            "username": st.session_state["username"],
            "session": st.session_state[SESSION_KEY],
            "exp_date": self.exp_date,
        }
        return jwt.encode(claims, self.cookie_key, algorithm="HS256")

    def _token_decode(self) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(self.token, self.cookie_key, algorithms=["HS256"])
        except jwt.PyJWTError:
            return {}
        return claims


def name() -> str:
    """What the cookie is called: with TLS so that no neighbouring host can have set it."""
    return f"__Host-{NAME}" if client_address.behind_tls() else NAME


def settle() -> None:
    """Draw what makes the browser write or delete the cookie, where it was asked to of late."""
    script, until = st.session_state.get(_ASKED, ("", 0.0))
    if time.monotonic() < until:
        st.html(script, unsafe_allow_javascript=True)


def signing_key(home: Path) -> str:
    """Read this installation's signing key, making it at the first start with file mode 600.

    Raises:
        StoreError: the key can't be made or is damaged.
    """
    path = home / "cookie.key"
    try:
        if not path.exists():
            _make(path)
        key = path.read_text().strip()
    except OSError as error:
        raise StoreError(
            f"The file {path} can't be used: {error.strerror}; "
            "set ALLSCOPE_HOME to a folder you may write in."
        ) from None
    if len(key) < 2 * KEY_BYTES:
        raise StoreError(f"The file {path} is damaged; delete it, and everyone signs in again.")
    return key


def _make(path: Path) -> None:
    """Write the key aside and link it into place, so that nobody ever reads half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(KEY_BYTES))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its key is the one
    finally:
        draft.unlink()
