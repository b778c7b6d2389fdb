"""How long until the first page is on the screen, against an empty Streamlit app."""

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
from tempfile import TemporaryDirectory

from allcore.errors import AllScopeError
from benchmarks import timing
from benchmarks.timing import Result, Scale

ROOT = Path(__file__).parents[1]
EMPTY = "import streamlit as st\nst.title('Empty')\n"
LONGEST = 120.0  # seconds until a start counts as failed


def run(scale: Scale) -> Result:
    """Seconds from the start of a real server until Chromium shows the first page's title.

    Both servers are new processes in every round and both pages new tabs of one browser, which
    runs before the clock does. The state folder exists already: the very first start draws the
    demonstration set as well, and is the one run that is not counted.
    """
    from playwright.sync_api import sync_playwright

    with TemporaryDirectory(prefix="allscope-benchmark-") as name, sync_playwright() as driver:
        folder = Path(name)
        empty = folder / "empty.py"
        empty.write_text(EMPTY)
        browser = driver.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])

        def titled(address: str) -> None:
            page = browser.new_page()
            page.goto(address)
            page.locator("h1").first.wait_for(timeout=1000 * LONGEST)
            page.close()

        mine, theirs = timing.side_by_side(
            lambda: _start(ROOT / "app.py", folder / "home", titled),
            lambda: _start(empty, folder / "home", titled),
            rounds=scale.rounds,
        )
        browser.close()
    return timing.result("startup", ours=mine, reference=theirs, unit="s")


def _start(script: Path, home: Path, show: Callable[[str], None]) -> float:
    started = time.perf_counter()
    with _serving(script, home) as address:
        show(address)
        return time.perf_counter() - started


@contextmanager
def _serving(script: Path, home: Path) -> Iterator[str]:
    """Run a Streamlit server until the block ends; give its address once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless=true"]
    server = subprocess.Popen(
        [*command, f"--server.port={port}", "--server.address=127.0.0.1"],
        cwd=ROOT,
        env={**os.environ, "ALLSCOPE_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(f"http://127.0.0.1:{port}/_stcore/health", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _wait(address: str, server: "subprocess.Popen[bytes]") -> None:
    latest = time.perf_counter() + LONGEST
    while time.perf_counter() < latest and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.01)
    raise AllScopeError("The server did not start: run 'make run' to see what it says.")


def _chromium() -> str:
    found = os.environ.get("ALLSCOPE_CHROMIUM") or shutil.which("chromium")
    if not found:
        raise AllScopeError("No Chromium was found: install it, or name it in ALLSCOPE_CHROMIUM.")
    return found
