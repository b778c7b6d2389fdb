"""One picture in Chromium, from its choice to the verdict: our Predict page against Gradio's."""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from allcore.inference.predictor import Predictor
from benchmarks import inputs, servers, timing
from benchmarks.selection import OURS
from benchmarks.timing import Result, Scale

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PATIENCE = 1000 * servers.LONGEST
PICTURES = 8
VERDICT = ".verdict-block .verdict"
ANSWERED = "document.querySelector('textarea[data-testid=textbox]')?.value"


def run(scale: Scale) -> Result:
    """Seconds from choosing a BMP file until the verdict stands, each on a page newly opened.

    Both answer as soon as the file is there: Gradio's Interface is live, so that nobody has to
    press its button. Both decode, look for the cell and run the same network; ours asks its gate
    too, and goes on with the evidence after the verdict.
    """
    from playwright.sync_api import sync_playwright

    chromium = servers.required_chromium()
    predictor = inputs.predictor()
    with (
        TemporaryDirectory(prefix="allscope-benchmark-") as name,
        inputs.pictures(min(PICTURES, scale.images // 4)) as paths,
        _ours(Path(name)) as ours,
        _gradio(predictor) as peer,
        sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(executable_path=chromium, args=servers.CHROMIUM_ARGUMENTS)
        mine, theirs = timing.side_by_side(
            lambda: _median(paths, lambda path: _on_our_page(browser, ours, path)),
            lambda: _median(paths, lambda path: _on_their_page(browser, peer, path)),
            rounds=scale.rounds,
        )
        browser.close()
    return timing.result(
        "check", ours=mine, reference=theirs, unit="s", device=str(predictor.device)
    )


@contextmanager
def _ours(folder: Path) -> Iterator[str]:
    """The address of the Predict page, signed in."""
    page = servers.ROOT / "pages" / "predict.py"
    script, home = folder / "ours.py", folder / "home"
    script.write_text(OURS.format(page=str(page)))
    _prepare(home)
    with servers.serving(script, home=home, log=folder / "ours.txt") as address:
        yield address


def _prepare(home: Path) -> None:
    """Draw a few synthetic cells, and make the account whose history is kept as anyone's."""
    from allcore import settings
    from allcore.store import accounts, database
    from allcore.synthetic import demo

    demo.ensure_demo(home / "demo", cells=60, subjects=10)

    opened = database.connect(settings.load().model_copy(update={"home": home}))
    accounts.create(
        opened,
        username="bench",
        display_name="Bench",
        email="bench@example.org",
        password="violet nucleus, black slide",
    )
    opened.engine.dispose()


@contextmanager
def _gradio(predictor: Predictor) -> Iterator[str]:
    """The address of a live Interface over the same network."""
    os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1")
    import gradio

    def verdict(image: Any) -> str:
        if image is None:
            return ""
        return str(predictor.predict([image])[0].verdict)

    interface = gradio.Interface(
        verdict, gradio.Image(type="numpy"), gradio.Textbox(), live=True, flagging_mode="never"
    )
    _, address, _ = interface.launch(
        server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, share=False
    )
    try:
        yield address
    finally:
        interface.close(verbose=False)


def _median(paths: list[Path], seconds: Callable[[Path], float]) -> float:
    durations = sorted(seconds(path) for path in paths)
    return durations[len(durations) // 2]


def _on_our_page(browser: "Browser", address: str, path: Path) -> float:
    page = _opened(browser, address)
    page.locator("[data-testid=stFileUploaderDropzone]").wait_for(timeout=PATIENCE)
    page.get_by_text("Drop one picture or many").wait_for(timeout=PATIENCE)
    started = time.perf_counter()
    page.locator("input[type=file]").set_input_files(path)
    page.locator(VERDICT).wait_for(timeout=PATIENCE)
    durations = time.perf_counter() - started
    page.get_by_role("button", name=f"Remove {path.name}").click()  # or it greets the next visit
    page.get_by_text("Drop one picture or many").wait_for(timeout=PATIENCE)
    page.close()
    return durations


def _on_their_page(browser: "Browser", address: str, path: Path) -> float:
    page = _opened(browser, address)
    page.locator("input[type=file]").first.wait_for(state="attached", timeout=PATIENCE)
    page.wait_for_timeout(500)
    started = time.perf_counter()
    page.locator("input[type=file]").first.set_input_files(path)
    page.wait_for_function(ANSWERED, timeout=PATIENCE, polling="raf")
    durations = time.perf_counter() - started
    page.close()
    return durations


def _opened(browser: "Browser", address: str) -> "Page":
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    # Gradio's page asks for fonts from afar, and a network without a way out can keep it waiting.
    page.route(re.compile(r"^https?://(?!127\.0\.0\.1|localhost)"), lambda route: route.abort())
    page.goto(address)
    return page
