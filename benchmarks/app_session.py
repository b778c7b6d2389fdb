"""The app over an indexed and scored synthetic set, and a Chromium that is signed in to it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import jwt

from allcore import model_folder, settings
from allcore.audit.index import build
from allcore.inference import synthetic_predictions
from allcore.store import accounts, database, sessions
from allcore.synthetic import demo
from allcore.web import cookie
from benchmarks import inputs, servers

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

CELLS, SUBJECTS = 240, 12
PATIENCE = 1000 * servers.LONGEST
PASSWORD = "violet nucleus, black slide"


@dataclass(frozen=True)
class AppSession:
    """A running app and the browser of somebody who is signed in."""

    address: str
    context: "BrowserContext"


@contextmanager
def signed_in() -> Iterator[AppSession]:
    """Prepare a home folder, run the app on it, and sign somebody in.

    Raises:
        AllScopeError: no Chromium, or no model, is installed.
    """
    from playwright.sync_api import sync_playwright

    chromium = servers.required_chromium()
    with TemporaryDirectory(prefix="allscope-benchmark-") as name:
        home = Path(name) / "home"
        before = dict(os.environ)
        try:
            os.environ["ALLSCOPE_HOME"] = str(home)
            os.environ.pop("ALLSCOPE_DATA", None)
            token = _prepare(home)
            with (
                servers.serving(servers.APP, home=home, log=Path(name) / "log.txt") as address,
                sync_playwright() as driver,
            ):
                browser = driver.chromium.launch(
                    executable_path=chromium, args=servers.CHROMIUM_ARGUMENTS
                )
                context = browser.new_context(viewport={"width": 1440, "height": 900})
                context.set_default_timeout(PATIENCE)
                context.add_cookies([{"name": cookie.NAME, "value": token, "url": address}])
                yield AppSession(address, context)
                browser.close()
        finally:
            os.environ.clear()
            os.environ.update(before)


def _prepare(home: Path) -> str:
    """Draw, index and score the synthetic cells; make an account and return its cookie."""
    root = settings.load().demo_set
    demo.ensure_demo(root, cells=CELLS, subjects=SUBJECTS)
    build.build_index(root, home=home, loader=inputs.predictor)
    synthetic_predictions.score(model_folder.resolve(settings.load().model))
    opened = database.connect()
    account = accounts.create(
        opened, username="bench", display_name="Bench", password=PASSWORD, role="admin"
    )
    accounts.set_toured(opened, "bench")
    claims = {
        "username": "bench",
        "session": sessions.begin(opened, account),
        "exp_date": time.time() + 86400,
    }
    opened.engine.dispose()
    return jwt.encode(claims, cookie.signing_key(home), algorithm="HS256")
