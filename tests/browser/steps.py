"""What a person does on the pages, by what they see: labels, headings and buttons."""

import re
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from allcore.web import cookie
from benchmarks import synthetic_smears

PATIENCE = 180_000  # milliseconds: a first visit loads libraries, or draws a data set
PASSWORD = "correct horse 7 battery"
SETUP_CODE = re.compile(r"^\s+([0-9A-Z]{5}(?:-[0-9A-Z]{5}){3})\s*$", flags=re.MULTILINE)


def opened(browser: Browser, address: str) -> tuple[BrowserContext, Page]:
    """A browser of its own, nobody signed in, at an address."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    visit(page, address)
    return context, page


def visit(page: Page, address: str) -> None:
    """Open an address and wait until its page is drawn."""
    page.goto(address)
    settle(page)


def settle(page: Page) -> None:
    """Wait until the page has a title and its script has ended."""
    page.locator("h1").first.wait_for(timeout=PATIENCE)
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENCE)


def title(page: Page, text: str) -> Locator:
    """The page's title, waited for."""
    heading = page.get_by_role("heading", name=text, level=1, exact=True)
    heading.wait_for(timeout=PATIENCE)
    return heading


def open_from_navigation(page: Page, name: str, *, titled: str | None = None) -> None:
    """Follow the navigation's link to a page and wait until it is drawn."""
    navigation = page.get_by_test_id("stTopNav")
    direct = navigation.get_by_role("link", name=name, exact=True)
    if not direct.count():
        for section in _sections(page):
            section.click()
            item = page.get_by_role("menuitem", name=name, exact=True)
            if item.count():
                direct = item
                break
            page.keyboard.press("Escape")
    direct.click()
    title(page, titled or name)
    settle(page)


def listed(page: Page) -> set[str]:
    """Names of all pages in the navigation, those in its sections included."""
    links = page.get_by_test_id("stTopNav").get_by_test_id("stTopNavLink")
    names = [text.split("\n")[-1] for text in links.all_inner_texts()]
    for section in _sections(page):
        section.click()
        page.get_by_role("menu").wait_for()
        names += [text.split("\n")[-1] for text in page.get_by_role("menuitem").all_inner_texts()]
        page.keyboard.press("Escape")
        page.get_by_role("menu").wait_for(state="detached")
    return set(names)


def sees_name(page: Page, name: str) -> None:
    """Wait until the navigation has the name of who is signed in."""
    section = page.get_by_test_id("stTopNavSection").filter(has_text=name, visible=True)
    expect(section.first).to_be_visible()


def sign_out(page: Page) -> None:
    """Sign out by the navigation, and wait until nobody is signed in."""
    open_from_navigation(page, "Sign out")
    page.get_by_test_id("stMain").get_by_role("button", name="Sign out", exact=True).click()
    sees_sign_in(page)


def sees_sign_in(page: Page) -> None:
    """Wait until the navigation offers to sign in."""
    link = page.get_by_test_id("stTopNav").get_by_role("link", name="Sign in", exact=True)
    expect(link).to_be_visible()


def _sections(page: Page) -> list[Locator]:
    return page.get_by_test_id("stTopNavSection").filter(visible=True).all()


def remembered(page: Page) -> None:
    """Wait until the browser holds the session's cookie."""
    _wait_for_cookie(page, held=True)


def forgotten(page: Page) -> None:
    """Wait until the browser holds no session's cookie."""
    _wait_for_cookie(page, held=False)


def _wait_for_cookie(page: Page, *, held: bool) -> None:
    end = time.monotonic() + PATIENCE / 1000
    while any(cookie.NAME in each["name"] for each in page.context.cookies()) is not held:
        assert time.monotonic() < end, f"the cookie is {'not ' if held else ''}there"
        page.wait_for_timeout(100)


def fill(page: Page, **fields: str) -> None:
    """Type into text fields; the names are their labels with underscores for spaces."""
    for label, text in fields.items():
        page.get_by_label(label.replace("_", " "), exact=True).first.fill(text)


