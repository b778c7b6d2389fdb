"""No page has a serious violation by axe-core's rules, contrast among them, in either theme."""

from collections.abc import Iterator
from importlib.resources import files

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from allcore.web import page_table
from tests.browser import steps
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RUN = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
  .filter(found => ["serious", "critical"].includes(found.impact))
  .map(found => [found.id, found.nodes.slice(0, 5).map(node => node.html.slice(0, 200))])"""
SIGNED_IN = [entry for entry in page_table.PAGES if not entry.signed_out_only]
OPEN = [entry for entry in page_table.PAGES if entry.opens_to("visitor")]


def _violations(page: Page, address: str) -> list[tuple[str, list[str]]]:
    steps.visit(page, address)
    page.wait_for_timeout(1000)
    steps.settle(page)
    page.evaluate(AXE)
    found: list[tuple[str, list[str]]] = page.evaluate(RUN)
    return found


@pytest.fixture(scope="module", params=["light", "dark"])
def contexts(
    request: pytest.FixtureRequest, browser: Browser, administrator: BrowserContext
) -> Iterator[tuple[BrowserContext, BrowserContext]]:
    """A browser in which the administrator is signed in, and one of nobody, in one theme."""
    state = administrator.storage_state()
    signed_in = browser.new_context(color_scheme=request.param, storage_state=state)
    nobody = browser.new_context(color_scheme=request.param)
    for context in (signed_in, nobody):
        context.set_default_timeout(steps.PATIENCE)
    yield signed_in, nobody
    signed_in.close()
    nobody.close()


@pytest.mark.parametrize("entry", SIGNED_IN, ids=lambda entry: entry.name)
def test_page__has_no_serious_violation(
    contexts: tuple[BrowserContext, BrowserContext], server: Server, entry: page_table.Page
) -> None:
    page = contexts[0].new_page()
    assert _violations(page, server.at(entry.name)) == []
    page.close()


@pytest.mark.parametrize("entry", OPEN, ids=lambda entry: entry.name)
def test_page__of_a_visitor_has_no_serious_violation(
    contexts: tuple[BrowserContext, BrowserContext], server: Server, entry: page_table.Page
) -> None:
    page = contexts[1].new_page()
    assert _violations(page, server.at(entry.name)) == []
    page.close()
