"""Nobody sees a page without signing in, not even on a server that nobody has asked for `/` yet."""

import pytest
from playwright.sync_api import Browser, expect

from allcore.web.page_table import PAGES
from allcore.web.page_table import Page as Entry
from tests.browser import steps
from tests.browser.conftest import Server, Start
from tests.browser.socket_client import DATA, Socket

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

GUARDED = [entry for entry in PAGES if not entry.opens_to("visitor")]


def _check_refused(browser: Browser, server: Server, entry: Entry) -> None:
    page = browser.new_page()
    steps.visit(page, server.at(entry.name))
    steps.title(page, "Sign in")
    expect(page.get_by_label("Password", exact=True)).to_be_visible()
    expect(page.get_by_text("Research use only").first).to_be_visible()
    assert page.locator("h1").all_inner_texts() == ["Sign in"]
    assert steps.failures(page) == []
    page.close()


@pytest.mark.parametrize("entry", GUARDED, ids=lambda entry: entry.name)
def test_cold_server__draws_the_sign_in_alone(start: Start, entry: Entry) -> None:
    with start() as server, Socket(server.address) as socket:
        drawn = socket.run(entry.name)
        assert drawn.titles == ["Sign in"]
        assert not drawn.kinds & DATA


def test_warm_server__leads_to_sign_in(browser: Browser, server: Server) -> None:
    page = browser.new_page()
    steps.visit(page, server.address)
    page.close()
    for entry in GUARDED:
        _check_refused(browser, server, entry)


def test_setup_code__works_once(browser: Browser, start: Start) -> None:
    with start() as server:
        first, rival = (browser.new_page() for _ in range(2))
        for page in (first, rival):
            steps.visit(page, server.at("admin_sign_in.py"))
            steps.title(page, "Set up the first administrator")
        code = steps.setup_code(server.terminal)
        for page, name in ((first, "first"), (rival, "rival")):
            steps.make_account(
                page, username=name, name=name, button="Make the administrator", code=code
            )
            steps.settle(page)
            if page is first:
                steps.title(page, "Administration")
        assert "Administration" not in steps.listed(rival)
        steps.visit(rival, server.at("admin_sign_in.py"))
        steps.title(rival, "Administrator sign-in")
        steps.sign_in(rival, "rival")
        expect(rival.get_by_test_id("stAlertContentError")).to_be_visible()
