"""Pictures that are asked about: answered when the browser is closed, cut out, and reported."""

import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, expect

from allcore.data.cells import Rgb
from allcore.reports import prediction_json
from benchmarks import synthetic_smears
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
    context, page = steps.opened(browser, server.at("register.py"))
    steps.make_account(page, username="lise", name="Lise", button="Make the account")
    steps.title(page, "ALLScope")
    steps.open_from_navigation(page, "Predict")
    page.locator("input[type=file]").set_input_files(many)
    expect(page.get_by_text(re.compile("60 pictures|of 60"))).to_be_visible(timeout=steps.PATIENCE)
    context.close()
    context, page = steps.opened(browser, server.at("sign_in.py"))
    steps.sign_in(page, "lise")
    steps.title(page, "ALLScope")
    steps.open_from_navigation(page, "Predict")
    page.get_by_role("heading", name=re.compile("^60 pictures: ")).wait_for(
        timeout=2 * steps.PATIENCE
    )
    expect(page.get_by_text("What you asked last stands below.")).to_be_visible()
    steps.open_from_navigation(page, "History")
    expect(page.get_by_text("60 of 60 answers kept")).to_be_visible(timeout=steps.PATIENCE)
    steps.open_from_navigation(page, "Predict")
    page.get_by_role("button", name="Put it away").click()
    expect(page.get_by_text("Drop one picture or many")).to_be_visible()
    assert steps.failures(page) == []
    context.close()


def test_picture__is_cut_out_and_reported(
    administrator: BrowserContext, server: Server, tmp_path: Path
) -> None:
    """What is refused for its background is cut out; the report says how, and can be read."""
    page = administrator.new_page()
    picture = tmp_path / "smear.png"
    Image.fromarray(_smear()).save(picture)
    steps.visit(page, server.at("predict.py"))
    page.locator("input[type=file]").set_input_files(picture)
    expect(page.get_by_text("Refused: not one cell on black")).to_be_visible()
    page.get_by_role("button", name="Use this cut").click()
    expect(page.get_by_text(re.compile("Cut out by the program:"))).to_be_visible()
    steps.settle(page)  # the report is made anew when the explanation is complete
    with page.expect_download() as download:
        page.get_by_role("button", name="Report as JSON").click()
    download.value.save_as(tmp_path / "report.json")
    data = (tmp_path / "report.json").read_bytes()
    assert prediction_json.read_report(data).file.content == picture.read_bytes()
    assert json.loads(data)["cut"]["note"].startswith("cut out by the program")
    assert steps.failures(page) == []
    page.close()


def _smear() -> Rgb:
    """A drawn white cell between red ones."""
    picture, _ = synthetic_smears.with_cell(synthetic_smears.field(480, 640, seed=1), 240, 320)
    return picture
