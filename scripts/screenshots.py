"""Writes the screenshots of README and docs from the running app on the synthetic set.

``python scripts/screenshots.py`` renews ``docs/images``. ``--out DIR --all`` writes every page at
1440 and 390 px, light and dark, to inspect a change. Needs Chromium.
"""

import io
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

IMAGES = ROOT / "docs" / "images"
PASSWORD = "synthetic cells 2019"
PATIENCE = 180_000
"""Milliseconds until a page counts as broken."""

DOCUMENTED = {"predict", "evaluation", "dataset", "history", "account", "administration"}
"""Pages whose screenshots the documentation shows."""

SIZES = {1440: 900, 390: 844}
PAGES = {
    "home": "/",
    "predict": "/predict",
    "evaluation": "/evaluation",
    "dataset": "/dataset",
    "compare": "/compare",
    "networks": "/networks",
    "about": "/about",
    "history": "/history",
    "review": "/review",
    "account": "/account",
    "administration": "/administration",
}


def main(
    out: Annotated[Path, typer.Option(help="Folder to write.")] = IMAGES,
    every: Annotated[
        bool, typer.Option("--all", help="All widths and both themes, as lossless PNG.")
    ] = False,
) -> None:
    """Start the app with a fresh home, sign in as administrator, photograph the pages."""
    from benchmarks import servers

    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        home, log = Path(folder) / "home", Path(folder) / "log.txt"
        os.environ |= {"ALLSCOPE_HOME": str(home), "ALLSCOPE_LOG_LEVEL": "ERROR"}
        _prepare()
        browser = driver.chromium.launch(
            executable_path=servers.chromium(), args=servers.CHROMIUM_ARGUMENTS
        )
        with servers.serving(servers.APP, home=home, log=log) as address:
            state = _signed_in(browser, address)
            for width in SIZES if every else (1440,):
                for theme in ("light", "dark") if every else ("light",):
                    with _page(browser, state, width, theme) as page:
                        _photograph(page, address, out, f"-{width}-{theme}" if every else "")
        browser.close()


def _prepare() -> None:
    """Draw, index and score the synthetic set; create an administrator."""
    from allcore import model_folder, settings
    from allcore.inference import synthetic_predictions
    from allcore.store import accounts, database

    for command in (["data", "synth"], ["index", "--data", str(settings.load().demo_set)]):
        subprocess.run([sys.executable, "-m", "allcore", *command], cwd=ROOT, check=True)
    synthetic_predictions.score(model_folder.resolve(settings.load().model))
    accounts.create(
        database.connect(), username="grace", display_name="Grace", password=PASSWORD, role="admin"
    )


def _signed_in(browser: Browser, address: str) -> str:
    """The storage state, as JSON, of a browser in which the administrator is signed in."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"{address}/sign_in")
    page.get_by_label("Username").fill("grace", timeout=PATIENCE)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="Sign in").click()
    _settle(page)
    while not any("allscope" in each["name"] for each in context.cookies()):
        page.wait_for_timeout(100)
    skip = page.get_by_role("button", name="Skip")
    if skip.count():
        skip.first.click()
        _settle(page)
    state = json.dumps(context.storage_state())
    context.close()
    return state


@contextmanager
def _page(
    browser: Browser, state: str, width: int, theme: Literal["light", "dark"]
) -> Iterator[Page]:
    context: BrowserContext = browser.new_context(
        viewport={"width": width, "height": SIZES[width]},
        color_scheme=theme,
        storage_state=json.loads(state),
        device_scale_factor=1,
    )
    yield context.new_page()
    context.close()


def _photograph(page: Page, address: str, out: Path, suffix: str) -> None:
    for name, path in PAGES.items():
        if not suffix and name not in DOCUMENTED:
            continue
        page.goto(address + path)
        _settle(page)
        if name == "predict":
            _predict_example(page)
        image = Image.open(io.BytesIO(page.screenshot()))
        if suffix:
            image.save(out / f"{name}{suffix}.png")
        else:
            image.quantize(256).save(out / f"{name}.png", optimize=True)
        print(f"{name}{suffix}", flush=True)


def _predict_example(page: Page) -> None:
    """Answer the first synthetic example and wait for its explanation."""
    page.get_by_role("button", name=re.compile("High probability")).click(timeout=PATIENCE)
    page.get_by_role("button", name="Report as JSON").first.wait_for(timeout=PATIENCE)
    _settle(page)


def _settle(page: Page) -> None:
    """Wait until the page's script has ended and nothing loads any more."""
    page.locator("h1").first.wait_for(timeout=PATIENCE)
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENCE)
    page.wait_for_timeout(1500)
    expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENCE)


if __name__ == "__main__":
    typer.run(main)
