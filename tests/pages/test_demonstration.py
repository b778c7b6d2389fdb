"""A demonstration: everything can be looked at, every button pressed, and nothing is stored."""

from pathlib import Path

import pytest
import sqlalchemy
from streamlit.testing.v1 import AppTest

from allcore.audit.index import jobs
from allcore.store import accounts as stored
from allcore.store import reviews, roles, slices
from allcore.synthetic import dataset, demo
from allcore.web import accounts
from allcore.web.accounts import Visitor
from allcore.web.dataset.views import VIEWS as OF_DATASET
from allcore.web.evaluation.views import VIEWS as OF_EVALUATION
from tests import explored
from tests.page_runs import page_text

PAGES = Path(__file__).parents[2] / "pages"
OF_THE_SERVER = ("allscope.db", "cookie.key")
"""Files that a server makes for itself."""
WRITERS = {"file_uploader", "text_area"}
"""Kinds of controls that take something in."""


@pytest.fixture(scope="module")
def models_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    explored.folder(root)
    explored.second(root)
    return root


@pytest.fixture(scope="module")
def drawn_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("drawn") / "demo"
    demo.ensure_demo(root, cells=48, subjects=8)
    return root


@pytest.fixture(autouse=True)
def shown(home: Path, models_root: Path, drawn_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A demonstration of a model and a drawn set, where Augusta has queued and kept something."""
    monkeypatch.setenv("ALLSCOPE_DEMO", "1")
    monkeypatch.setenv("ALLSCOPE_MODELS", str(models_root))
    monkeypatch.setenv("ALLSCOPE_MODEL", "simulated")
    monkeypatch.setenv("ALLSCOPE_SCORE_SYNTHETIC", "0")
    home.mkdir()
    (home / "demo").symlink_to(drawn_root)
    stored.create(accounts.store(), username="augusta", display_name="Augusta", password=None)
    slices.save(accounts.store(), "augusta", of="simulated", name="dark ones", image_ids=["a"])
    reviews.queue_cells(accounts.store(), "augusta", of="simulated", reasons={"a": "error"})
    monkeypatch.setattr(jobs, "start", lambda path: pytest.fail("an index was started"))
    return home


def state(home: Path) -> tuple[dict[str, int], set[str]]:
    """Rows of every table, and the files below the home folder but for the database's own."""
    store = accounts.store()
    with store.engine.connect() as connection:
        tables = sqlalchemy.inspect(connection).get_table_names()
        rows = {
            name: connection.execute(sqlalchemy.text(f'SELECT count(*) FROM "{name}"')).scalar_one()
            for name in tables
        }
    files = {str(each.relative_to(home)) for each in home.rglob("*") if each.is_file()}
    return rows, {name for name in files if not name.startswith(OF_THE_SERVER)}


def opened(script: str, **address: str) -> AppTest:
    page = AppTest.from_file(str(PAGES / f"{script}.py"), default_timeout=120)
    for key, value in address.items():
        page.session_state[key] = value
    page.run()
    assert not page.exception
    return page


def press_all(script: str, **address: str) -> None:
    """Press every button of a page, each on the page as it opens."""
    page = opened(script, **address)
    kinds = {kind for kind in WRITERS if page.get(kind)}
    assert kinds == set()
    for place, button in enumerate(page.button):
        if button.disabled:
            continue
        fresh = opened(script, **address)
        fresh.button[place].click().run()
        assert not fresh.exception


@pytest.mark.parametrize("view", list(OF_EVALUATION))
def test_evaluation__stores_nothing(shown: Path, view: str) -> None:
    before = state(shown)
    press_all("evaluation", view=view)
    assert state(shown) == before


@pytest.mark.parametrize("view", list(OF_DATASET))
def test_dataset__stores_nothing(shown: Path, view: str) -> None:
    before = state(shown)
    press_all("dataset", view=view)
    assert state(shown) == before


@pytest.mark.parametrize("script", ["home", "compare", "networks", "about"])
def test_other_pages__store_nothing(shown: Path, script: str) -> None:
    before = state(shown)
    press_all(script)
    assert state(shown) == before


def test_evaluation__offers_nothing_to_keep(shown: Path) -> None:
    for view in ("errors", "map", "slices", "review"):
        page = opened("evaluation", view=view)
        labels = {each.label for each in page.button}
        assert not labels & {"Save", "Remove", "Put them into the queue"}
        assert "dark ones" not in page_text(page)
        assert "augusta" not in page_text(page)


def test_evaluation__offers_a_user_to_keep(shown: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test before misses would be there."""
    monkeypatch.setattr(accounts, "visitor", lambda: Visitor("augusta", "Augusta", "user"))
    page = opened("evaluation", view="review")
    assert "Put them into the queue" in {each.label for each in page.button}
    assert page.get("file_uploader")
    assert "dark ones" in page_text(opened("evaluation", view="slices"))


def test_dataset__saves_and_imports_no_split(shown: Path) -> None:
    page = opened("dataset", view="splits", data=dataset.NAME)
    assert "Save" not in {each.label for each in page.button}
    imported = opened("dataset", view="splits", data=dataset.NAME, split_of="import")
    assert roles.refusal("demo", "check") in page_text(imported)
    connect = opened("dataset", view="connect", data=dataset.NAME)
    assert roles.refusal("demo", "connect") in page_text(connect)
