"""On a server that nobody has asked for `/` yet, a role opens its pages and none above it."""

from datetime import datetime, timedelta

import jwt
import pytest
from playwright.sync_api import Browser, Page

from allcore.settings import Settings
from allcore.store import accounts, database, roles, sessions
from allcore.web import cookie, page_table
from tests.browser import steps
from tests.browser.conftest import Server, Start

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

ABOVE = [
    (role, entry)
    for role in roles.ACCOUNT_ROLES
    for entry in page_table.PAGES
    if not entry.opens_to(role)
]
DRAWN = (
    "stDataFrame",
    "stFileUploader",
    "stMetric",
    "stPlotlyChart",
    "stDownloadButton",
    "stButton",
)


def comes_back(browser: Browser, server: Server, role: str) -> Page:
    """A browser that brings along the cookie of somebody who has signed in before."""
    home = server.terminal.parent / "home"
    opened = database.connect(Settings(home=home, database_url=None))
    account = accounts.create(
        opened, username="ada", display_name="Ada", password=steps.PASSWORD, role=role
    )
    claims = {
        "username": "ada",
        "session": sessions.begin(opened, account),
        "exp_date": (datetime.now() + timedelta(days=1)).timestamp(),
    }
    opened.engine.dispose()
    token = jwt.encode(claims, cookie.signing_key(home), algorithm="HS256")
    context = browser.new_context()
    context.set_default_timeout(steps.PATIENCE)
    context.add_cookies([{"name": cookie.NAME, "value": token, "url": server.address}])
    return context.new_page()


@pytest.mark.parametrize(("role", "entry"), ABOVE, ids=lambda each: getattr(each, "name", each))
def test_cold_server__opens_no_page_above_the_role(
    browser: Browser, start: Start, role: str, entry: page_table.Page
) -> None:
    with start() as server:
        page = comes_back(browser, server, role)
        steps.visit(page, server.at(entry.name))
        steps.title(page, f"For {roles.ROLES[entry.role].people}")
        steps.sees_name(page, "Ada")
        for kind in DRAWN:
            assert page.get_by_test_id("stMain").get_by_test_id(kind).count() == 0, kind
        page.context.close()


@pytest.mark.parametrize(
    ("role", "script"), [("reviewer", "review.py"), ("admin", "administration.py")]
)
def test_cold_server__opens_the_page_of_the_role(
    browser: Browser, start: Start, role: str, script: str
) -> None:
    """What the test before finds closed is open to who may."""
    with start() as server:
        page = comes_back(browser, server, role)
        steps.visit(page, server.at(script))
        steps.title(page, script.removesuffix(".py").title())
        assert steps.failures(page) == []
        page.context.close()
