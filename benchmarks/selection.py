"""Time from a selection on the map to its cells' pictures, against a plain grid of them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from allcore import model_folder, settings
from allcore.data import readers, thumbnails
from allcore.errors import AllScopeError
from benchmarks import servers, timing
from benchmarks.timing import Result, Scale

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PICTURES = 48
PATIENCE = 1000 * servers.LONGEST
CORNERS = ((0.4, 0.35), (0.65, 0.35), (0.65, 0.65), (0.4, 0.65), (0.4, 0.35))
"""Of the lasso, as shares of the plot's width and height."""
OURS = """import streamlit as st
from allcore.web import accounts, navigation
from allcore.web.accounts import Visitor
navigation.enter = lambda: None
accounts.visitor = lambda: Visitor('bench', 'Bench', 'user')
st.set_page_config(layout='wide')
exec(compile(open({page!r}).read(), {page!r}, 'exec'))
"""
PLAIN = """import pathlib
import streamlit as st
st.set_page_config(layout='wide')
st.title('Plain')
if st.button('Show'):
    columns = st.columns(8)
    for place, path in enumerate(sorted(pathlib.Path({folder!r}).glob('*.webp'))):
        columns[place % 8].image(path.read_bytes())
"""
STAND = """() => {
  const found = [...document.querySelectorAll('*')].flatMap(
    each => [...(each.shadowRoot || each).querySelectorAll(SELECTOR)])
  return new Set(found.filter(each => each.complete && each.naturalWidth)).size >= COUNT
}""".replace("COUNT", str(PICTURES))


def run(scale: Scale) -> Result:
    """Seconds from the mouse's release until 48 pictures stand in Chromium.

    Both servers run throughout and their pages are open; every round opens a page anew. Ours finds
    the cells inside the area among all of the model's, and draws their cards; the reference shows
    48 thumbnails that are files already, after a click on a button.
    """
    from playwright.sync_api import sync_playwright

    chromium = servers.required_chromium()
    with TemporaryDirectory(prefix="allscope-benchmark-") as name:
        folder = Path(name)
        with _serving(folder) as (ours, plain), sync_playwright() as driver:
            browser = driver.chromium.launch(
                executable_path=chromium, args=servers.CHROMIUM_ARGUMENTS
            )
            mine, theirs = timing.side_by_side(
                lambda: _drawn(browser, f"{ours}/?view=Map"),
                lambda: _pressed(browser, plain),
                rounds=scale.rounds,
            )
            browser.close()
    return timing.result("selection", ours=mine, reference=theirs, unit="s")


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[str, str]]:
    """The addresses of the Evaluation page, signed in, and of the bare grid."""
    _write_thumbnails(folder / "thumbnails")
    page = servers.ROOT / "pages" / "evaluation.py"
    ours, plain = folder / "ours.py", folder / "plain.py"
    ours.write_text(OURS.format(page=str(page)))
    plain.write_text(PLAIN.format(folder=str(folder / "thumbnails")))
    home = folder / "home"
    with (
        servers.serving(ours, home=home, log=folder / "ours.txt") as first,
        servers.serving(plain, home=home, log=folder / "plain.txt") as second,
    ):
        yield first, second


def _write_thumbnails(folder: Path) -> None:
    """Keep thumbnails of 48 cells that the installed model has predictions of.

    Raises:
        AllScopeError: there are none.
    """
    chosen = settings.load()
    if chosen.data is None or chosen.model not in model_folder.names():
        raise AllScopeError(
            "A selection shows pictures of predicted cells: set ALLSCOPE_DATA to the data set of "
            "the installed model."
        )
    manifest = readers.read(chosen.data)
    known = model_folder.read_predictions(model_folder.folder(chosen.model))["image_id"]
    rows = manifest.table[manifest.table["image_id"].isin(set(known))]
    if len(rows) < PICTURES:
        raise AllScopeError(
            f"ALLSCOPE_DATA holds {len(rows)} of the model's cells; {PICTURES} are needed."
        )
    rows = rows.iloc[np.linspace(0, len(rows) - 1, PICTURES).astype(int)]
    folder.mkdir()
    pictures = thumbnails.Thumbnails().get(thumbnails.sources(manifest, rows))
    for place, picture in enumerate(pictures):
        (folder / f"{place:02d}.webp").write_bytes(picture or b"")


def _drawn(browser: "Browser", address: str) -> float:
    """Draw around cells of the map; give the seconds until their pictures stand."""
    page = _opened(browser, address)
    plot = page.locator(".js-plotly-plot .nsewdrag").first
    plot.wait_for(state="attached", timeout=PATIENCE)
    page.get_by_text("Method", exact=True).wait_for(timeout=PATIENCE)
    plot.scroll_into_view_if_needed()
    page.wait_for_timeout(1000)
    box = plot.bounding_box()
    if box is None:
        raise AllScopeError("The map was not drawn.")
    corners = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in CORNERS]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for x, y in corners[1:]:
        page.mouse.move(x, y, steps=4)
    return _until_they_stand(page, page.mouse.up, "button.cell img")


def _pressed(browser: "Browser", address: str) -> float:
    page = _opened(browser, address)
    button = page.get_by_role("button", name="Show")
    button.wait_for(timeout=PATIENCE)
    page.wait_for_timeout(500)
    return _until_they_stand(page, button.click, "[data-testid=stImage] img")


def _opened(browser: "Browser", address: str) -> "Page":
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    page.goto(address)
    return page


def _until_they_stand(page: "Page", act: Callable[[], None], selector: str) -> float:
    started = time.perf_counter()
    act()
    page.wait_for_function(
        STAND.replace("SELECTOR", repr(selector)), timeout=PATIENCE, polling="raf"
    )
    duration = time.perf_counter() - started
    page.close()
    return duration
