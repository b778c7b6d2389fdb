"""One table of what a data set holds and what its index knows."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from allcore.audit.index import build, catalogue, store
from allcore.data import readers
from tests.conftest import draw_folders


@pytest.fixture
def root(tmp_path: Path, home: Path) -> Path:
    return draw_folders(tmp_path / "cells", subjects=4, cells=3)


def test_load__without_an_index(root: Path) -> None:
    found = catalogue.load(root, readers.read(root))
    assert not found.is_indexed
    assert found.problem == ""
    assert len(found) == 12
    assert not found.table["indexed"].any()
    assert (found.table["copies"] == 1).all()
    assert found.measured.empty


def test_load__with_an_index(root: Path) -> None:
    build.build_index(root)
    found = catalogue.load(root, readers.read(root))
    assert found.is_indexed
    assert found.table["indexed"].all()
    assert (found.table["area"] > 0).all()
    assert len(found.measured) == 12
    assert found.table["image_id"].tolist() == readers.read(root).table["image_id"].tolist()
    assert found.table["file_sha256"].str.len().eq(64).all()


def test_load__images_that_came_or_went_since(root: Path) -> None:
    build.build_index(root)
    first, second = sorted((root / "all").iterdir())[:2]
    new = first.with_name("UID_99_1_1_all.png")
    shutil.copy(first, new)
    second.unlink()
    found = catalogue.load(root, readers.read(root))
    assert len(found) == 12
    fresh = found.table[~found.table["indexed"]]
    assert fresh["path"].tolist() == [f"all/{new.name}"]
    assert fresh["error"].tolist() == [""]
    assert fresh["area"].isna().all()
    assert len(found.measured) == 11


def test_load__counts_copies(root: Path) -> None:
    first = sorted((root / "all").iterdir())[0]
    shutil.copy(first, first.with_name("UID_99_1_1_all.png"))
    build.build_index(root)
    table = catalogue.load(root, readers.read(root)).table.set_index("path")
    assert table.loc[f"all/{first.name}", "copies"] == 2
    assert table.loc["all/UID_99_1_1_all.png", "copies"] == 2
    assert (table["copies"] == 1).sum() == 11


def test_load__damaged_index_is_said(root: Path) -> None:
    build.build_index(root)
    (store.folder(root) / store.CELLS).write_bytes(b"no table")
    found = catalogue.load(root, readers.read(root))
    assert not found.is_indexed
    assert "damaged" in found.problem
    assert len(found) == 12


def test_load__part_of_a_split_by_image_id(root: Path) -> None:
    ids = readers.read(root).table["image_id"]
    parts = pd.Series("test", index=ids.iloc[::-1])
    parts[ids.iloc[0]] = "train"
    table = catalogue.load(root, readers.read(root), parts=parts).table
    assert table["split"].tolist() == ["train", *["test"] * 11]