def make_account(page: Page, *, username: str, name: str, button: str, code: str = "") -> None:
    """Fill the form of a new account and send it."""
    if code:
        fill(page, Setup_code=code)
    fill(page, Username=username, Your_name=name)
    fill(page, New_password=PASSWORD, Repeat_new_password=PASSWORD)
    page.get_by_role("button", name=button).click()


def fields(page: Page) -> dict[str, str]:
    """What the address holds after its question mark."""
    return {name: found[0] for name, found in parse_qs(urlsplit(page.url).query).items()}


def chart(page: Page, text: str) -> Locator:
    """The chart that shows this text, drawn and in sight."""
    found = page.get_by_test_id("stPlotlyChart").filter(has_text=text)
    expect(found).to_have_count(1)
    expect(found.locator(".nsewdrag").first).to_be_attached()
    settle(page)
    found.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    return found


def click_at(page: Page, chart: Locator, across: float, down: float) -> None:
    """Click into a chart's plot, at shares of its width and height."""
    x, y = _within(chart, across, down)
    page.mouse.move(x, y)
    page.wait_for_timeout(200)  # a point is found when the pointer rests on it
    page.mouse.click(x, y)


def draw_around(page: Page, chart: Locator, corners: Sequence[tuple[float, float]]) -> None:
    """Draw a lasso through corners, given as shares of the plot's width and height."""
    first, *others = [_within(chart, *corner) for corner in corners]
    page.mouse.move(*first)
    page.mouse.down()
    for x, y in (*others, first):
        page.mouse.move(x, y, steps=4)
    page.mouse.up()


def _within(chart: Locator, across: float, down: float) -> tuple[float, float]:
    box = chart.locator(".nsewdrag").first.bounding_box()
    assert box
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def mark_first_row(page: Page) -> None:
    """Choose the first row of the first table on the page by its box."""
    table = page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    table.click(position={"x": 18, "y": 35 + 17})
    settle(page)


def failures(page: Page) -> list[str]:
    """What the page shows of exceptions and errors."""
    kinds = ("stException", "stAlertContentError")
    return [text for kind in kinds for text in page.get_by_test_id(kind).all_inner_texts()]


def sign_in(page: Page, username: str, password: str = PASSWORD) -> None:
    """Fill the sign-in form that is on the page and send it."""
    fill(page, Username=username, Password=password)
    page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="Sign in").click()


def setup_code(terminal: Path) -> str:
    """The one-time code that the server has printed."""
    found = SETUP_CODE.search(terminal.read_text())
    assert found, f"no setup code on the terminal: {terminal.read_text()}"
    return found[1]


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than its window, or its content than its own box."""
    script = """() => Math.max(...[document.documentElement, document.querySelector(
        '[data-testid="stMain"]')].map(each => each.scrollWidth - each.clientWidth))"""
    wider: int = page.evaluate(script)
    return wider


def cells(page: Page) -> Locator:
    """The pictures that can be opened."""
    return page.locator("button.cell")


def cell_ids(page: Page) -> list[str]:
    """The ids of a full page of cells, once it stands."""
    expect(cells(page)).to_have_count(48)
    settle(page)
    return [str(each.get_attribute("data-id")) for each in cells(page).all()]


def cell_is_open(page: Page, image_id: str) -> None:
    """Wait until a cell's window is open, and in the address."""
    expect(page.get_by_role("dialog").get_by_text(image_id).first).to_be_visible()
    expect(page).to_have_url(re.compile(f"cell={re.escape(image_id)}$"))
    settle(page)
    assert failures(page) == []


def draw_field(folder: Path) -> Path:
    """A picture of two drawn white cells between red ones."""
    picture = synthetic_smears.field(480, 640, seed=1)
    for y, x, radius in ((240, 320, 90), (330, 540, 70)):
        picture, _ = synthetic_smears.with_cell(picture, y, x, radius=radius)
    path = folder / "smear.png"
    Image.fromarray(picture).save(path)
    return path
