"""What holds of every page: nothing jumps while it loads, all of it fits, everyone can read it."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from allcore.web import page_table
from tests.browser import steps
from tests.browser.conftest import Server, Start

# A machine under load draws a page in more steps; one that moves by itself moves every time.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(900), pytest.mark.flaky(reruns=3)]

WIDE: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
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
AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
VIOLATIONS = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
  .filter(found => ["serious", "critical"].includes(found.impact))
  .map(found => [found.id, found.nodes.slice(0, 5).map(node => node.html.slice(0, 200))])"""
SIGNED_IN = [entry for entry in page_table.PAGES if not entry.signed_out_only]
OPEN = [entry for entry in page_table.PAGES if entry.opens_to("visitor")]


def _opened(
    browser: Browser, size: ViewportSize, administrator: BrowserContext | None = None
) -> Page:
    """A page that notes what moves."""
    context = browser.new_context(
        viewport=size,
        storage_state=administrator.storage_state() if administrator else None,
    )
    context.set_default_timeout(steps.PATIENCE)
    context.add_init_script(f"({OBSERVE})()")
    return context.new_page()


def _stands_still(page: Page, address: str) -> None:
    page.goto("about:blank")
    page.emulate_media(color_scheme="light")
    steps.visit(page, address)
    page.wait_for_timeout(1500)
    steps.settle(page)
    shifts: list[tuple[float, list[str]]] = page.evaluate("window.shifts")
    assert sum(value for value, _ in shifts) <= MOST, shifts


def _fits_and_is_readable(page: Page) -> None:
    """In either theme nothing reaches beyond the window or breaks a serious rule of axe-core.

    At a phone's width the navigation is Streamlit's own list, which breaks one.
    """
    page.evaluate(AXE)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", scheme)
        page.wait_for_timeout(500)  # the script runs again, and what it draws anew fades in
        steps.settle(page)
        page.wait_for_timeout(500)
        assert steps.overflow(page) <= 0, scheme
        if page.viewport_size == WIDE:
            assert page.evaluate(VIOLATIONS) == [], scheme


@pytest.fixture(scope="module", params=[WIDE, PHONE], ids=["wide", "phone"])
def page(
    request: pytest.FixtureRequest, browser: Browser, administrator: BrowserContext
) -> Iterator[Page]:
    """A page that notes what moves, in which the administrator is signed in."""
    page = _opened(browser, request.param, administrator)
    yield page
    page.context.close()


@pytest.mark.parametrize("entry", SIGNED_IN, ids=lambda entry: entry.name)
def test_page__is_still_fits_and_is_readable(
    page: Page, server: Server, entry: page_table.Page
) -> None:
    _stands_still(page, server.at(entry.name))  # may be the server's first visit, too
    _stands_still(page, server.at(entry.name))
    steps.title(page, "ALLScope" if entry.title == "Home" else entry.title)
    _fits_and_is_readable(page)


def test_predict__stands_still_with_what_was_asked_last(
    page: Page, server: Server, uploads: list[Path], tmp_path: Path
) -> None:
    for paths in (uploads[:6], [steps.draw_field(tmp_path)]):
        steps.visit(page, server.at("predict"))
        page.locator("input[type=file]").set_input_files(paths)
        page.get_by_role("button", name="Export").wait_for()
        steps.settle(page)
        _stands_still(page, server.at("predict"))
        page.get_by_role("button", name="Put it away").click()
        steps.settle(page)


@pytest.mark.parametrize("entry", OPEN, ids=lambda entry: entry.name)
def test_cold_server__is_still_fits_and_is_readable(
    browser: Browser, start: Start, entry: page_table.Page
) -> None:
    page = _opened(browser, WIDE)
    with start(drawn=False) as server:
        _stands_still(page, server.at(entry.name))
        expect(page.get_by_text("Research use only").first).to_be_visible()
        assert steps.failures(page) == []
        _fits_and_is_readable(page)
    page.context.close()
