"""The window of a cell: its nearest cells by features, and the list that it steps through."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from allcore.audit.index import build, catalogue, store
from allcore.data import readers
from allcore.web.accounts import Visitor
from allcore.web.components import cell_viewer, picker
from allcore.web.dataset import cell_window
from allcore.web.dataset.context import OWN_SPLIT, DatasetContext
from tests.conftest import draw_folders
from tests.page_runs import page_text


@pytest.fixture
def root(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve cells, indexed with features that lie on a line in the table's order."""
    st.cache_resource.clear()
    monkeypatch.setenv("ALLSCOPE_MODELS", str(tmp_path / "models"))
    root = draw_folders(tmp_path / "cells", subjects=4, cells=3)
    build.build_index(root)
    index = store.read(root)
    angle = np.linspace(0, 1, len(index))
    features = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float16)
    table = index.table.assign(family=np.arange(len(index)))
    store.write(store.folder(root), dataclasses.replace(index, embeddings=features, table=table))
    return root


def context(root: Path) -> DatasetContext:
    return DatasetContext(
        Visitor("ada", "Ada", "user"), "cells", catalogue.load(root, readers.read(root)), OWN_SPLIT
    )


def opened(root: Path, place: int) -> AppTest:
    def page(path: str, place: int) -> None:
        from pathlib import Path

        import numpy as np

        from allcore.web.dataset import cell_window
        from tests.web.dataset.test_cell_window import context

        of = context(Path(path))
        image_id = str(of.table["image_id"].iat[place])
        cell_window.open_row(of, image_id, np.arange(len(of.table)))

    run = AppTest.from_function(page, args=(str(root), place), default_timeout=60).run()
    assert not run.exception
    return run


def test_show__the_nearest_cells_first(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[list[str]] = []
    monkeypatch.setattr(
        picker, "show_picker", lambda cards, *_, **__: shown.append([c.image_id for c in cards])
    )
    assert "**Nearest cells**" in page_text(opened(root, 5))
    ids = store.read(root).table["image_id"].tolist()
    place = ids.index(context(root).table["image_id"].iat[5])
    assert set(shown[0][:2]) == {ids[place - 1], ids[place + 1]}
    assert len(shown[0]) == 6


def test_show__steps_through_the_list_with_the_pictures_beside(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, object] = {}
    monkeypatch.setattr(
        cell_viewer, "show_viewer", lambda ids, pictures, **more: given.update(
            more, ids=ids, pictures=pictures
        )
    )  # fmt: skip
    opened(root, 0)
    ids = context(root).table["image_id"].tolist()
    assert given["ids"] == ids[:6]
    assert (given["at"], given["place"], given["total"]) == (ids[0], 0, 12)
    pictures = given["pictures"]
    assert isinstance(pictures, dict)
    assert list(pictures) == ids[:2]
    assert all(address.startswith("data:image/png") for address in pictures.values())


def test_show__a_picture_that_is_gone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, object] = {}
    monkeypatch.setattr(
        cell_viewer, "show_viewer", lambda ids, pictures, **_: given.update(pictures)
    )
    row = context(root).table.iloc[0]
    (root / row["path"]).write_bytes(b"no picture")
    opened(root, 0)
    assert given[row["image_id"]] == ""


def test_show__without_features(root: Path) -> None:
    index = store.read(root)
    none = np.full_like(index.embeddings, np.nan)
    store.write(store.folder(root), dataclasses.replace(index, embeddings=none))
    assert cell_window.NO_FEATURES in page_text(opened(root, 0))
