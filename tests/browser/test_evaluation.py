"""What only a browser can show of the error explorer: drawing, clicking, dragging, addresses."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from allcore import model_folder, settings
from allcore.notice import RESEARCH_USE
from tests.browser import steps
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

DESK = {"width": 1440, "height": 1000}
PHONE = {"width": 390, "height": 844}
VIEWS = {
    "Overview": "Click a part of the matrix",
    "Errors": "Download this list as CSV",
    "Map": "Draw around cells",
    "Slices": "slices tried",
    "Subjects": "One prediction a subject",
    "Curves": "A prediction of ALL blast multiplies the odds",
    "Calibration": "Expected calibration error",
    "Model comparison": "that both hold out",
    "Review": "How cells are judged",
    "Robustness": "at the model's own threshold",
    "Export": "Every file says",
}
"""Every view, and words that only it says."""
AREA = [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)]
NAMED = {"view": "Map", "area": "-90,90_90,90_90,-90_-90,-90"}
ALL = {"view": "Errors", "show": "All cells"}
OWN = model_folder.resolve(settings.load().model).info.threshold
SELECTED = re.compile(r"^[\d,]+ cells selected, ")


@pytest.fixture(scope="module")
def user(
    browser: Browser, administrator: BrowserContext, server: Server
) -> Iterator[BrowserContext]:
    """A browser at a desk in which somebody is signed in."""
    context = browser.new_context(viewport=DESK)
    context.set_default_timeout(steps.PATIENCE)
    page = context.new_page()
    steps.visit(page, server.at("register.py"))
    steps.make_account(page, username="edith", name="Edith", button="Make the account")
    steps.title(page, "ALLScope")
    steps.remembered(page)
    steps.visit(page, f"{server.at('evaluation.py')}?split=Synthetic")  # scores them, if not yet
    expect(steps.cells(page).first).to_be_visible()
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(user: BrowserContext) -> Iterator[Page]:
    opened = user.new_page()
    yield opened
    opened.close()


def test_threshold__is_typed_copied_and_taken_back(
    page: Page, browser: Browser, user: BrowserContext, server: Server
) -> None:
    _visit(page, server)
    own = _shown(page)
    _threshold(page).fill("0.7")
    _threshold(page).press("Enter")
    expect(page).to_have_url(re.compile("threshold=0.7"))
    steps.settle(page)
    moved = _shown(page)
    assert moved[0] != own[0]
    assert moved[1] != own[1]
    assert steps.fields(page) == {"threshold": "0.7"}
    with browser.new_context(viewport=DESK, storage_state=user.storage_state()) as other:
        copied = other.new_page()
        _go(copied, page.url)
        expect(_threshold(copied)).to_have_value("0.700")
        assert _shown(copied) == moved
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(_threshold(page)).to_have_value(f"{OWN:.3f}")
    expect(page).not_to_have_url(re.compile("threshold"))
    steps.settle(page)
    assert _shown(page) == own


def test_threshold__follows_the_slider_by_keyboard(page: Page, server: Server) -> None:
    _visit(page, server)
    slider = page.get_by_role("slider", name="Threshold by hand")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(_threshold(page)).to_have_value(f"{OWN + 0.003:.3f}")
    expect(page).to_have_url(re.compile(f"threshold={OWN + 0.003:.3f}"))
    steps.settle(page)
    page.keyboard.press("ArrowLeft")  # the slider keeps the focus through a run
    expect(_threshold(page)).to_have_value(f"{OWN + 0.002:.3f}")


@pytest.mark.parametrize(
    ("across", "down", "outcome"),
    [(0.9, 0.1, "Normal cells predicted ALL blast"), (0.1, 0.9, "ALL blasts predicted normal")],
)
def test_matrix__a_click_lists_the_cells_of_that_part(
    page: Page, server: Server, across: float, down: float, outcome: str
) -> None:
    _visit(page, server)
    count = page.get_by_text(re.compile(r"^1 to 8 of [\d,]+ cells$"))
    before = count.inner_text()
    steps.click_at(page, steps.chart(page, "Correct: "), across, down)
    expect(page.get_by_label("Show", exact=True)).to_have_value(outcome)
    expect(count).not_to_have_text(before)
    assert steps.fields(page) == {"show": outcome}


def test_map__cells_drawn_around_become_an_address_and_a_slice(page: Page, server: Server) -> None:
    _visit(page, server, view="Map")
    steps.draw_around(page, steps.chart(page, "are predicted wrongly"), AREA)
    selected = page.get_by_text(SELECTED)
    expect(selected).to_be_visible()
    expect(steps.cells(page)).to_have_count(8)
    expect(page).to_have_url(re.compile("area="))
    _keep_as_slice(page, "between the classes")
    page.get_by_role("button", name="Clear the selection").click()
    expect(selected).to_have_count(0)
    assert steps.fields(page) == {"view": "Map"}
    _turn_to(page, "Slices")
    expect(page.get_by_text(re.compile(r"^between the classes, [\d,]+ cells$"))).to_be_visible()


def test_map__an_address_with_an_area_shows_its_cells(page: Page, server: Server) -> None:
    _visit(page, server, **NAMED)
    expect(page.get_by_text(SELECTED)).to_be_visible()
    expect(steps.cells(page)).to_have_count(8)
    assert steps.fields(page) == NAMED


def test_map__the_picture_of_the_point_under_the_pointer(page: Page, server: Server) -> None:
    _visit(page, server, view="Map")
    chart = steps.chart(page, "are predicted wrongly")
    point = chart.locator(".scatterlayer .point").first.bounding_box()
    assert point
    page.mouse.move(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2)
    picture = page.locator(".preview img")
    expect(picture).to_be_visible()
    expect(picture).to_have_attribute("src", re.compile("^data:image/webp"))
    page.mouse.move(5, 5)
    expect(picture).to_be_hidden()


def test_cell__opens_by_mouse_and_leads_on(page: Page, server: Server) -> None:
    _visit(page, server, **ALL)
    first, second = steps.cell_ids(page)[:2]
    steps.cells(page).first.click()
    steps.cell_is_open(page, first)
    page.get_by_role("dialog").get_by_role("button", name="Next").click()
    steps.cell_is_open(page, second)
    _close(page)
    assert steps.fields(page) == ALL


def test_cells__some_are_selected_and_become_a_slice(page: Page, server: Server) -> None:
    _visit(page, server, **ALL)
    for place in range(3):
        page.locator("input.box").nth(place).check()  # waits for the gallery
    expect(page.get_by_text("3 cells selected")).to_be_visible()
    page.get_by_role("button", name="Save as slice").click()
    _keep_as_slice(page, "three of them")
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.get_by_text("3 cells selected")).to_have_count(0)


def test_overview__matrix_curve_and_cells_are_in_sight_at_once(page: Page, server: Server) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    _visit(page, server)
    first = [page.get_by_test_id("stPlotlyChart").nth(place) for place in (0, 1)]
    for part in (*first, steps.cells(page).nth(2)):
        box = part.bounding_box()
        assert box and box["y"] + box["height"] <= 900
    head = page.get_by_role("heading", level=1).bounding_box()
    controls = page.locator(".st-key-controls").bounding_box()
    assert head and controls and controls["y"] + controls["height"] - head["y"] <= 150
    page.mouse.wheel(0, 700)
    page.wait_for_timeout(500)
    assert page.locator(".st-key-controls").is_visible()
    moved = page.locator(".st-key-controls").bounding_box()
    assert moved and 0 <= moved["y"] < 200


def test_cell__opens_by_keyboard_and_by_its_address(page: Page, server: Server) -> None:
    _visit(page, server, **ALL)
    second = steps.cell_ids(page)[1]
    steps.cells(page).first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    steps.cell_is_open(page, second)
    _go(page, page.url)
    steps.cell_is_open(page, second)
    _close(page)


def test_subjects__a_click_on_a_row_opens_the_subject(page: Page, server: Server) -> None:
    _visit(page, server, view="Subjects")
    expect(page.get_by_text(VIEWS["Subjects"])).to_be_visible()
    table = page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    table.click(position={"x": 18, "y": 35 + 17})  # the box before the first row
    expect(page.get_by_role("heading", name=re.compile("^Subject "))).to_be_visible()
    expect(steps.cells(page).first).to_be_visible()
    assert steps.failures(page) == []


def test_export__the_report_downloads_with_the_notice(
    page: Page, server: Server, tmp_path: Path
) -> None:
    _visit(page, server, view="Export")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the report as HTML").click()
    path = tmp_path / "report.html"
    download.value.save_as(path)
    assert RESEARCH_USE in path.read_text(encoding="utf-8")


def test_upload__a_file_with_problems_says_them_and_shows_the_rest(
    page: Page, server: Server
) -> None:
    _visit(page, server)
    bad = ["x1,,0.3,s1", "x2,all,,s1", "x3,hem,nan,s2", _row(0)]
    _upload(page, ["image_id,label,probability,subject", *map(_row, range(80)), *bad])
    for said in ("without a label", "without a probability", "repeated word for word"):
        expect(page.get_by_text(said)).to_be_visible()
    expect(page.get_by_test_id("stMetricValue")).to_have_count(5)
    assert steps.fields(page) == {"model": "mine.csv"}
    assert steps.failures(page) == []


def test_upload__logits_are_refused_and_then_chosen_as_such(page: Page, server: Server) -> None:
    _visit(page, server)
    before = _shown(page)
    rows = [f"c{i},{'all' if i % 2 else 'hem'},{4 * (i % 2) - 2 + i / 80:.2f}" for i in range(80)]
    _upload(page, ["image_id,label,score", *rows])
    expect(page.get_by_text("holds logits and no probabilities")).to_be_visible()
    assert _shown(page) == before
    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("combobox", name="Meaning").click()
    page.keyboard.type("Logit of ALL")  # the click's list closes where the panel still unfolds
    page.get_by_role("option", name="Logit of ALL blast").wait_for()
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="Image")).to_have_value("image_id")
    expect(page.get_by_text("was converted from logits")).to_be_visible()
    expect(page.get_by_text("probability 'score'")).to_be_visible()


def test_upload__a_file_without_labels_leaves_the_page_as_it_was(
    page: Page, server: Server
) -> None:
    _visit(page, server)
    before = _shown(page)
    _upload(page, ["image_id,probability", "a,0.3", "b,0.6"])
    expect(page.get_by_text("mine.csv lacks a column of labels")).to_be_visible()
    steps.settle(page)
    assert len(steps.failures(page)) == 1
    assert _shown(page) == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_views__fit_a_phone(
    browser: Browser, user: BrowserContext, server: Server, scheme: str
) -> None:
    with browser.new_context(
        viewport=PHONE, color_scheme=scheme, storage_state=user.storage_state()
    ) as context:
        page = context.new_page()
        _visit(page, server, split="Test")
        expect(_views(page)).to_have_text(list(VIEWS))
        for view, words in VIEWS.items():
            if view != "Overview":
                _turn_to(page, view)
            expect(page.get_by_text(words).first).to_be_visible()
            steps.settle(page)
            assert steps.overflow(page) <= 0, view
            assert steps.failures(page) == [], view


def _visit(page: Page, server: Server, **fields: str) -> None:
    asked = "&".join(f"{name}={value}" for name, value in fields.items())
    _go(page, f"{server.at('evaluation.py')}?{asked}".rstrip("?"))


def _go(page: Page, address: str) -> None:
    steps.visit(page, address)
    steps.title(page, "Evaluation")
    steps.settle(page)


def _threshold(page: Page) -> Locator:
    return page.get_by_label("Threshold", exact=True)


def _shown(page: Page) -> tuple[list[str], str]:
    """Headline figures, and what the confusion matrix says."""
    matrix = steps.chart(page, "Correct: ")
    return page.get_by_test_id("stMetricValue").all_inner_texts(), matrix.inner_text()


def _close(page: Page) -> None:
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).not_to_have_url(re.compile("cell="))
    steps.settle(page)
    assert page.get_by_role("dialog").count() == 0


def _keep_as_slice(page: Page, name: str) -> None:
    page.get_by_label("Save these cells as a slice named").fill(name)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text(f"Saved: see {name} among the slices.")).to_be_visible()
    steps.settle(page)


def _views(page: Page) -> Locator:
    return page.get_by_test_id("stButtonGroup").first.locator("button")


def _turn_to(page: Page, view: str) -> None:
    page.get_by_test_id("stButtonGroup").first.get_by_text(view, exact=True).click()
    expect(page.get_by_text(VIEWS[view]).first).to_be_visible()
    steps.settle(page)


def _row(number: int) -> str:
    """A labelled cell of one of eight subjects, predicted correctly about as often as not."""
    label = "all" if number % 2 else "hem"
    return f"c{number},{label},{(number * 37 % 100) / 100:.2f},s{number % 8}"


def _upload(page: Page, lines: list[str]) -> None:
    page.get_by_role("button", name="Open file").click()
    data = "\n".join(lines).encode()
    page.locator("input[type=file]").set_input_files(
        {"name": "mine.csv", "mimeType": "text/csv", "buffer": data}
    )
