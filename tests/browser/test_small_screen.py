"""At a phone's width the navigation is a sidebar that closes by itself."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import steps
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def phone(browser: Browser, administrator: BrowserContext) -> Iterator[Page]:
    """A page at a phone's width, in which the administrator is signed in."""
    context = browser.new_context(viewport=PHONE, storage_state=administrator.storage_state())
    yield context.new_page()
    context.close()


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
