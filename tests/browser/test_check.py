"""Pictures that are asked about: answered when the browser is closed, cut out, and reported."""

import re
import secrets
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from allcore.reports import prediction_json
from tests.browser import steps
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


def test_batch__is_there_when_the_browser_comes_back(
    browser: Browser, administrator: BrowserContext, server: Server, uploads: list[Path],
    tmp_path: Path,
) -> None:  # fmt: skip
    many = []
    for number in range(60):
        many.append(tmp_path / f"cell_{number:02d}{uploads[0].suffix}")
        shutil.copy(uploads[number % len(uploads)], many[-1])
    username = f"lise-{secrets.token_hex(3)}"  # accounts stay on the server when the test is rerun
    context, page = steps.opened(browser, server.at("register.py"))
    steps.make_account(page, username=username, name="Lise", button="Make the account")
    steps.title(page, "ALLScope")
    steps.open_from_navigation(page, "Predict")
    page.locator("input[type=file]").set_input_files(many)
    expect(page.get_by_text(re.compile("60 pictures|of 60")).first).to_be_visible()
    context.close()
    context, page = steps.opened(browser, server.at("sign_in.py"))
    steps.sign_in(page, username)
    steps.title(page, "ALLScope")
    steps.open_from_navigation(page, "Predict")
    page.get_by_role("heading", name=re.compile("^60 pictures: ")).wait_for(
        timeout=2 * steps.PATIENCE
    )
    expect(page.get_by_text("What you asked last stands below.")).to_be_visible()
    steps.open_from_navigation(page, "History")
    expect(page.get_by_text("60 of 60 answers")).to_be_visible(timeout=steps.PATIENCE)
    steps.open_from_navigation(page, "Predict")
    page.get_by_role("button", name="Put it away").click()
    expect(page.get_by_text("Drop one picture or many")).to_be_visible()
    assert steps.failures(page) == []
    context.close()


def test_field__is_corrected_and_reported(
    administrator: BrowserContext, server: Server, tmp_path: Path
) -> None:
    """From a field by a click and a corrected outline to a report that repeats the answer."""
    page = administrator.new_page()
    picture = steps.draw_field(tmp_path)
    steps.visit(page, server.at("predict.py"))
    page.locator("input[type=file]").set_input_files(picture)
    expect(page.get_by_role("heading", name=re.compile("^2 white cells: "))).to_be_visible()
    expect(page.get_by_text("other laboratory, not validated", exact=True).first).to_be_visible()
    page.get_by_role("button", name=re.compile("^Cell 2: ")).click()
    expect(page.get_by_text("smear.png, cell 2")).to_be_visible()
    slider = page.get_by_role("slider", name="Move the outline out or in")
    slider.focus()
    for _ in range(3):
        slider.press("ArrowRight")
    expect(page.get_by_text(re.compile("outline moved out by 3 px"))).to_be_visible()
    steps.settle(page)  # the report is made anew when the explanation is complete
    with page.expect_download() as download:
        page.get_by_role("button", name="Report as JSON").click()
    download.value.save_as(tmp_path / "report.json")
    report = prediction_json.read_report((tmp_path / "report.json").read_bytes())
    assert report.file.content == picture.read_bytes()
    assert report.cut is not None
    assert (report.cut["number"], report.cut["grow"]) == (2, 3)
    assert report.cut["mark"] == "other laboratory, not validated"
    assert report.cut["field"]["edits"]["outlines"]["2"]["grow"] == 3
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_role("heading", name=re.compile("^1 white cell: "))).to_be_visible()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("heading", name=re.compile("^2 white cells: "))).to_be_visible()
    page.get_by_text("Add a cell by a click").click()
    steps.settle(page)
    page.get_by_role("img", name=re.compile("^The field with")).click(
        position={"x": 40, "y": 40}, force=True
    )
    expect(page.get_by_role("heading", name=re.compile("^3 white cells: "))).to_be_visible()
    assert steps.failures(page) == []
    page.close()
