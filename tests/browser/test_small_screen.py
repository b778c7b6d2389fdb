"""At a phone's width every page is one column: nothing reaches beyond the window."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from allcore.web import page_table
from tests.browser import steps
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

PHONE = {"width": 390, "height": 844}
PAGES = [entry for entry in page_table.PAGES if not entry.signed_out_only]


@pytest.fixture(scope="module", params=["light", "dark"])
def phone(
    request: pytest.FixtureRequest, browser: Browser, administrator: BrowserContext
) -> Iterator[Page]:
    """A page at a phone's width, in which the administrator is signed in."""
    context = browser.new_context(
        viewport=PHONE, color_scheme=request.param, storage_state=administrator.storage_state()
    )
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("entry", PAGES, ids=lambda entry: entry.name)
def test_page__fits_a_phone(phone: Page, server: Server, entry: page_table.Page) -> None:
    steps.visit(phone, server.at(entry.name))
    steps.title(phone, "ALLScope" if entry.title == "Home" else entry.title)
    assert steps.overflow(phone) <= 0
