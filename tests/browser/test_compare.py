"""The controls of Compare change what its charts show, on a desk and on a phone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from allcore.evaluation.metrics import TITLES
from tests.browser import steps
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

SHIPPED = ("AlexNet", "GoogLeNet", "Pyramid CNN", "LeNet-5")
"""Some networks of the comparison that the program ships; no page opens with all of them."""


@pytest.fixture(scope="module")
def user(
    browser: Browser, administrator: BrowserContext, server: Server
) -> Iterator[BrowserContext]:
    """A browser in which somebody without any rights of an administrator is signed in."""
    context = browser.new_context()
    page = context.new_page()
    steps.visit(page, server.at("register.py"))
    steps.make_account(page, username="mary", name="Mary", button="Make the account")
    steps.title(page, "ALLScope")
    steps.remembered(page)
    yield context
    context.close()


@pytest.fixture(params=[1440, 390])
def compare(
    request: pytest.FixtureRequest, browser: Browser, user: BrowserContext, server: Server
) -> Iterator[Page]:
    """The page at a desk's and at a phone's width."""
    context = browser.new_context(
        viewport={"width": request.param, "height": 844}, storage_state=user.storage_state()
    )
    page = context.new_page()
    steps.visit(page, server.at("compare.py"))
    steps.title(page, "Compare")
    yield page
    context.close()


def test_page__controls_change_the_charts(compare: Page) -> None:
    expect(compare.get_by_test_id("stDataFrame").first).to_be_visible()
    for chart in compare.get_by_test_id("stPlotlyChart").all():
        expect(chart.locator(".xtitle").first).to_be_visible()
    _choose_figure(compare)
    _choose_curves(compare)
    _choose_subjects(compare)
    for kind in ("stException", "stAlertContentError"):
        assert compare.get_by_test_id(kind).count() == 0, kind
    assert steps.overflow(compare) <= 0


def _choose_figure(page: Page) -> None:
    for metric in ("accuracy", "weighted_f1"):
        page.get_by_test_id("stButtonGroup").first.get_by_text(TITLES[metric], exact=True).click()
        expect(_chart(page, f"{TITLES[metric]} (95 % intervals)")).to_have_count(1)


def _open_tab(page: Page, title: str) -> None:
    page.get_by_role("tab", name=title).click()
    steps.settle(page)


def _choose_curves(page: Page) -> None:
    _open_tab(page, "Learning curves")
    lines = _chart(page, "Validation loss").locator(".legendtext")
    name = next(name for name in SHIPPED if name not in lines.all_text_contents())
    _pick(page, "Networks", name)
    expect(lines.get_by_text(name, exact=True)).to_have_count(1)


def _choose_subjects(page: Page) -> None:
    _open_tab(page, "By subject")
    for label, name in zip(("One network", "Another"), SHIPPED, strict=False):
        _pick(page, label, name)
        expect(_chart(page, f"Correct by {name}")).to_be_visible()


def _chart(page: Page, axis: str) -> Locator:
    """The chart that has an axis of this title."""
    return page.get_by_test_id("stPlotlyChart").filter(has_text=axis)


def _pick(page: Page, label: str, name: str) -> None:
    """Choose in a list, once the page stands still: an open list closes when it scrolls."""
    box = page.get_by_label(label, exact=True)
    expect(box).to_have_count(1)  # the one before goes when its options have changed
    steps.settle(page)
    box.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    box.fill(name)
    page.get_by_role("option", name=name, exact=True).click()
    page.keyboard.press("Escape")  # an open list hides the rest of the page from roles
