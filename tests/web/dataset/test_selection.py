"""What is done with selected images: tags, the review queue, comparison."""

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from allcore import model_folder
from allcore.audit.index import catalogue
from allcore.data import readers
from allcore.store import database, reviews, slices
from allcore.web import accounts
from allcore.web.accounts import Visitor
from allcore.web.dataset import browse_filters, selection
from allcore.web.dataset.context import OWN_SPLIT, DatasetContext
from tests import simulated
from tests.conftest import draw_folders
from tests.web import sessions

ADA = Visitor("ada", "Ada", "user")


@pytest.fixture
def root(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve cells, of which a model has an answer to the first under a longer id."""
    st.cache_resource.clear()
    models = tmp_path / "models"
    monkeypatch.setenv("ALLSCOPE_MODELS", str(models))
    monkeypatch.setenv("ALLSCOPE_MODEL", "simulated")
    sessions.add(ADA.name, ADA.role)
    monkeypatch.setattr(accounts, "visitor", lambda: ADA)
    root = draw_folders(tmp_path / "cells", subjects=4, cells=3)
    folder = simulated.folder(models)
    table = model_folder.read_predictions(folder).iloc[:1]
    first = readers.read(root).table["image_id"].iat[0]
    table.assign(image_id=[f"fold/{Path(first).stem}.bmp"]).to_parquet(
        folder / model_folder.PREDICTIONS
    )
    return root


def context(root: Path, user: Visitor = ADA) -> DatasetContext:
    return DatasetContext(user, "cells", catalogue.load(root, readers.read(root)), OWN_SPLIT)


def drawn(root: Path, selected: int, role: str = "user") -> AppTest:
    def page(path: str, selected: int, role: str) -> None:
        from pathlib import Path

        from allcore.web.accounts import Visitor
        from allcore.web.dataset import selection
        from tests.web.dataset.test_selection import context

        of = context(Path(path), Visitor("ada", "Ada", role))
        selection.show_actions(of, of.table["image_id"].tolist()[:selected])

    run = AppTest.from_function(page, args=(str(root), selected, role), default_timeout=60).run()
    assert not run.exception
    return run


def toasts(page: AppTest) -> str:
    return " ".join(toast.value for toast in page.toast)


def test_show__nothing_can_be_done_with_nothing(root: Path) -> None:
    page = drawn(root, 0)
    assert all(button.disabled for button in page.button if button.key != "selection_tag_them")


def test_show__a_demonstration_keeps_nothing(root: Path) -> None:
    labels = [button.label for button in drawn(root, 2, role="demo").button]
    assert "Queue for review" not in labels and "Compare" in labels


def test_tag__filters_browse_and_is_a_slice_of_the_model(root: Path) -> None:
    ids = context(root).table["image_id"].tolist()
    selection.tag_images(context(root), ids[:2], name="dark")
    [tag] = slices.list_of(database.connect(), "ada", of="simulated")
    assert (tag.name, tag.image_ids) == ("dark", (f"fold/{Path(ids[0]).stem}.bmp", ids[1]))
    assert selection.tagged_images(context(root)) == {"dark": frozenset(ids[:2])}
    st.session_state[browse_filters.TAG] = "dark"
    assert browse_filters.current_query({"dark": frozenset(ids[:2])}).only == frozenset(ids[:2])


def test_queue__the_cells_with_a_held_out_answer(root: Path) -> None:
    page = drawn(root, 2)
    sessions.press(page, "Queue for review")
    assert "1 image queued for review" in toasts(page)
    assert "1 without a held-out answer" in toasts(page)
    [item] = reviews.items(database.connect(), of="simulated")
    first = context(root).table["image_id"].iat[0]
    assert (item.image_id, item.reason, item.added_by) == (
        f"fold/{Path(first).stem}.bmp",
        "chosen",
        "ada",
    )


@pytest.mark.parametrize(("number", "possible"), [(1, False), (2, True), (8, True), (9, False)])
def test_show__two_to_eight_are_compared(root: Path, number: int, possible: bool) -> None:
    page = drawn(root, number)
    [button] = [button for button in page.button if button.label == "Compare"]
    assert button.disabled != possible
