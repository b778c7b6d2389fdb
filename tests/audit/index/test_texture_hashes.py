"""Textures know a cell again however it is turned, and no other cell."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from allcore.audit.index import neighbours, texture_hashes
from allcore.data import cells
from allcore.errors import BadImage
from tests.conftest import draw_clumped

Rgb = NDArray[np.uint8]


def turned(rgb: Rgb, angle: float) -> Rgb:
    return np.asarray(Image.fromarray(rgb).rotate(angle, resample=Image.Resampling.BICUBIC))


def textures(pictures: list[Rgb]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    masks = [cells.mask_of(rgb) for rgb in pictures]
    pairs = [texture_hashes.textures(rgb, mask) for rgb, mask in zip(pictures, masks, strict=True)]
    return np.stack([grid for grid, _ in pairs]), np.stack([rings for _, rings in pairs])


def test_near__finds_turned_mirrored_and_relit_cells_and_no_others() -> None:
    pictures = [draw_clumped(seed=seed) for seed in range(8)]
    pictures.append(turned(pictures[0], 37))
    pictures.append(turned(pictures[1], 161)[:, ::-1])
    pictures.append((pictures[2] * 0.88).astype(np.uint8))
    pictures.append(np.roll(pictures[3], (21, -13), axis=(0, 1)))
    found = texture_hashes.near_duplicates(*textures(pictures))
    assert sorted(map(tuple, found)) == [(0, 8), (1, 9), (2, 10), (3, 11)]


def test_near__of_one_cell_or_none_is_empty() -> None:
    grids, rings = textures([draw_clumped(seed=0)])
    assert texture_hashes.near_duplicates(grids, rings).shape == (0, 2)
    assert texture_hashes.near_duplicates(grids[:0], rings[:0]).shape == (0, 2)


def test_perceptual__hardly_changes_with_a_turn() -> None:
    one, other = draw_clumped(seed=0), draw_clumped(seed=1)
    _, rings = textures([one, turned(one, 73), other])
    words = [int(texture_hashes.perceptual(each), 16) for each in rings]
    assert (words[0] ^ words[1]).bit_count() <= 10 < (words[0] ^ words[2]).bit_count()


def test_grid__of_a_dark_cell_is_that_of_the_cell() -> None:
    rgb = draw_clumped(seed=0)
    dark = (rgb * 0.5).astype(np.uint8)
    grids, _ = textures([rgb, dark])
    assert ((grids[0] > 0) == (grids[1] > 0)).mean() > 0.99


def test_textures__need_a_cell() -> None:
    black = np.zeros((64, 64, 3), dtype=np.uint8)
    with pytest.raises(BadImage, match="No cell"):
        texture_hashes.textures(black, np.zeros((64, 64), dtype=bool))


def test_near__of_many_cells_still_finds_turned_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "EXACT", 2)
    monkeypatch.setattr(texture_hashes, "ALL_PAIRS", 2)
    monkeypatch.setattr(texture_hashes, "NEAREST", 2)
    monkeypatch.setattr(texture_hashes, "BLOCK", 3)
    pictures = [draw_clumped(seed=seed) for seed in range(6)]
    pictures.append(turned(pictures[4], 222))
    assert texture_hashes.near_duplicates(*textures(pictures)).tolist() == [[4, 6]]
