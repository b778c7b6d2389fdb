"""From registering to signing out, with the files a person would really upload."""

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from allcore.notice import RESEARCH_USE
from tests.browser import steps
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
_CELL = re.compile("^Open the cell predicted")


def test_user__goes_the_whole_path(
    browser: Browser,
    administrator: BrowserContext,
    server: Server,
    uploads: list[Path],
    tmp_path: Path,
) -> None:
    context = browser.new_context()
    context.set_default_timeout(steps.PATIENCE)
    page = context.new_page()
    _register_and_sign_in_again(page, server)
    rows = _predict(page, uploads, tmp_path)
    assert sorted(row["path"] for row in rows) == sorted(path.name for path in uploads)
    assert {row["verdict"] for row in rows} <= {"all", "hem", "refused"}
    assert {row["notice"] for row in rows} == {RESEARCH_USE}
    for name in ("Dataset", "Evaluation", "About this model", "Account"):
        steps.open_from_navigation(page, name)
        assert page.get_by_test_id("stException").count() == 0, name
        assert page.get_by_test_id("stAlertContentError").count() == 0, name
    _administration_stays_shut(page, server)
    steps.sign_out(page)
    steps.settle(page)
    steps.visit(page, server.at("predict.py"))
    steps.title(page, "Sign in")
    context.close()


def _register_and_sign_in_again(page: Page, server: Server) -> None:
    steps.visit(page, server.at("register.py"))
    steps.make_account(page, username="grace", name="Grace", button="Make the account")
    steps.title(page, "ALLScope")
    steps.sign_out(page)
    steps.open_from_navigation(page, "Sign in")
    steps.sign_in(page, "grace", "not the password")
    expect(page.get_by_test_id("stAlertContentError")).to_be_visible()
    steps.sign_in(page, "grace")
    steps.title(page, "ALLScope")
    steps.settle(page)


def _predict(page: Page, uploads: list[Path], folder: Path) -> list[dict[str, str]]:
    steps.open_from_navigation(page, "Predict")
    page.locator("input[type=file]").set_input_files(uploads)
    counted = page.get_by_role("heading", name=re.compile(rf"^{len(uploads)} pictures: "))
    counted.wait_for(timeout=2 * steps.PATIENCE)
    steps.settle(page)
    block, cells = page.locator(".verdict-block"), page.get_by_role("button", name=_CELL)
    expect(block.locator(".name")).to_have_text(uploads[0].name)
    cells.nth(1).click()
    expect(block.locator(".name")).to_have_text(uploads[1].name)
    box, row = block.bounding_box(), cells.nth(1).bounding_box()
    assert box and row and box["x"] > row["x"], "the answer stands beside the list"
    steps.settle(page)
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    path = folder / "predictions.csv"
    download.value.save_as(path)
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    said = [int(number) for number in re.findall(r"\d+", counted.inner_text())]
    verdicts = [_verdict(row) for row in rows]
    counts = [verdicts.count(word) for word in ("all", "hem", "refused")]
    assert said == [len(rows), *counts]
    return rows


def _verdict(row: dict[str, str]) -> str:
    """The verdict that the page shows: the held-out one where there is one."""
    if not row["held_out"]:
        return row["verdict"]
    return "all" if float(row["held_out"]) >= float(row["threshold"]) else "hem"


def _administration_stays_shut(page: Page, server: Server) -> None:
    assert "Administration" not in steps.listed(page)
    steps.visit(page, server.at("administration.py"))
    steps.title(page, "For administrators")
    assert page.get_by_test_id("stMain").get_by_role("button").count() == 0


def test_administrator__sees_the_accounts(administrator: BrowserContext, server: Server) -> None:
    page = administrator.new_page()
    steps.visit(page, server.at("administration.py"))
    steps.title(page, "Administration")
    expect(page.get_by_role("button", name="Change", exact=True).first).to_be_visible()
    page.close()
