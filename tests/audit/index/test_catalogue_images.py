"""Galleries take the index's thumbnails, and the pictures where these are other than indexed."""

import os
import shutil
from pathlib import Path

import pytest

from allcore.audit.index import build, catalogue
from allcore.data import readers, thumbnails
from allcore.data.thumbnails import Thumbnails
from tests.conftest import draw_folders


@pytest.fixture
def root(tmp_path: Path, home: Path) -> Path:
    return draw_folders(tmp_path / "cells", subjects=2, cells=2)


def test_sources__are_those_of_the_index(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = catalogue.load(root, readers.read(root))
    assert all(each.thumbnail is None for each in catalogue.image_sources(before, before.table))
    build.build_index(root)
    monkeypatch.setattr(thumbnails, "thumbnail", lambda path: pytest.fail("decoded again"))
    found = catalogue.load(root, readers.read(root))
    sources = catalogue.image_sources(found, found.table)
    assert [each.key for each in sources] == found.table["file_sha256"].tolist()
    made = Thumbnails().get(sources)
    assert made == [each.thumbnail.read_bytes() for each in sources if each.thumbnail is not None]


def test_sources__of_a_vanished_folder_are_still_those_of_the_index(root: Path) -> None:
    build.build_index(root)
    found = catalogue.load(root, readers.read(root))
    shutil.rmtree(root)
    assert None not in Thumbnails().get(catalogue.image_sources(found, found.table))


def test_sources__of_new_changed_and_bad_files_are_the_files(root: Path) -> None:
    first, second = sorted((root / "all").iterdir())
    (root / "hem" / "text.png").write_text("no picture", encoding="utf-8")
    build.build_index(root)
    os.utime(first, ns=(1, 1))
    shutil.copy(second, root / "all" / "new.png")
    found = catalogue.load(root, readers.read(root))
    sources = catalogue.image_sources(found, found.table)
    kept = {source.path.name for source in sources if source.thumbnail is not None}
    assert kept == {second.name, *(p.name for p in (root / "hem").iterdir() if p.name[0] == "U")}
    made = dict(zip(found.table["image_id"], Thumbnails().get(sources), strict=True))
    assert made["hem/text.png"] is None
    assert made["all/new.png"] == made[f"all/{second.name}"]
    assert made[f"all/{first.name}"] is not None


def test_sources__without_a_thumbnail_are_made_again(root: Path, home: Path) -> None:
    build.build_index(root)
    found = catalogue.load(root, readers.read(root))
    wanted = Thumbnails().get(catalogue.image_sources(found, found.table))
    shutil.rmtree(home / "index" / "thumbnails")
    assert Thumbnails().get(catalogue.image_sources(found, found.table)) == wanted
