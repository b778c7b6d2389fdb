"""The cookie that keeps someone signed in: streamlit-authenticator's, with three things mended.

It carries the account's session version, so that it ends with a password change; a forged cookie of
any kind is refused instead of raising; and it costs pages that neither write nor delete it nothing.
"""

import os
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import extra_streamlit_components as stx
import jwt
import streamlit as st
from streamlit_authenticator.models import CookieModel

from allcore.errors import StoreError

NAME = "allscope_session"
KEY_BYTES = 32
TASK = "cookie_task"
"""What the browser still has to do with the cookie: "write" or "delete"."""


class SessionCookie(CookieModel):
    """A signed token of username, session version and end (HS256, not readable by the server)."""

    def __init__(self, *, key: str, days: float) -> None:
        # The parent's constructor would put an invisible component on every page.
        self.cookie_name, self.cookie_key, self.cookie_expiry_days = NAME, key, days
        self.token: Any = None
        self.exp_date: float | None = None

    def read(self) -> dict[str, Any] | None:
        """Give what the browser's cookie says, if it is ours and has not expired."""
        if NAME not in st.context.cookies:
            return None
        return self.get_cookie() or None

    def settle(self) -> None:
        """Let the browser write or delete the cookie, in as many runs as it needs to answer."""
        task = st.session_state.get(TASK)
        if task is None:
            return
        if st.session_state.get(f"cookie_{task}"):
            del st.session_state[TASK]
            return
        now = datetime.now()
        end = now + timedelta(days=self.cookie_expiry_days) if task == "write" else now
        self.exp_date = end.timestamp()
        stx.CookieManager(key="cookie_all").set(
            NAME,
            self._token_encode() if task == "write" else "",
            key=f"cookie_{task}",
            expires_at=end,
            secure=(st.context.url or "").startswith("https:"),
        )

    def _token_encode(self) -> str:
        claims = {
            "username": st.session_state["username"],
            "version": st.session_state["session_version"],
            "exp_date": self.exp_date,
        }
        return jwt.encode(claims, self.cookie_key, algorithm="HS256")

    def _token_decode(self) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(self.token, self.cookie_key, algorithms=["HS256"])
        except jwt.PyJWTError:
            return {}
        return claims


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
