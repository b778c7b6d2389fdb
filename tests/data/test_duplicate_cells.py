"""Twins are found in every form they come in, and leave the training part."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from allcore.data import decoded_cells, duplicate_cells, manifest, readers, splits
from allcore.data.decoded_cells import DecodedCells
from allcore.data.manifest import Manifest
from allcore.data.preprocessing import Preprocessing
from allcore.synthetic import dataset, demo


def cells(count: int, *, size: int = 64, seed: int = 0) -> NDArray[np.uint8]:
    """Round cells (N, 3, S, S) of one outline, each with a texture of its own."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] - size / 2
    inside = x**2 + y**2 < (0.4 * size) ** 2
    texture = random.normal(0, 30, (count, 3, size // 4, size // 4)).repeat(4, 2).repeat(4, 3)
    return np.where(inside, 120 + texture, 0).clip(0, 255).astype(np.uint8)


def listed(digests: list[str | None]) -> Manifest:
    rows: list[dict[str, str | None]] = [
        {"path": f"{i}.bmp", "label": "all", "sha256": digest} for i, digest in enumerate(digests)
    ]
    return manifest.build(Path("nowhere"), rows, name="listed")


def test_identical__links_equal_digests_and_no_missing_ones() -> None:
    found = duplicate_cells.identical_pairs(pd.Series(["a", None, "b", "a", None, "a"]))
    assert found.tolist() == [[0, 3], [0, 5]]


@pytest.mark.parametrize("size", [32, 50, 64])
def test_alike__leaves_different_cells_of_one_outline_apart(size: int) -> None:
    assert len(duplicate_cells.near_pairs(cells(60, size=64)[..., :size, :size])) == 0


def test_alike__finds_turned_mirrored_and_relit_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicate_cells, "BLOCK", 4)
    pixels = cells(9)
    pixels[5] = np.rot90(pixels[0], axes=(1, 2))
    pixels[6] = pixels[1][:, ::-1]
    pixels[7] = (pixels[2] * 0.8).astype(np.uint8)
    pixels[8] = np.roll(pixels[3], 1, axis=2)
    assert sorted(map(tuple, duplicate_cells.near_pairs(pixels))) == [
        (0, 5),
        (1, 6),
        (2, 7),
        (3, 8),
    ]


def test_families__join_twins_of_twins() -> None:
    pixels = cells(5)
    pixels[3] = pixels[0]
    decoded = DecodedCells(pixels, np.ones(5), np.ones(5))
    found = duplicate_cells.families(listed([None, "a", None, "a", None]), decoded)
    assert found[0] == found[1] == found[3]
    assert len(np.unique(found)) == 3


def test_families__find_the_copies_planted_in_a_drawn_set(tmp_path: Path) -> None:
    drawn = demo.ensure_demo(tmp_path / "demo", cells=40, subjects=8)
    number = duplicate_cells.families(
        drawn, decoded_cells.decode(drawn.paths(), Preprocessing(size=64))
    )
    truth = dataset.read_truth(drawn.root)
    planted = truth[truth["fault"].isin(["exact_duplicate", "subject_leak"])]
    place = {name: row for row, name in enumerate(drawn.table["image_id"])}
    for image, partner in planted[["image_id", "partner"]].itertuples(index=False):
        assert number[place[image]] == number[place[partner]]
    assert len(drawn) - len(np.unique(number)) <= (truth["partner"] != "").sum()


def test_without_twins__leaves_out_training_and_validation_cells_alone() -> None:
    rows: list[dict[str, str | None]] = [
        {"path": f"UID_{name}_1_{cell}_{label}.bmp"}
        for label, prefix in (("all", ""), ("hem", "H"))
        for name in (f"{prefix}{number}" for number in range(60, 66))
        for cell in range(3)
    ]
    drawn = manifest.build(Path("nowhere"), rows, name="listed")
    split = splits.subject_split(drawn, seed=0, folds=3)
    tested = np.flatnonzero(split.mask(drawn, "test"))
    trained = np.flatnonzero(split.mask(drawn, "train"))
    families = np.arange(len(drawn))
    families[trained[0]] = families[tested[0]]  # a twin across parts
    families[trained[2]] = families[trained[1]]  # one within training
    kept = splits.without_duplicates(split, drawn, families)
    assert np.flatnonzero(kept.mask(drawn, splits.EXCLUDED)).tolist() == [trained[0]]
    assert (kept.mask(drawn, "test") == split.mask(drawn, "test")).all()
    assert (split.parts != splits.EXCLUDED).all()


@pytest.mark.parametrize("other", ["H4", "H5", "H6"])
def test_families__find_cells_that_real_subjects_share(cnmc_root: Path, other: str) -> None:
    """Files of H2 and of these are equal byte for byte in the public release."""
    full = readers.read(cnmc_root)
    chosen = full.table[full.table["subject"].isin(["H2", other])].reset_index(drop=True)
    some = Manifest(full.root, chosen, full.name)
    number = duplicate_cells.families(
        some, decoded_cells.decode(some.paths(), Preprocessing(size=64))
    )
    of = {name: set(number[chosen["subject"] == name]) for name in ("H2", other)}
    assert len(of["H2"] & of[other]) >= 3
