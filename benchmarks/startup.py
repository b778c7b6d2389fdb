"""Time to the first page on the screen, against an empty Streamlit app."""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import servers, timing
from benchmarks.timing import Result, Scale

EMPTY = "import streamlit as st\nst.title('Empty')\n"


def run(scale: Scale) -> Result:
    """Seconds from the start of a real server until Chromium shows the first page's title.

    Both servers are new processes in every round and both pages new tabs of one browser, which
    runs before the clock does. The very first start makes the database, and is the one run that
    is not counted.
    """
    from playwright.sync_api import sync_playwright

    chromium = servers.required_chromium()
    with TemporaryDirectory(prefix="allscope-benchmark-") as name, sync_playwright() as driver:
        folder = Path(name)
        empty = folder / "empty.py"
        empty.write_text(EMPTY)
        browser = driver.chromium.launch(executable_path=chromium, args=servers.CHROMIUM_ARGUMENTS)

        def titled(address: str) -> None:
            page = browser.new_page()
            page.goto(address)
            page.locator("h1").first.wait_for(timeout=1000 * servers.LONGEST)
            page.close()

        mine, theirs = timing.side_by_side(
            lambda: _start(servers.APP, folder, titled),
            lambda: _start(empty, folder, titled),
            rounds=scale.rounds,
        )
        browser.close()
    return timing.result("startup", ours=mine, reference=theirs, unit="s")


def _start(script: Path, folder: Path, show: Callable[[str], None]) -> float:
    started = time.perf_counter()
    with servers.serving(script, home=folder / "home", log=folder / "terminal.txt") as address:
        show(address)
        return time.perf_counter() - started
