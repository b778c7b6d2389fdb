"""The HTML page that the server sends first, with styles that hold before the app has run.

Streamlit tells the browser of the wide layout after the first picture, which moves everything, and
draws what `st.html` brings even later.
"""

from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PLACE = b"<title>Streamlit</title>"
_HEAD = Path(__file__).with_name("index_head.html").read_bytes()
_DROPPED = {b"accept-encoding", b"if-none-match", b"if-modified-since"}
"""Request headers that would bring a compressed page, or none."""


class _IndexPage:
    """Writes the head into pages that a browser asks for."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or "text/html" not in Headers(scope=scope).get("accept", ""):
            await self.app(scope, receive, send)
            return
        headers = [(name, value) for name, value in scope["headers"] if name not in _DROPPED]
        start: Message | None = None

        async def send_with_head(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message  # held back, since the body changes its length
                return
            if start is not None:
                body = message.get("body", b"")
                if _PLACE in body:
                    message = {**message, "body": body.replace(_PLACE, _HEAD, 1)}
                    answer = MutableHeaders(raw=start["headers"])
                    length = int(answer["content-length"]) + len(_HEAD) - len(_PLACE)
                    answer["content-length"] = str(length)
                    del answer["etag"], answer["last-modified"]
                await send(start)
                start = None
            await send(message)

        await self.app({**scope, "headers": headers}, receive, send_with_head)


MIDDLEWARE = [Middleware(_IndexPage)]
