"""Messages that act on the server for everybody are dropped, floods are slowed down."""

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket
from streamlit.proto.BackMsg_pb2 import BackMsg

from allcore.web import socket_messages


def message(kind: str, operation: str = "") -> bytes:
    """A message of a kind, with nothing in it."""
    said = BackMsg()
    part = getattr(said, kind)
    if operation:
        getattr(part, operation).SetInParent()
    elif isinstance(part, bool):
        setattr(said, kind, True)
    else:
        part.SetInParent()
    return said.SerializeToString()


def client(heard: list[bytes]) -> TestClient:
    """A server that keeps what it hears and answers with how many that were."""

    async def stream(socket: WebSocket) -> None:
        await socket.accept()
        async for data in socket.iter_bytes():
            heard.append(data)
            await socket.send_text(str(len(heard)))

    routes = [WebSocketRoute("/_stcore/stream", stream)]
    return TestClient(Starlette(routes=routes, middleware=socket_messages.MIDDLEWARE))


KINDS = [field.name for field in BackMsg.DESCRIPTOR.oneofs_by_name["type"].fields]
OPERATIONS = [
    field.name
    for field in BackMsg.DESCRIPTOR.fields_by_name["backend_operation_request"]
    .message_type.oneofs_by_name["payload"]
    .fields
]


@pytest.mark.parametrize(
    ("kind", "operation"),
    [(kind, "") for kind in KINDS if kind != "backend_operation_request"]
    + [("backend_operation_request", operation) for operation in OPERATIONS],
)
def test_messages__only_those_of_pages_arrive(kind: str, operation: str) -> None:
    """Of all that Streamlit knows; it clears every cache, or writes files, for whoever asks."""
    arrives = {
        "rerun_script", "stop_script", "app_heartbeat", "file_urls_request", "deferred_file",
        "dataframe_chunk",
    }  # fmt: skip
    heard: list[bytes] = []
    asked, last = message(kind, operation), message("rerun_script")
    with client(heard).websocket_connect("/_stcore/stream") as socket:
        socket.send_bytes(asked)
        socket.send_bytes(last)
        while heard[-1:] != [last]:
            socket.receive_text()
    assert heard == ([asked, last] if (operation or kind) in arrives else [last])


def test_messages__what_cannot_be_read_is_left_to_streamlit() -> None:
    assert socket_messages.is_allowed({"type": "websocket.receive", "bytes": b"\xff\xff"})
    assert socket_messages.is_allowed({"type": "websocket.disconnect"})


def test_messages__a_flood_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(socket_messages.asyncio, "sleep", sleep)
    monkeypatch.setattr(socket_messages, "BURST", 6.0)  # the connection is the first
    heard: list[bytes] = []
    with client(heard).websocket_connect("/_stcore/stream") as socket:
        for _ in range(5):
            socket.send_bytes(message("rerun_script"))
            socket.receive_text()
        assert waits == []
        for _ in range(5):
            socket.send_bytes(message("rerun_script"))
        for _ in range(5):
            socket.receive_text()
    assert waits and max(waits) > 0.5 / socket_messages.RATE
