"""Messages of browsers that reach Streamlit: those of pages, at the pace of people.

Streamlit also takes messages that act on the server for everybody, such as clearing all caches,
from any browser with an open page. Pages of this app send none of them.
"""

import asyncio
import logging
import time

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

ALLOWED = {
    "rerun_script", "stop_script", "app_heartbeat", "file_urls_request", "deferred_file",
    "dataframe_chunk",
}  # fmt: skip
"""Messages that pages send; the last two are kinds of ``backend_operation_request``."""
RATE, BURST = 20.0, 200.0
"""Messages a second that a connection may send for long, and at once; further ones wait."""

_LOGGER = logging.getLogger(__name__)


class _SocketMessages:
    """Drops messages of a websocket that no page sends, and slows down floods."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        left, last = BURST, time.monotonic()

        async def receive_allowed() -> Message:
            nonlocal left, last
            while True:
                message = await receive()
                now = time.monotonic()
                left, last = min(BURST, left + (now - last) * RATE) - 1, now
                if left < 0:
                    await asyncio.sleep(-left / RATE)
                if is_allowed(message):
                    return message

        await self.app(scope, receive_allowed, send)


def is_allowed(message: Message) -> bool:
    """Tell whether Streamlit may have a message; one that can't be read it refuses itself."""
    if message["type"] != "websocket.receive" or not message.get("bytes"):
        return True
    said = BackMsg()
    try:
        said.ParseFromString(message["bytes"])
    except Exception:  # protobuf's DecodeError, a package of Streamlit's
        return True
    kind = str(said.WhichOneof("type"))
    if kind == "backend_operation_request":
        kind = str(said.backend_operation_request.WhichOneof("payload"))
    if kind in ALLOWED:
        return True
    _LOGGER.warning("A browser's message was dropped: %s", kind)
    return False


MIDDLEWARE = [Middleware(_SocketMessages)]
