"""Parts of an index under way: the latest of each picture counts, a damaged part costs itself."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from allcore.audit.index import build, jobs, shards, store, texture_hashes
from allcore.audit.index.features import MeasuredCell
from allcore.audit.index.files import FileState
from allcore.data import cells
from tests.conftest import draw_clumped, draw_folders


def measured(seed: int) -> MeasuredCell:
    rgb = draw_clumped(seed=seed)
    grid, rings = texture_hashes.textures(rgb, cells.mask_of(rgb))
    return MeasuredCell(f"{seed:064x}", values={"area": 1.0}, grid=grid, rings=rings)


def write(folder: Path, number: int, cells: dict[str, MeasuredCell], length: int | None) -> None:
    states = [FileState(name, f"{name}.png", folder / name, 1, 1) for name in cells]
    vector: NDArray[np.float16] | None = None
    if length is not None:
        vector = np.full(length, number, dtype=np.float16)
    rows = [(state, cell, vector) for state, cell in zip(states, cells.values(), strict=True)]
    shards.write(folder / f"{number:06}.parquet", rows, model="m")


def test_arrays__are_those_of_the_latest_row_of_each_picture(tmp_path: Path) -> None:
    one, two, three = measured(1), measured(2), measured(3)
    write(tmp_path, 1, {"a": one, "b": two, "bad": MeasuredCell("", "It is broken.")}, None)
    write(tmp_path, 2, {"a": three, "c": one}, 4)
    write(tmp_path, 3, {"d": two}, 2)
    found = shards.gather(tmp_path, None)
    assert found is not None
    rows = found[0].set_index("image_id").loc[["c", "bad", "a", "b", "d"]].reset_index()
    grids, rings, embeddings = shards.arrays(rows, found[1], None, tmp_path)
    for row, cell in enumerate([one, None, three, two, two]):
        grid, ring = (0, 0) if cell is None else (cell.grid, cell.rings)
        assert (grids[row] == grid).all() and (rings[row] == ring).all()
    assert np.isfinite(embeddings).all(axis=1).tolist() == [True, False, True, False, False]
    assert (embeddings[[0, 2]] == 2).all()


def test_arrays__of_a_part_of_which_nothing_is_left(tmp_path: Path) -> None:
    one, two = measured(1), measured(2)
    write(tmp_path, 1, {"a": one}, 4)
    write(tmp_path, 2, {"a": two}, 4)
    found = shards.gather(tmp_path, None)
    assert found is not None
    grids, _, embeddings = shards.arrays(*found, None, tmp_path)
    assert (grids[0] == two.grid).all() and (embeddings[0] == 2).all()


def test_gather__of_nothing_is_none(tmp_path: Path) -> None:
    assert shards.gather(tmp_path, None) is None
    (tmp_path / "000001.parquet").write_bytes(b"damaged")
    assert shards.gather(tmp_path, None) is None
    assert list(tmp_path.iterdir()) == []


def test_build__after_a_part_was_damaged_overwrites_no_other(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = draw_folders(tmp_path / "cells", subjects=2, cells=4)
    monkeypatch.setattr(build, "CHUNK", 2)
    done: list[int] = []

    def stopped(count: int) -> None:
        done.append(count)
        if len(done) == 3:
            raise jobs.Stopped

    with pytest.raises(jobs.Stopped):
        build.build_index(root, progress=stopped)
    (store.folder(root) / store.PARTS / "000002.parquet").write_bytes(b"damaged")
    assert build.build_index(root).added == len(store.read(root)) == 8
