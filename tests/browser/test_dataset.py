"""What only a browser can show of a data set's cells: selecting by keyboard, windows, addresses."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from allcore.audit.index import build
from tests.browser import steps
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

DESK = {"width": 1440, "height": 1000}
PHONE = {"width": 390, "height": 844}
FOCUSED = """() => {
  let at = document.activeElement
  while (at && at.shadowRoot && at.shadowRoot.activeElement) at = at.shadowRoot.activeElement
  return at && at.dataset ? at.dataset.id : null
}"""


@pytest.fixture(scope="module")
def indexed(server: Server) -> Server:
    """The server with its demonstration set drawn and indexed."""
    home = server.terminal.parent / "home"
    build.build_index(home / "demo", home=home)
    return server


@pytest.fixture
def page(administrator: BrowserContext, browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport=DESK, storage_state=administrator.storage_state()) as context:
        yield context.new_page()


def test_cells__are_selected_by_keyboard_on_two_pages_and_compared(
    page: Page, indexed: Server
) -> None:
    _visit(page, indexed)
    first = steps.cell_ids(page)
    steps.cells(page).first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("End")
    page.keyboard.press("Space")
    expect(_said(page)).to_have_text("2 selected")
    expect(page).to_have_url(re.compile(f"selected={first[0]}&selected={first[-1]}"))
    steps.settle(page)
    assert page.evaluate(FOCUSED) == first[-1]  # the focus stays where it was
    assert page.get_by_role("dialog").count() == 0
    page.keyboard.press("Home")
    assert page.evaluate(FOCUSED) == first[0]
    page.get_by_test_id("stPagination").get_by_text("2", exact=True).click()
    expect(page.get_by_text(re.compile("^49 to 96 of "))).to_be_visible()
    expect(_said(page)).to_have_text("2 selected")
    page.locator("input.box").nth(3).click()
    expect(_said(page)).to_have_text("3 selected")
    expect(page).to_have_url(re.compile("(selected=.*){3}"))  # the app has heard of the third
    steps.settle(page)
    page.get_by_test_id("stButton").get_by_role("button", name="Compare").click()
    expect(page.locator(".compared figure")).to_have_count(3)
    expect(page.get_by_text("Spread is the distance")).to_be_visible()
    page.goto(page.url)
    expect(page.locator(".compared figure")).to_have_count(3)
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.get_by_text("Select 2 to 8 cells")).to_be_visible()
    expect(page).not_to_have_url(re.compile("selected="))
    assert steps.failures(page) == []


def test_cells__a_range_and_a_page_are_selected_and_tagged(page: Page, indexed: Server) -> None:
    _visit(page, indexed)
    steps.cell_ids(page)
    page.locator("input.box").nth(1).click()
    steps.cells(page).nth(4).click(modifiers=["Shift"])
    expect(_said(page)).to_have_text("4 selected")
    expect(page.get_by_role("dialog")).to_have_count(0)
    steps.settle(page)
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_label("Tag", exact=True).last.fill("odd ones")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Tag 4 images").click()
    expect(page.get_by_text("4 images tagged odd ones")).to_be_visible()
    _visit(page, indexed, tag="odd+ones")
    expect(steps.cells(page)).to_have_count(4)
    steps.cells(page).first.focus()
    page.keyboard.press("Control+a")
    expect(_said(page)).to_have_text("4 selected")
    assert steps.failures(page) == []


def test_cells__sizes_are_chosen_and_kept(page: Page, indexed: Server) -> None:
    _visit(page, indexed)
    steps.cell_ids(page)
    width = _width(page)
    page.get_by_role("button", name="Large pictures").click()
    assert _width(page) > 1.4 * width
    _visit(page, indexed)
    steps.cell_ids(page)
    assert _width(page) > 1.4 * width


def test_cell__arrow_keys_turn_to_the_next_at_once(page: Page, indexed: Server) -> None:
    _visit(page, indexed)
    ids = steps.cell_ids(page)
    steps.cells(page).first.click()
    steps.cell_is_open(page, ids[0])
    picture = page.get_by_role("dialog").locator(".stage img")
    before = picture.get_attribute("src")
    for image_id in ids[1:4]:
        page.keyboard.press("ArrowRight")
        expect(picture).to_have_attribute("alt", f"Picture of {image_id}")
    steps.cell_is_open(page, ids[3])
    expect(picture).not_to_have_attribute("src", str(before))
    page.keyboard.press("ArrowLeft")
    steps.cell_is_open(page, ids[2])


def test_cell__opens_leads_on_and_to_its_subject(page: Page, indexed: Server) -> None:
    _visit(page, indexed)
    first, second = steps.cell_ids(page)[:2]
    steps.cells(page).first.focus()
    page.keyboard.press("Enter")
    steps.cell_is_open(page, first)
    page.get_by_role("dialog").get_by_role("button", name="Next").click()
    steps.cell_is_open(page, second)
    page.goto(page.url)
    steps.cell_is_open(page, second)
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^All .* of subject")).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("heading", name=re.compile("^Subject "))).to_be_visible()
    expect(page).to_have_url(re.compile("subjects="))
    expect(page).not_to_have_url(re.compile("cell="))
    assert steps.failures(page) == []


def test_cell__leads_to_its_copies(page: Page, indexed: Server) -> None:
    _visit(page, indexed, copies="With+copies")
    first = str(steps.cells(page).first.get_attribute("data-id"))
    steps.cells(page).first.click()
    steps.cell_is_open(page, first)
    copy = page.get_by_role("dialog").locator("button.cell").first  # copies come first
    other = str(copy.get_attribute("data-id"))
    assert other != first
    copy.click()
    steps.cell_is_open(page, other)
    page.get_by_role("dialog").get_by_role("button", name="in Browse").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text("of the cell")).to_be_visible()
    expect(page).to_have_url(re.compile("same_as="))
    for each in (first, other):
        expect(page.locator(f'button.cell[data-id="{each}"]')).to_be_visible()


def test_filters__stand_in_the_address(page: Page, indexed: Server) -> None:
    _visit(page, indexed)
    page.get_by_label("Name or path contains").fill("_all")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("text=_all"))
    page.get_by_role("button", name="More filters").click()
    page.get_by_label("Measure", exact=True).click()
    page.keyboard.type("Brightness")
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("slider").first.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("measure=Brightness.*range="))
    steps.settle(page)
    said = page.get_by_text(re.compile(r"^1 to \d+ of \d+ image")).inner_text()
    _go(page, page.url)
    expect(page.get_by_text(said)).to_be_visible()
    assert steps.fields(page)["text"] == "_all"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("layout", ["Gallery", "Table", "Compare"])
def test_browse__fits_a_phone(
    browser: Browser, administrator: BrowserContext, indexed: Server, scheme: str, layout: str
) -> None:
    with browser.new_context(
        viewport=PHONE, color_scheme=scheme, storage_state=administrator.storage_state()
    ) as context:
        page = context.new_page()
        _visit(page, indexed, layout=layout)
        assert steps.overflow(page) <= 0
        assert steps.failures(page) == []


def _visit(page: Page, server: Server, **asked: str) -> None:
    more = "".join(f"&{name}={value}" for name, value in asked.items())
    _go(page, f"{server.at('dataset.py')}?view=Browse{more}")


def _go(page: Page, address: str) -> None:
    steps.visit(page, address)
    steps.title(page, "Dataset")
    page.get_by_text("Method", exact=True).wait_for()  # the last of the page
    steps.settle(page)


def _said(page: Page) -> Locator:
    return page.locator(".said").first


def _width(page: Page) -> float:
    box = steps.cells(page).first.bounding_box()
    assert box
    return float(box["width"])
