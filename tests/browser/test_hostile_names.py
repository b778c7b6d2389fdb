"""Names of files that would be code somewhere else are shown as what they are."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import steps
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

SCRIPT = "<img src=x onerror=window.pwned=1>"
TAGS = "</script><script>window.pwned=1</script>"
LINK = "[a](javascript:window.pwned=1) ![i](http://127.0.0.1:9/x)"
DIRECTIVE = ":red[**bold**] :material/home: $x^2$ `c`"
FORMULA = "=HYPERLINK(1)"
NAMES = (SCRIPT, TAGS, LINK, DIRECTIVE, FORMULA)
PROBE = """() => ({
    pwned: window.pwned === 1,
    broken: document.querySelectorAll('img[src="x"]').length,
    links: document.querySelectorAll('a[href^="javascript:"]').length,
    fetched: document.querySelectorAll('img[src^="http://127.0.0.1:9"]').length,
})"""
NOTHING = {"pwned": False, "broken": 0, "links": 0, "fetched": 0}


def _harmless(page: Page) -> None:
    steps.settle(page)
    assert page.evaluate(PROBE) == NOTHING


@pytest.mark.parametrize("name", NAMES)
def test_file_names__are_data(
    name: str, browser: Browser, administrator: BrowserContext, server: Server, uploads: list[Path]
) -> None:
    context = browser.new_context(storage_state=administrator.storage_state())
    context.set_default_timeout(steps.PATIENCE)
    page = context.new_page()
    steps.visit(page, server.at("predict.py"))
    page.locator("input[type=file]").first.set_input_files(
        {"name": f"{name}.bmp", "mimeType": "image/bmp", "buffer": uploads[0].read_bytes()}
    )
    expect(page.locator(".verdict-block .verdict").first).to_be_visible(timeout=steps.PATIENCE)
    _harmless(page)
    steps.visit(page, server.at("history.py"))
    _harmless(page)
    context.close()
