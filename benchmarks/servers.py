"""Streamlit servers and the browser; the browser tests use both too."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from allcore.errors import AllScopeError

ROOT = Path(__file__).parents[1]
APP = ROOT / "app.py"
LONGEST = 120.0  # seconds until a start counts as failed
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Asks without a proxy. `urlopen` keeps the proxies that were set when it was first called."""


@contextmanager
def serving(script: Path, *, home: Path, log: Path) -> Iterator[str]:
    """Run a Streamlit server until the block ends; give its address once it answers.

    Args:
        script: what it runs; pages are found beside it.
        home: its ``ALLSCOPE_HOME``.
        log: takes what it prints on its terminal.

    Raises:
        AllScopeError: it did not start.
    """
    port = free_port()
    with log.open("w") as terminal:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", *arguments(script, port)],
            cwd=ROOT,
            env={**os.environ, "ALLSCOPE_HOME": str(home)},
            stdout=terminal,
            stderr=subprocess.STDOUT,
        )
    try:
        wait(port, lambda: server.poll() is None, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def chromium() -> str | None:
    """Give the path of a Chromium: ``ALLSCOPE_CHROMIUM``, or the one that is installed."""
    return os.environ.get("ALLSCOPE_CHROMIUM") or shutil.which("chromium")


def required_chromium() -> str:
    """The path of a Chromium.

    Raises:
        AllScopeError: there is none.
    """
    path = chromium()
    if path is None:
        raise AllScopeError("No Chromium was found: install it, or name it in ALLSCOPE_CHROMIUM.")
    return path


def arguments(script: Path, port: int) -> list[str]:
    """Give what Streamlit is called with to serve a script on a port of this machine."""
    where = [f"--server.port={port}", "--server.address=127.0.0.1"]
    return ["run", str(script), "--server.headless=true", *where]


def wait(port: int, alive: Callable[[], bool], log: Path) -> None:
    """Return once the server on a port of this machine answers.

    Raises:
        AllScopeError: it has ended, or does not answer in time.
    """
    latest = time.perf_counter() + LONGEST
    while time.perf_counter() < latest and alive():
        try:
            _DIRECT.open(f"http://127.0.0.1:{port}/_stcore/health", timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.01)
    raise AllScopeError(f"The server did not start; it said: {log.read_text()[-500:]}")
