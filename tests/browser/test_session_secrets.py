"""What a browser holds and sends of a session: a cookie; nothing in addresses or storage."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from allcore.settings import Settings
from allcore.store import accounts, database
from allcore.web import cookie
from tests.browser import steps
from tests.browser.conftest import Server, Start

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

NAME = "Grace Hopper"
PAGES = ("home.py", "predict.py", "history.py", "evaluation.py", "account.py", "administration.py")
ICONS = "https://fonts.gstatic.com/"
"""Where Streamlit has the icon of a browser's tab from (docs/deploy.md)."""


@pytest.fixture(scope="module")
def graced(start: Start) -> Iterator[Server]:
    """A server that knows Grace."""
    with start() as server:
        opened = database.connect(Settings(home=server.terminal.parent / "home", database_url=None))
        accounts.create(
            opened, username="grace", display_name=NAME, password=steps.PASSWORD, role="admin"
        )
        opened.engine.dispose()
        yield server


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    context.set_default_timeout(steps.PATIENCE)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context.new_page()
    context.close()


def signed_in(page: Page, server: Server) -> str:
    """Sign Grace in; give the cookie."""
    steps.visit(page, server.at("sign_in.py"))
    steps.sign_in(page, "grace")
    steps.remembered(page)
    [kept] = [each for each in page.context.cookies() if each["name"] == cookie.NAME]
    assert kept["httpOnly"]
    assert kept["value"] not in page.content()
    return str(kept["value"])


def test_session__is_in_no_address_and_no_storage(page: Page, graced: Server) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.on("framenavigated", lambda frame: asked.append(frame.url))
    token = signed_in(page, graced)
    for script in PAGES:
        steps.visit(page, graced.at(script))
    assert len(asked) > len(PAGES)
    ours = (graced.address, graced.address.replace("http", "ws"), "data:", "blob:", "about:", ICONS)
    assert [address for address in asked if not address.startswith(ours)] == []
    parts = [token, *token.split("."), steps.PASSWORD, "grace"]
    assert [part for part in parts if part in "\n".join(asked)] == []
    script = "JSON.stringify([{...localStorage}, {...sessionStorage}])"
    stored = str(page.evaluate(script))
    assert [part for part in [*parts, NAME] if part in stored] == []
    databases = page.evaluate("indexedDB.databases().then(found => found.map(each => each.name))")
    assert databases == []


def test_sign_out__leaves_nothing_in_the_browser(page: Page, graced: Server) -> None:
    signed_in(page, graced)
    steps.visit(page, graced.at("account.py"))
    expect(page.get_by_label("Your name")).to_have_value(NAME)
    steps.sign_out(page)
    steps.forgotten(page)
    assert NAME not in page.content()
    page.go_back()
    steps.settle(page)
    assert NAME not in page.content()
    steps.visit(page, graced.at("account.py"))
    steps.title(page, "Sign in")


def test_password__can_be_pasted_and_looked_at(page: Page, graced: Server) -> None:
    steps.visit(page, graced.at("sign_in.py"))
    username, password = page.get_by_label("Username"), page.get_by_label("Password", exact=True)
    expect(username).to_have_attribute("autocomplete", "username")
    expect(password).to_have_attribute("autocomplete", "current-password")
    username.fill(steps.PASSWORD)
    username.press("Control+A")
    username.press("Control+C")
    password.click()
    password.press("Control+V")
    expect(password).to_have_value(steps.PASSWORD)
    expect(password).to_have_attribute("type", "password")
    page.get_by_role("button", name="Show password").first.click()
    expect(password).to_have_attribute("type", "text")
    username.fill("grace")
    page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="Sign in").click()
    steps.remembered(page)


def test_sign_in__changes_the_session(page: Page, graced: Server) -> None:
    first = signed_in(page, graced)
    steps.sign_out(page)
    steps.forgotten(page)
    assert signed_in(page, graced) != first
