"""Validation at a laboratory: what may be claimed, a site profile, and answers that name it."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

from allcore.settings import Settings
from allcore.store import accounts, admin_settings, data_sets, database
from allcore.synthetic import dataset
from tests.browser import steps
from tests.browser.conftest import Server, Start

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
TWO, LABORATORY = "Two subjects", "Laboratory A"
SUBJECTS, CELLS = 14, 84
"""Of the laboratory; without the faults that are drawn, 5 subjects of each class remain."""


@pytest.fixture
def laboratory(start: Start) -> Iterator[Server]:
    """A server with drawn cells of two subjects and of many as data sets, and a reviewer."""
    with start() as server:
        home = server.terminal.parent / "home"
        opened = database.connect(Settings(home=home))
        for username, role in (("ada", "admin"), ("rev", "reviewer")):
            accounts.create(
                opened, username=username, display_name=username, password=steps.PASSWORD,
                role=role,
            )  # fmt: skip
        folder = (home / "laboratory").resolve()
        drawn = dataset.draw_set(folder, cells=CELLS, subjects=SUBJECTS)
        admin_settings.change(opened, "ada", {"data_roots": [str(folder)]})
        for name, table in _tables(drawn.table, folder).items():
            path = folder / f"{name}.csv"
            table.to_csv(path, index=False)
            data_sets.connect(opened, "ada", name=name, path=path)
        yield server


def test_reviewer__validates_keeps_a_profile_and_predicts_with_it(
    browser: Browser, laboratory: Server, small_demo: Path, tmp_path: Path
) -> None:
    context, page = steps.opened(browser, laboratory.at("validate.py"))
    steps.sign_in(page, "rev")
    steps.title(page, "Validate")
    steps.settle(page)
    _validate(page, TWO)
    expect(page.get_by_text(re.compile("^Nothing can be claimed: 2 subjects"))).to_be_visible()
    assert page.get_by_role("button", name="Save site profile").count() == 0
    _validate(page, LABORATORY)
    expect(page.get_by_text(re.compile("^Of cells of new subjects"))).to_be_visible()
    page.get_by_label("Name of the site").fill("Ward 3")
    page.get_by_label("Name of the site").press("Enter")
    steps.settle(page)
    page.get_by_role("button", name="Save site profile").click()
    expect(page.get_by_text("Saved as Ward 3, version 1")).to_be_visible()
    page.get_by_role("link", name="Choose it on Predict").click()
    steps.title(page, "Predict")
    steps.settle(page)
    _choose(page, "Site profile", "Ward 3, version 1")
    expect(page.get_by_text(re.compile("Site profile Ward 3, version 1: "))).to_be_visible()
    rows = _predict(page, sorted(small_demo.glob("*.png"))[:2], tmp_path)
    assert [row["profile"].partition("@")[0] for row in rows] == ["Ward 3", "Ward 3"]
    assert steps.failures(page) == []
    context.close()


def _tables(drawn: pd.DataFrame, folder: Path) -> dict[str, pd.DataFrame]:
    """Manifests of the sound cells of two subjects, and of all."""
    truth = dataset.read_truth(folder)
    sound = drawn[drawn["image_id"].isin(truth.loc[truth["fault"] == "", "image_id"])]
    pair = sound.groupby("label")["subject"].first()
    return {TWO: sound[sound["subject"].isin(pair)], LABORATORY: sound}


def _validate(page: Page, name: str) -> None:
    """Choose a data set and validate the model on it."""
    _choose(page, "Data set", name)
    button = page.get_by_role("button", name=re.compile("^Validate "))
    expect(page.get_by_text(re.compile(f"labelled pictures of .* in {name}"))).to_be_visible()
    button.click()
    page.get_by_text("Width of intervals").wait_for(timeout=steps.PATIENCE)
    steps.settle(page)


def _choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option).click()
    steps.settle(page)


def _predict(page: Page, files: list[Path], folder: Path) -> list[dict[str, str]]:
    page.locator("input[type=file]").set_input_files(files)
    page.get_by_role("heading", name=re.compile(f"^{len(files)} pictures: ")).wait_for()
    steps.settle(page)
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    path = folder / "predictions.csv"
    download.value.save_as(path)
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
