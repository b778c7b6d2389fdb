"""At a phone's width every page is one column: nothing reaches beyond the window."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

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


def test_sidebar__closes_after_a_choice_and_on_reload(phone: Page, server: Server) -> None:
    steps.visit(phone, server.address)
    sidebar = phone.get_by_test_id("stSidebar")
    phone.get_by_test_id("stExpandSidebarButton").click()
    expect(sidebar).to_have_attribute("data-collapsed", "false")
    sidebar.get_by_role("link", name="Account", exact=True).click()
    steps.title(phone, "Account")
    expect(sidebar).to_have_attribute("data-collapsed", "true")
    phone.get_by_test_id("stExpandSidebarButton").click()
    expect(sidebar).to_have_attribute("data-collapsed", "false")
    phone.reload()
    steps.title(phone, "Account")
    expect(sidebar).to_have_attribute("data-collapsed", "true")


def test_sign_out__is_no_stray_tap(phone: Page, server: Server) -> None:
    steps.visit(phone, server.address)
    phone.get_by_test_id("stExpandSidebarButton").click()
    phone.get_by_test_id("stSidebar").get_by_role("link", name="Sign out", exact=True).click()
    steps.title(phone, "Sign out")
    phone.get_by_role("link", name="Stay signed in").click()
    steps.title(phone, "ALLScope")
    steps.visit(phone, server.at("account.py"))
    steps.title(phone, "Account")
