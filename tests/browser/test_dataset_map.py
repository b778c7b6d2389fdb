"""What only a browser can show of a data set's map: drawing around cells, and where it leads."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import steps
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

AREA = [(0.05, 0.05), (0.95, 0.05), (0.95, 0.95), (0.05, 0.95)]
SELECTED = re.compile(r"^[\d,]+ cells? selected$")


@pytest.fixture
def page(administrator: BrowserContext, indexed: str) -> Iterator[Page]:
    opened = administrator.new_page()
    opened.set_viewport_size({"width": 1440, "height": 1000})
    steps.visit(opened, f"{indexed}?view=Map")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def indexed(administrator: BrowserContext, server: Server) -> str:
    """The address of the Dataset page, its demonstration set drawn and indexed with a model."""
    from allcore import model_folder
    from allcore.audit.index import build
    from benchmarks import inputs

    if not model_folder.names():
        pytest.skip("no model is installed, so that an index has no map")
    home = server.terminal.parent / "home"
    build.build_index(home / "demo", home=home, loader=inputs.predictor)
    return server.at("dataset.py")


def test_area__becomes_a_gallery_an_address_and_a_list_in_browse(
    page: Page, browser: Browser, administrator: BrowserContext
) -> None:
    steps.draw_around(page, steps.chart(page, "Class: the same for"), AREA)
    heading = page.get_by_role("heading", name=SELECTED)
    expect(heading).to_be_visible()
    cell = page.locator("button.cell").first
    expect(cell).to_be_in_viewport()  # beside the map, not below it
    expect(page).to_have_url(re.compile("area="))
    said = heading.inner_text()
    with browser.new_context(storage_state=administrator.storage_state()) as other:
        copied = other.new_page()
        steps.visit(copied, page.url)
        expect(copied.get_by_role("heading", name=SELECTED)).to_have_text(said)
    page.locator("button.cell").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Open in Browse").click()
    expect(page).to_have_url(re.compile("view=Browse"))
    steps.settle(page)
    assert steps.failures(page) == []


def test_point__shows_its_picture_and_opens(page: Page) -> None:
    chart = steps.chart(page, "Class: the same for")
    point = chart.locator(".scatterlayer .point").first
    box = point.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=5)
    expect(page.locator(".preview img")).to_be_visible()
    page.mouse.down()
    page.mouse.up()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_area__is_cleared_and_colours_change(page: Page) -> None:
    chart = steps.chart(page, "Class: the same for")
    steps.draw_around(page, chart, AREA)
    expect(page.get_by_role("heading", name=SELECTED)).to_be_visible()
    page.get_by_role("button", name="Clear the selection").click()
    expect(page.get_by_role("heading", name=SELECTED)).to_have_count(0)
    expect(page).not_to_have_url(re.compile("area="))
    page.get_by_label("Colour by").click()
    page.get_by_role("option", name="Brightness").click()
    steps.chart(page, "Brightness: rank correlation")
    expect(page).to_have_url(re.compile("colour="))
    assert steps.failures(page) == []
