"""Real servers with a home of their own, and one Chromium that looks at them."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from allcore.synthetic import dataset
from benchmarks import servers
from tests.browser import forked, steps

KEPT = {"ALLSCOPE_MODELS", "ALLSCOPE_CHROMIUM", "ALLSCOPE_PRECISION"}
"""Settings that servers have from this process, and that tests after them still find."""


@dataclass(frozen=True)
class Server:
    """A running server: its address, and the file that takes what its terminal shows."""

    address: str
    terminal: Path

    def at(self, script: str) -> str:
        """The address of a page's script."""
        stem = script.removesuffix(".py")
        return self.address if stem == "home" else f"{self.address}/{stem}"


Start = Callable[..., AbstractContextManager[Server]]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    path = servers.chromium()
    if not path:
        pytest.skip("no Chromium on this machine (install chromium, or set ALLSCOPE_CHROMIUM)")
    expect.set_options(timeout=steps.PATIENCE)
    with sync_playwright() as driver:
        started = driver.chromium.launch(
            executable_path=path, args=servers.CHROMIUM_ARGUMENTS, timeout=steps.PATIENCE
        )
        yield started
        started.close()


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory, small_demo: Path) -> Iterator[Start]:
    """Start a server that nobody has asked for anything yet; its home has the drawn set or none."""

    @contextmanager
    def started(*, drawn: bool = True) -> Iterator[Server]:
        folder = tmp_path_factory.mktemp("server")
        if drawn:
            shutil.copytree(small_demo, folder / "home" / "demo")
        terminal = folder / "terminal.txt"
        with forked.serving(home=folder / "home", log=terminal) as address:
            yield Server(address, terminal)

    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("ALLSCOPE_")]:
            if name not in KEPT and not name.startswith("ALLSCOPE_TEST_"):
                patch.delenv(name)
        patch.setenv("ALLSCOPE_SCORE_SYNTHETIC", "0")  # it would hold a core for a minute
        yield started


@pytest.fixture(scope="session")
def server(start: Start) -> Iterator[Server]:
    """The one server that the tests of signed-in people share."""
    with start() as shared:
        yield shared


@pytest.fixture(scope="session")
def administrator(browser: Browser, server: Server) -> Iterator[BrowserContext]:
    """A browser in which the first administrator has been set up and is signed in."""
    context = browser.new_context()
    context.set_default_timeout(steps.PATIENCE)
    page = context.new_page()
    steps.visit(page, server.at("admin_sign_in.py"))
    code = steps.setup_code(server.terminal)
    steps.make_account(
        page, username="ada", name="Ada Admin", button="Make the administrator", code=code
    )
    steps.title(page, "Administration")
    steps.remembered(page)
    yield context
    context.close()


@pytest.fixture(scope="session")
def uploads(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> list[Path]:
    """Pictures to upload: the 48 original BMP files where they are, drawn cells elsewhere."""
    try:
        root: Path = request.getfixturevalue("cnmc_root")
        found = sorted((root / "bmp").glob("*.bmp"))
    except pytest.skip.Exception:
        found = []
    return found or _drawn(tmp_path_factory.mktemp("drawn") / "set")


def _drawn(folder: Path) -> list[Path]:
    return dataset.draw_set(folder, cells=48, subjects=8).paths()
