"""A demonstration in a browser: open to everyone, a tour over its pages, nothing to write."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from allcore.web import page_table
from allcore.web.home import story
from allcore.web.navigation import DEMONSTRATION
from tests.browser import steps
from tests.browser.conftest import Server, Start

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

OPEN = [
    page for page in page_table.PAGES if page.opens_to("demo") and page.section != page_table.YOU
]


@pytest.fixture(scope="module")
def demonstration(start: Start) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALLSCOPE_DEMO", "1")
        with start() as server:
            yield server


@pytest.fixture(params=[1440, 390], ids=["wide", "phone"])
def visitor(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """Someone who has never been here, at a desk or with a phone."""
    context = browser.new_context(viewport={"width": request.param, "height": 844})
    context.set_default_timeout(steps.PATIENCE)
    yield context.new_page()
    context.close()


def test_demonstration__opens_without_an_account(visitor: Page, demonstration: Server) -> None:
    for entry in OPEN:
        steps.visit(visitor, demonstration.at(entry.name))
        steps.title(visitor, "ALLScope" if entry.title == "Home" else entry.title)
        expect(visitor.get_by_text(DEMONSTRATION)).to_be_visible()
        expect(visitor.get_by_text("Research use only").first).to_be_visible()
        assert visitor.get_by_test_id("stFileUploader").count() == 0
        assert steps.failures(visitor) == []
        assert steps.overflow(visitor) <= 0


def test_demonstration__asks_for_an_account_elsewhere(visitor: Page, demonstration: Server) -> None:
    for script in ("history", "review", "account", "administration"):
        steps.visit(visitor, f"{demonstration.address}/{script}")
        steps.title(visitor, "Sign in")
        expect(visitor.get_by_text("A demonstration stores nothing")).to_be_visible()


def test_story__comes_first_and_is_turned_by_keys(visitor: Page, demonstration: Server) -> None:
    steps.visit(visitor, f"{demonstration.address}?view=present")
    expect(visitor.get_by_role("heading", name="1. A right answer")).to_be_visible()
    steps.settle(visitor)  # keys are listened to when all is drawn
    visitor.keyboard.press("ArrowRight")
    expect(visitor.get_by_role("heading", name="2. A confident error")).to_be_visible()
    visitor.get_by_role("button", name="Next").click()
    expect(visitor.get_by_role("heading", name="3. The gap between two protocols")).to_be_visible()
    expect(visitor.get_by_text("95 % CI").first).to_be_visible()
    steps.settle(visitor)
    assert steps.overflow(visitor) <= 0
    visitor.get_by_role("button", name="Skip").click()
    expect(visitor.get_by_text("Check an image")).to_be_visible()


def test_tour__leads_to_errors_and_data(visitor: Page, demonstration: Server) -> None:
    steps.visit(visitor, f"{demonstration.address}?story={story.LENGTH}")
    visitor.get_by_role("button", name="Take the tour").click()
    expect(visitor.get_by_text("Tour, 1 of 4")).to_be_visible()
    for label, title, step in (
        ("Show me", "Predict", 1),
        ("Next: see its evidence", "Predict", 2),
        ("Next: find errors", "Evaluation", 3),
        ("Next: know the data", "Dataset", 4),
    ):
        main = visitor.get_by_test_id("stMain")
        main.get_by_role("button", name=label).or_(main.get_by_role("link", name=label)).click()
        steps.title(visitor, title)
        expect(visitor.get_by_text(f"Tour, {step} of 4")).to_be_visible()
        steps.settle(visitor)
        if title == "Evaluation":
            expect(visitor).to_have_url(re.compile("view=Errors"))
            expect(visitor.get_by_role("radio", name="Errors")).to_be_checked()
        assert steps.overflow(visitor) <= 0
    visitor.get_by_role("button", name="End the tour").click()
    expect(visitor.get_by_text("Tour, 4 of 4")).to_have_count(0)
