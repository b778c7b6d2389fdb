"""The server's start and end, with real sockets and processes."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from allcore.errors import AllScopeError
from allcore.web import serve
from benchmarks import servers


def test_free_port__the_next_one_where_it_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert port < serve.free_port("127.0.0.1", port) < port + serve.TRIED


def test_free_port__none_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "TRIED", 1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AllScopeError, match=f"No port from {port} to {port} is free"):
            serve.free_port("127.0.0.1", port)


@pytest.mark.parametrize("host", ["203.0.113.7", "not an address"])
def test_free_port__an_address_of_another_machine(host: str) -> None:
    with pytest.raises(AllScopeError, match="ALLSCOPE_HOST can't be used"):
        serve.free_port(host, servers.free_port())


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("::", False)],
)
def test_is_loopback(host: str, alone: bool) -> None:
    assert serve.is_loopback(host) is alone


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.timeout(240)
def test_main__says_code_and_port_before_any_visit_and_ends_cleanly(
    tmp_path: Path, end: signal.Signals
) -> None:
    terminal = tmp_path / "terminal.txt"
    with socket.create_server(("127.0.0.1", 0)) as taken, terminal.open("w") as out:
        port = taken.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "allcore.web.serve", "--port", str(port)],
            cwd=servers.ROOT,
            env={**os.environ, "ALLSCOPE_HOME": str(tmp_path), "STREAMLIT_SERVER_HEADLESS": "true"},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            used = serve.free_port("127.0.0.1", port)
            servers.wait(used, lambda: process.poll() is None, terminal)
            began = time.monotonic()
            process.send_signal(end)
            assert process.wait(timeout=60) == 0
            assert time.monotonic() - began < 2
        finally:
            process.kill()
    said = terminal.read_text()
    assert f"Port {port} is taken, so ALLScope uses {used}." in said
    assert "setup code" in said
    assert not any(word in said for word in ("terminate called", "Traceback", "WARNING"))


def test_main__says_that_others_can_reach_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("ALLSCOPE_HOST", "0.0.0.0")
    monkeypatch.setenv("ALLSCOPE_HOME", str(tmp_path))
    served: list[tuple[str, int]] = []
    monkeypatch.setattr(serve, "_run_streamlit", lambda host, port: served.append((host, port)))
    monkeypatch.setattr(serve.os, "_exit", lambda status: None)
    port = servers.free_port()
    serve.main(["--port", str(port)])
    assert served == [("0.0.0.0", port)]
    assert "put a proxy with TLS before it" in capsys.readouterr().out
