"""What one has asked is there afterwards: opened by a click, asked again, deleted."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.browser import steps
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


def test_history__open_ask_again_and_delete(
    browser: Browser, administrator: BrowserContext, server: Server, uploads: list[Path]
) -> None:
    context, page = steps.opened(browser, server.at("register.py"))
    steps.make_account(page, username="hedy", name="Hedy", button="Make the account")
    steps.title(page, "ALLScope")
    steps.open_from_navigation(page, "Predict")
    page.locator("input[type=file]").first.set_input_files(uploads[0])
    expect(page.locator(".verdict-block .verdict")).to_be_visible(timeout=steps.PATIENCE)
    steps.settle(page)
    steps.open_from_navigation(page, "History")
    steps.mark_first_row(page)
    expect(page.get_by_text(re.compile("^Asked:"))).to_be_visible()
    assert "asked" in steps.fields(page)
    page.locator("input[type=file]").first.set_input_files(uploads[0])
    page.get_by_role("button", name="Ask again").click()
    expect(page.get_by_text("Nothing of the model has changed.")).to_be_visible()
    expect(page.get_by_text("1 to 2 of 2 answers")).to_be_visible()
    page.get_by_role("button", name="Delete all 2").click()
    page.get_by_role("button", name="Yes, delete").last.click()
    expect(page.get_by_text("You have asked nothing yet")).to_be_visible()
    assert steps.failures(page) == []
    context.close()
