"""Pages in Chromium: time to the frame, until nothing changes any more, and of a cell's window.

``python -m benchmarks.page_times`` prints every page. Times are by the browser's own clock, on a
warm server, the median of several visits.
"""

import json
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from allcore.web import page_table
from benchmarks import app_session, servers, timing
from benchmarks.app_session import PATIENCE, AppSession
from benchmarks.timing import Result, Scale

if TYPE_CHECKING:
    from playwright.sync_api import Page

EVIDENCE = "predict, with evidence"
PAGES = {
    entry.name: entry.name
    for entry in page_table.PAGES
    if not entry.signed_out_only and entry.name not in ("home", "sign_out")
} | {"home": "", EVIDENCE: "predict?example=High+probability", "story": "?story=2"}
"""Addresses by title."""
QUIET = 1000
"""Milliseconds without a change after which a page counts as settled."""
OBSERVE = """(() => {
  const times = { started: 0, frame: null, changed: 0, changes: 0 }
  window.pageTimes = times
  const seen = root => new MutationObserver(() => {
    times.changed = performance.now()
    times.changes += 1
    if (times.frame === null && document.querySelector('h1')) times.frame = times.changed
  }).observe(root, { childList: true, subtree: true, characterData: true, attributes: true,
    attributeFilter: ['src', 'class', 'hidden', 'value'] })
  seen(document)
  const attach = Element.prototype.attachShadow
  Element.prototype.attachShadow = function (options) {
    const root = attach.call(this, options)
    seen(root)
    return root
  }
})()"""
SETTLED = f"""() => {{
  const app = document.querySelector('[data-testid=stApp]')
  return window.pageTimes.frame !== null && app
    && app.dataset.testScriptState === 'notRunning'
    && performance.now() - window.pageTimes.changed > {QUIET}
}}"""
PLAIN = "import streamlit as st\nst.title('Plain')\nst.write('One sentence.')\n"


class PageTime(NamedTuple):
    """Seconds from the request of a page, or from a click."""

    frame: float  # until its title stands
    settled: float  # until the last change


def run(scale: Scale) -> Result:
    """Seconds until the slowest page without evidence is settled, against a bare Streamlit page."""
    with app_session.signed_in() as session:
        times = pages(session, rounds=scale.rounds)
    slowest = max(time.settled for name, time in times.items() if name != EVIDENCE)
    return timing.result("pages", ours=slowest, reference=_plain(scale.rounds), unit="s")


def pages(session: AppSession, *, rounds: int) -> dict[str, PageTime]:
    """Median times of each page; the first visit of each is thrown away."""
    return {
        title: _median([_visited(session, address) for _ in range(rounds + 1)][1:])
        for title, address in PAGES.items()
    }


def windows(session: AppSession, *, rounds: int) -> dict[str, PageTime]:
    """Times of a cell's window, as opened by a click and as turned to the next cell."""
    times = {}
    for title, address, name in (
        ("evaluation", "evaluation?view=Errors", ".verdict-block .name"),
        ("dataset", "dataset?view=Browse", ".cell-name"),
    ):
        opened, turned = [], []
        for _ in range(rounds + 1):
            page = _open(session, address)
            page.locator("button.cell").first.wait_for(timeout=PATIENCE)
            page.wait_for_function(SETTLED, timeout=PATIENCE)
            shown = f"[role=dialog] {name}"
            opened.append(_acted(page, page.locator("button.cell").first.click, shown, ""))
            before = page.locator(shown).first.inner_text()
            turn = page.get_by_role("dialog").get_by_role("button", name="Next").click
            turned.append(_acted(page, turn, shown, before))
            page.close()
        times[f"{title}, cell window"] = _median(opened[1:])
        times[f"{title}, next cell"] = _median(turned[1:])
    return times


def _acted(page: "Page", act: Callable[[], None], shown: str, before: str) -> PageTime:
    """Click; seconds until another name than before stands, and until nothing changes."""
    other = f"""() => {{
      const name = document.querySelector({json.dumps(shown)})
      if (name && name.innerText !== {json.dumps(before)}) return performance.now()
    }}"""
    page.evaluate(
        "() => addEventListener('click', () => { window.pageTimes.started = performance.now() },"
        " { capture: true, once: true })"
    )
    act()
    stood = page.wait_for_function(other, timeout=PATIENCE, polling="raf").json_value()
    page.wait_for_function(SETTLED, timeout=PATIENCE)
    times = page.evaluate("window.pageTimes")
    return PageTime((stood - times["started"]) / 1000, (times["changed"] - times["started"]) / 1000)


def _open(session: AppSession, address: str) -> "Page":
    page = session.context.new_page()
    page.add_init_script(OBSERVE)
    page.goto(f"{session.address}/{address}")
    return page


def _visited(session: AppSession, address: str) -> PageTime:
    page = _open(session, address)
    page.wait_for_function(SETTLED, timeout=PATIENCE)
    times = page.evaluate("window.pageTimes")
    page.close()
    return PageTime(times["frame"] / 1000, times["changed"] / 1000)


def _median(times: list[PageTime]) -> PageTime:
    return PageTime(*(statistics.median(each) for each in zip(*times, strict=True)))


def _plain(rounds: int) -> float:
    """Median seconds until a page of two lines is settled."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="allscope-benchmark-") as name:
        script = Path(name) / "plain.py"
        script.write_text(PLAIN)
        with (
            servers.serving(script, home=Path(name), log=Path(name) / "log.txt") as address,
            sync_playwright() as driver,
        ):
            browser = driver.chromium.launch(
                executable_path=servers.required_chromium(), args=servers.CHROMIUM_ARGUMENTS
            )
            session = AppSession(address, browser.new_context())
            times = [_visited(session, "") for _ in range(rounds + 1)][1:]
            browser.close()
    return _median(times).settled


def main(rounds: int = 3) -> None:
    """Print the times of every page and window."""
    with app_session.signed_in() as session:
        times = pages(session, rounds=rounds) | windows(session, rounds=rounds)
    print(f"{'':<26} {'frame':>8} {'settled':>8}")
    for title, time in times.items():
        print(f"{title:<26} {time.frame:>6.2f} s {time.settled:>6.2f} s")
    print(f"{'a bare Streamlit page':<26} {'':>8} {_plain(rounds):>6.2f} s")
    print(f"on {timing.machine()}")


if __name__ == "__main__":
    main()
