"""Thumbnails go when the last index that refers to them has dropped their picture."""

import os
from pathlib import Path

import numpy as np
import pytest

from allcore.audit.index import build, jobs, store
from tests.conftest import draw_folders


@pytest.fixture
def root(tmp_path: Path, home: Path) -> Path:
    return draw_folders(tmp_path / "cells", subjects=2, cells=2)


def there(home: Path) -> set[str]:
    return {file.stem for file in (home / "index" / "thumbnails").rglob("*.webp")}


def test_prune__keeps_what_another_data_set_shows(root: Path, tmp_path: Path, home: Path) -> None:
    other = draw_folders(tmp_path / "other", subjects=2, cells=1)
    build.build_index(root)
    build.build_index(other)
    assert len(there(home)) == 5
    for file in sorted(root.rglob("*.png"))[1:]:
        file.unlink()
    build.build_index(root)
    assert store.prune(grace=0) == 3
    wanted = set(store.read(root).table["sha256"]) | set(store.read(other).table["sha256"])
    assert there(home) == wanted


def test_build__that_drops_pictures_removes_their_thumbnails(root: Path, home: Path) -> None:
    build.build_index(root)
    gone = sorted((root / "all").iterdir())[0]
    digest = store.read(root).table.set_index("image_id").loc[f"all/{gone.name}", "sha256"]
    os.utime(store.thumbnail(str(digest)), (1, 1))
    gone.unlink()
    build.build_index(root)
    assert there(home) == set(store.read(root).table["sha256"])


def test_prune__leaves_what_was_just_used_and_what_a_run_is_at(
    root: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "CHUNK", 2)

    def stopped(_: int) -> None:
        raise jobs.Stopped

    with pytest.raises(jobs.Stopped):
        build.build_index(root, progress=stopped)
    assert store.prune() == 0
    store.prune(grace=0)  # those of the pictures that were read ahead may go
    assert len(there(home)) == 2
    for part in (store.folder(root) / store.PARTS).iterdir():
        part.unlink()
    assert store.prune() == 0
    assert store.prune(grace=0) == 2


def test_prune__touches_nothing_beside_an_index_it_can_not_read(root: Path, home: Path) -> None:
    build.build_index(root)
    (store.folder(root) / store.CELLS).write_bytes(b"damaged")
    assert store.prune(grace=0) == 0
    assert len(there(home)) == 4


def test_read__arrays_of_an_index_from_before_they_had_files(root: Path) -> None:
    build.build_index(root)
    index, path = store.read(root), store.folder(root)
    np.savez(
        path / store.OLD_ARRAYS,
        grids=index.grids, rings=index.rings, embeddings=index.embeddings,
    )  # fmt: skip
    for name in store.ARRAYS:
        (path / name).unlink()
    old = store.read(root)
    assert (old.grids == index.grids).all() and (old.rings == index.rings).all()
    store.write(path, old)
    assert not (path / store.OLD_ARRAYS).exists()
    assert (store.read(root).grids == old.grids).all()
