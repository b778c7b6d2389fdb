"""What the overview says, and that it draws with an index and without."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from allcore.audit.index import build, catalogue
from allcore.data import readers
from allcore.web.accounts import Visitor
from allcore.web.dataset import overview_view
from allcore.web.dataset.context import OWN_SPLIT, DatasetContext
from tests.conftest import draw_folders
from tests.page_runs import page_text


@pytest.fixture
def root(tmp_path: Path, home: Path) -> Path:
    return draw_folders(tmp_path / "cells", subjects=4, cells=3)


def context(root: Path) -> DatasetContext:
    return DatasetContext(
        Visitor("ada", "Ada", "user"), "cells", catalogue.load(root, readers.read(root)), OWN_SPLIT
    )


def drawn(root: Path) -> AppTest:
    def page(path: str) -> None:
        from pathlib import Path

        from allcore.web.dataset import overview_view
        from tests.web.dataset.test_overview_view import context

        overview_view.show_overview(context(Path(path)))

    run = AppTest.from_function(page, args=(str(root),), default_timeout=60).run()
    assert not run.exception
    return run


def test_show__without_an_index(root: Path) -> None:
    page = drawn(root)
    assert "**12 images.**" in page_text(page)
    assert f"{overview_view.MISSING} will be here once" in page_text(page)
    assert len(page.get("bidi_component")) == 1  # cells of both classes
    assert len(page.get("plotly_chart")) == 2


def test_show__with_an_index(root: Path) -> None:
    build.build_index(root)
    page = drawn(root)
    assert "12 added" in page_text(page)
    assert len(page.get("plotly_chart")) == 2 + len(overview_view.SHOWN_MEASURES)


def test_index_sentence__tells_what_is_new_and_what_cannot_be_used(root: Path) -> None:
    (root / "all" / "UID_98_1_1_all.png").write_bytes(b"no picture")
    build.build_index(root)
    (root / "all" / "UID_99_1_1_all.png").write_bytes(b"no picture either")
    sentence = overview_view.index_sentence(catalogue.load(root, readers.read(root)))
    assert "13 added" in sentence
    assert "1 image came since" in sentence
    assert "1 picture can't be used" in sentence


def test_split_sentence__not_known(root: Path) -> None:
    assert "is not known" in overview_view.split_sentence(context(root))
