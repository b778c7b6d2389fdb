"""Real Streamlit servers and the browser that looks at them; the browser tests use both too."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
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
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless=true"]
    with log.open("w") as terminal:
        server = subprocess.Popen(
            [*command, f"--server.port={port}", "--server.address=127.0.0.1"],
            cwd=ROOT,
            env={**os.environ, "ALLSCOPE_HOME": str(home)},
            stdout=terminal,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(f"http://127.0.0.1:{port}/_stcore/health", server, log)
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


def _wait(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    latest = time.perf_counter() + LONGEST
    while time.perf_counter() < latest and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.01)
    raise AllScopeError(f"The server did not start; it said: {log.read_text()[-500:]}")
