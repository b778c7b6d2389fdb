"""A server on this machine in place of a mirror, which can fail in the ways that real ones do."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from tests import released


class StandIn:
    """A mirror of the small release.

    Attributes:
        url: where the release's paths begin.
        files: what it serves.
        ranges: whether it knows Range requests.
        asked: how often each path was asked for.
        starts: first byte of every range that was asked for.
        break_after: bytes of a file after which the connection is dropped, for so many answers.
        statuses: answers of a path before it is served; a list is used up, an int stays.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.files = {path: released.content(path) for path in released.PATHS}
        self.ranges = True
        self.asked: Counter[str] = Counter()
        self.starts: list[int] = []
        self.break_after: dict[str, tuple[int, int]] = {}
        self.statuses: dict[str, list[int] | int] = {}
        self.wrong_start = False

    def status(self, path: str) -> int:
        """What to answer now."""
        given = self.statuses.get(path, [])
        if isinstance(given, int):
            return given
        return given.pop(0) if given else 200 if path in self.files else 404

    def breaks(self, path: str) -> int | None:
        """Bytes after which to drop the connection this time, or None."""
        after, times = self.break_after.get(path, (0, 0))
        self.break_after[path] = (after, times - 1)
        return after if times > 0 else None


@contextmanager
def serving() -> Iterator[StandIn]:
    """Run a stand-in for as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer(self, mirror)

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    mirror = StandIn(f"http://127.0.0.1:{server.server_address[1]}/cnmc")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield mirror
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(request: BaseHTTPRequestHandler, mirror: StandIn) -> None:
    """Serve one request the way the stand-in is set."""
    path = unquote(request.path).removeprefix("/cnmc/")
    mirror.asked[path] += 1
    status = mirror.status(path)
    if status != 200:
        return send(request, status, b"")
    data, start = mirror.files[path], 0
    headers: dict[str, str] = {}
    asked = request.headers.get("Range")
    if asked and mirror.ranges:
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        mirror.starts.append(start)
        told = start + 1 if mirror.wrong_start else start
        headers["Content-Range"] = f"bytes {told}-{len(data) - 1}/{len(data)}"
        status = 206
    send(request, status, data[start:], headers, mirror.breaks(path))


def send(
    request: BaseHTTPRequestHandler,
    status: int,
    data: bytes,
    headers: dict[str, str] | None = None,
    breaks: int | None = None,
) -> None:
    """Answer, or drop the connection in the middle of the body."""
    request.send_response(status)
    for name, value in (headers or {}).items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(data)))
    request.end_headers()
    request.wfile.write(data[:breaks])
    request.close_connection = breaks is not None
