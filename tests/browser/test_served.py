"""What a real server answers to requests that no page of ours makes."""

import contextlib
import http.client
import os
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from benchmarks import servers
from tests.browser.conftest import Server

pytestmark = pytest.mark.timeout(300)

UPLOAD = "/_stcore/upload_file/session/file"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that can ask nobody: Streamlit looks its own address up for a foreign origin."""
    folder = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("ALLSCOPE_")]:
            if name != "ALLSCOPE_MODELS":
                patch.delenv(name)
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            patch.setenv(name, NOWHERE)
        patch.setenv("no_proxy", "127.0.0.1")
        with servers.serving(servers.APP, home=folder / "home", log=folder / "log") as address:
            (folder / "home").mkdir(exist_ok=True)
            yield Server(address, folder / "log")


def ask(
    server: Server, path: str, *, method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], str]:
    """Send a path as it is; give status, headers and body of the answer."""
    there = http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=20)
    there.putrequest(method, path, skip_accept_encoding=True)
    for name, value in (headers or {}).items():
        there.putheader(name, value)
    there.endheaders()
    answer = there.getresponse()
    told = {name.lower(): value for name, value in answer.getheaders()}
    body = answer.read().decode("utf-8", "replace")
    there.close()
    return answer.status, told, body


PATHS = [
    "/pages/", "/pages/home.py", "/app.py", "/allcore/roles.py", "/.git/config", "/.git/",
    "/.streamlit/config.toml", "/.streamlit/", "/requirements.txt", "/static/", "/app/static/",
    "/app/static/home/cookie.key", "/media/", "/component/", "/var/", "/var/cookie.key",
    "/home/cookie.key", "/cookie.key", "/allscope.db", "/models/", "/Thumbs.db", "/.DS_Store",
    "/app.py.bak", "/../app.py", "/static/../../app.py", "/%2e%2e/%2e%2e/etc/passwd",
    "/..%2f..%2f..%2fetc%2fpasswd", "/component/../../app.py", "//etc/passwd", "/media/..%2fapp.py",
    "/static/%2e%2e/%2e%2e/%2e%2e/app.py", "/_stcore/bidi-components/x/../../app.py",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_paths__give_no_file_and_no_listing(served: Server, path: str) -> None:
    """An unknown address is answered with the empty frame of every page, or refused."""
    frame = ask(served, "/")[2]
    status, _, body = ask(served, path)
    assert status >= 300 or body == frame


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "MADEUP"])
@pytest.mark.parametrize("path", ["/", "/account", "/_stcore/health", "/media/x"])
def test_methods__only_those_in_use(served: Server, path: str, method: str) -> None:
    assert ask(served, path, method=method)[0] in (400, 403, 404, 405, 501)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_upload__needs_the_token_of_the_page(served: Server, method: str) -> None:
    forged = {"Cookie": "_streamlit_xsrf=made-up", "X-Xsrftoken": "made-up"}
    for headers in ({}, forged):
        assert ask(served, UPLOAD, method=method, headers=headers)[0] == 403


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example"]
)
def test_socket__of_another_origin_is_refused(served: Server, origin: str) -> None:
    address = served.address.replace("http", "ws") + "/_stcore/stream"
    with pytest.raises(InvalidStatus) as refused:
        connect(address, origin=origin, proxy=None)  # type: ignore[arg-type]
    assert refused.value.response.status_code == 403
    with connect(address, origin=served.address, proxy=None) as socket:  # type: ignore[arg-type]
        socket.ping()


def test_socket__says_at_most_some_megabytes(served: Server) -> None:
    address = served.address.replace("http", "ws") + "/_stcore/stream"
    with connect(address, proxy=None) as socket:
        socket.send(b"\0" * 11_000_000)
        with contextlib.suppress(ConnectionClosed):
            while socket.recv(timeout=20):
                pass
        assert socket.close_code == 1009


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/_stcore/host-config"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_cors__names_no_other_origin(served: Server, path: str, origin: str) -> None:
    headers = ask(served, path, headers={"Origin": origin})[1]
    assert headers.get("access-control-allow-origin") in (None, served.address)


def test_headers__no_page_is_cached_and_each_has_a_type(served: Server) -> None:
    for path in ("/", "/account", "/_stcore/health", "/_stcore/host-config"):
        headers = ask(served, path)[1]
        assert headers["cache-control"] == "no-cache"
        assert headers["content-type"].split(";")[0] in (
            "text/html",
            "text/plain",
            "application/json",
        )
        assert "charset=utf-8" in headers["content-type"] or "json" in headers["content-type"]
        assert not re.search(r"\d", headers.get("server", ""))
        assert "x-powered-by" not in headers


def test_host_config__no_page_around_may_steer(served: Server) -> None:
    assert '"allowedOrigins":[]' in ask(served, "/_stcore/host-config")[2].replace(" ", "")


def test_agents__are_not_served(served: Server) -> None:
    for path in ("/_stcore/agent/interact", "/_stcore/agent/mcp"):
        assert ask(served, path, method="POST", headers={"Content-Length": "0"})[0] >= 400
