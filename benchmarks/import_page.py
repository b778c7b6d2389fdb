"""Time from a folder of cells to its first pictures in Chromium, against LightlyStudio."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from allcore import settings
from allcore.data import readers
from allcore.errors import AllScopeError
from allcore.synthetic import dataset
from benchmarks import peers, selection, servers, timing
from benchmarks.timing import Result, Scale

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FIRST = 12
"""Pictures that have to stand; both show more, as far as the window goes."""
STAND = selection.STAND.replace(f">= {selection.PICTURES}", f">= {FIRST}")
PEER = """import sys, time
folder, database, port = sys.argv[1:]
import lightly_studio
from lightly_studio.core.start_gui import start_gui_background
from lightly_studio.database import db_manager
db_manager.connect(db_file=database, cleanup_existing=True)
data = lightly_studio.ImageDataset.create(name="cells")
data.add_images_from_path(folder, embed=False, tag_depth=1)
print("imported", len(list(data)), flush=True)
print("serving", start_gui_background(host="127.0.0.1", port=int(port)).url, flush=True)
time.sleep(3600)
"""


@dataclass(frozen=True)
class Taken:
    """Seconds since a side was started."""

    imported: float
    pictures: float


def run(scale: Scale) -> Result:
    """Seconds from the command until pictures of as many cells stand in Chromium.

    Both sides begin with nothing but a folder of labelled cells and start their processes anew in
    every round; the quickest round counts. Ours indexes it without embeddings, as the peer's model
    can't be had without a download: thumbnails, digests, measures of quality and near duplicates,
    none of which the peer makes; then a server starts and Browse opens. The peer reads each file's
    size into its database, starts its server and opens its grid.
    """
    ours, theirs = both(scale)
    return timing.result("explorer", ours=ours.pictures, reference=theirs.pictures, unit="s")


def both(scale: Scale) -> tuple[Taken, Taken]:
    """The quickest import and the quickest first pictures of both sides, taking turns."""
    from playwright.sync_api import sync_playwright

    peers.LIGHTLY.required()
    path = servers.required_chromium()
    with TemporaryDirectory(prefix="allscope-benchmark-") as name, sync_playwright() as driver:
        folder = Path(name)
        cells(folder / "cells", scale.images)
        browser = driver.chromium.launch(executable_path=path, args=servers.CHROMIUM_ARGUMENTS)
        rounds = [
            (_ours(folder, number, browser), _theirs(folder, number, browser))
            for number in range(scale.rounds)
        ]
        browser.close()
    mine, their = zip(*rounds, strict=True)
    return _quickest(mine), _quickest(their)


def cells(folder: Path, count: int) -> None:
    """Copy labelled cells, evenly chosen, into a folder a class.

    Raises:
        AllScopeError: there are too few.
    """
    source = settings.load().data or dataset.draw_set(folder.parent / "drawn", cells=count).root
    found = readers.read(source).labelled()
    if len(found.table) < count:
        raise AllScopeError(f"{source} holds {len(found.table)} labelled cells; {count} are asked.")
    chosen = np.linspace(0, len(found.table) - 1, count).astype(int)
    paths = found.paths()
    for place, label in zip(chosen, found.table["label"].iloc[chosen], strict=True):
        (folder / label).mkdir(parents=True, exist_ok=True)
        shutil.copy(paths[place], folder / label)


def _ours(folder: Path, number: int, browser: "Browser") -> Taken:
    home, page = folder / f"home-{number}", servers.ROOT / "pages" / "dataset.py"
    script = folder / "ours.py"
    script.write_text(selection.OURS.format(page=str(page)))
    with _settings(ALLSCOPE_DATA=str(folder / "cells"), ALLSCOPE_HOME=str(home)):
        started = time.perf_counter()
        command = [sys.executable, "-m", "allcore", "index", "--no-embeddings"]
        subprocess.run(command, cwd=servers.ROOT, check=True, capture_output=True)
        imported = time.perf_counter() - started
        with servers.serving(script, home=home, log=folder / "ours.txt") as address:
            _stand(browser, f"{address}/?view=Browse", "button.cell img")
            return Taken(imported, time.perf_counter() - started)


def _theirs(folder: Path, number: int, browser: "Browser") -> Taken:
    started = time.perf_counter()
    arguments = (folder / "cells", folder / f"peer-{number}.db", _free_port())
    with peers.LIGHTLY.serving(PEER, *arguments, log=folder / "peer.txt") as lines:
        lines.wait_for("imported")
        imported = time.perf_counter() - started
        _stand(browser, lines.wait_for("serving"), 'img[src*="/images/sample/"]')
        return Taken(imported, time.perf_counter() - started)


def _stand(browser: "Browser", address: str, selector: str) -> None:
    """Open a page and wait until its first pictures stand; the server may still be starting."""
    from playwright.sync_api import Error

    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    latest = time.perf_counter() + servers.LONGEST
    while True:
        try:
            page.goto(address, wait_until="commit")
            break
        except Error:
            if time.perf_counter() > latest:
                raise
            time.sleep(0.05)
    page.wait_for_function(
        STAND.replace("SELECTOR", repr(selector)), timeout=selection.PATIENCE, polling="raf"
    )
    page.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _quickest(rounds: tuple[Taken, ...]) -> Taken:
    return Taken(min(each.imported for each in rounds), min(each.pictures for each in rounds))


@contextmanager
def _settings(**variables: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
