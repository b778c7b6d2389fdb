"""From what an administrator sets and makes to an account: past a captcha, or by invitation."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from allcore.settings import Settings
from allcore.store import admin_settings, database
from tests.browser import steps
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture
def without_captcha(server: Server) -> Iterator[None]:
    """The server that tests share asks for none afterwards."""
    yield
    opened = database.connect(Settings(home=server.terminal.parent / "home"))
    admin_settings.change(opened, "ada", {"captcha": False})


@pytest.mark.usefixtures("without_captcha")
def test_captcha_and_invitation(
    administrator: BrowserContext, browser: Browser, server: Server
) -> None:
    boss = administrator.new_page()
    steps.visit(boss, f"{server.address}/administration?view=Settings")
    boss.get_by_text("CAPTCHA").click()
    boss.get_by_role("button", name="Save", exact=True).first.click()
    expect(boss.get_by_text("Saved: who may register.")).to_be_visible()

    context, page = steps.opened(browser, server.at("register.py"))
    picture = page.get_by_test_id("stForm").get_by_role("img")
    before = picture.get_attribute("src")
    steps.fill(page, Letters_in_the_picture="no")
    steps.make_account(page, username="eve", name="Eve", button="Make the account")
    expect(page.get_by_text("These are not the letters in the picture")).to_be_visible()
    steps.settle(page)
    assert picture.get_attribute("src") != before
    kept = [page.get_by_label(label, exact=True) for label in ("Username", "Your name")]
    assert [field.input_value() for field in kept] == ["eve", "Eve"]
    assert page.get_by_label("New password", exact=True).input_value() == steps.PASSWORD
    assert page.get_by_label("Letters in the picture").input_value() == ""

    steps.visit(boss, f"{server.address}/administration?view=Invitations")
    boss.get_by_label("For whom").fill("Eve")
    boss.get_by_role("button", name="Make an invitation").click()
    link = boss.get_by_test_id("stCode").inner_text().strip()
    assert link.startswith(f"{server.address}/register?invitation=")
    steps.visit(page, link)
    expect(page.get_by_label("Letters in the picture")).to_have_count(0)
    steps.make_account(page, username="eve", name="Eve", button="Make the account")
    steps.title(page, "ALLScope")
    steps.settle(boss)
    steps.visit(boss, f"{server.address}/administration?view=Invitations")
    expect(boss.get_by_text("0 invitations; times in UTC.")).to_be_visible()
    boss.close()
    context.close()
