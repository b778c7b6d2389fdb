"""Nothing jumps while a page loads: its cumulative layout shift, on a cold and on a warm server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from allcore.web import page_table
from tests.browser import steps
from tests.browser.conftest import Server, Start

# A machine under load draws a page in more steps; one that moves by itself moves every time.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(900), pytest.mark.flaky(reruns=3)]

WIDE, PHONE = 1440, 390
MOST = 0.05
"""Largest sum of shifts of a visit."""
OBSERVE = """() => {
  window.shifts = []
  new PerformanceObserver(list => {
    for (const entry of list.getEntries())
      if (!entry.hadRecentInput)
        window.shifts.push([entry.value, entry.sources.map(source => {
          const { node, previousRect: was, currentRect: now } = source
          const name = node && (node.dataset ? node.dataset.testid : node.nodeName)
          return `${name}: ${was.x},${was.y} to ${now.x},${now.y}`
        })])
  }).observe({ type: "layout-shift", buffered: true })
}"""
SIGNED_IN = [entry for entry in page_table.PAGES if not entry.signed_out_only]
OPEN = [entry for entry in page_table.PAGES if entry.opens_to("visitor")]


def _measure(page: Page, address: str) -> None:
    page.goto("about:blank")
    steps.visit(page, address)
    page.wait_for_timeout(1500)
    steps.settle(page)
    shifts: list[tuple[float, list[str]]] = page.evaluate("window.shifts")
    assert sum(value for value, _ in shifts) <= MOST, shifts


@pytest.fixture(scope="module", params=[WIDE, PHONE], ids=["wide", "phone"])
def page(
    request: pytest.FixtureRequest, browser: Browser, administrator: BrowserContext
) -> Iterator[Page]:
    """A page that notes what moves, in which the administrator is signed in."""
    context = browser.new_context(
        viewport={"width": request.param, "height": 900},
        storage_state=administrator.storage_state(),
    )
    context.set_default_timeout(steps.PATIENCE)
    context.add_init_script(f"({OBSERVE})()")
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("entry", SIGNED_IN, ids=lambda entry: entry.name)
def test_page__stands_still(page: Page, server: Server, entry: page_table.Page) -> None:
    _measure(page, server.at(entry.name))  # the first visit may be the server's first, too
    _measure(page, server.at(entry.name))


def test_predict__stands_still_with_what_was_asked_last(
    page: Page, server: Server, uploads: list[Path], tmp_path: Path
) -> None:
    for files in (uploads[:6], [steps.draw_field(tmp_path)]):
        steps.visit(page, server.at("predict"))
        page.locator("input[type=file]").set_input_files(files)
        page.get_by_role("button", name="Export").wait_for()
        steps.settle(page)
        _measure(page, server.at("predict"))
        page.get_by_role("button", name="Put it away").click()
        steps.settle(page)


@pytest.mark.parametrize("entry", OPEN, ids=lambda entry: entry.name)
def test_cold_server__stands_still(browser: Browser, start: Start, entry: page_table.Page) -> None:
    context = browser.new_context(viewport={"width": WIDE, "height": 900})
    context.set_default_timeout(steps.PATIENCE)
    context.add_init_script(f"({OBSERVE})()")
    with start(drawn=False) as server:
        _measure(context.new_page(), server.at(entry.name))
    context.close()
