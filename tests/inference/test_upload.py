from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from allcore.data.cells import Rgb
from allcore.data.images import decoding
from allcore.errors import BadImage
from allcore.inference import upload


def test_find_cell__finds_a_drawn_cell(cell_image: Rgb) -> None:
    mask = upload.find_cell(cell_image)
    assert mask.shape == cell_image.shape[:2]
    assert 0.01 < mask.mean() < 0.6


def test_find_cell__accepts_a_wider_margin(cell_image: Rgb) -> None:
    wide = np.pad(cell_image, ((75, 75), (75, 75), (0, 0)))
    assert upload.find_cell(wide).sum() == pytest.approx(
        upload.find_cell(cell_image).sum(), rel=0.02
    )


@pytest.mark.parametrize(
    ("rgb", "words"),
    [
        (np.zeros((450, 450, 3), np.uint8), "No cell was found"),
        (np.full((450, 450, 3), 255, np.uint8), "not black"),
        (np.full((450, 450, 3), (150, 60, 170), np.uint8), "not black"),
        (np.random.default_rng(0).integers(0, 256, (450, 450, 3), np.uint8), "not black"),
    ],
    ids=["black", "white", "purple", "noise"],
)
def test_find_cell__refuses_what_shows_no_cell_on_black(rgb: Rgb, words: str) -> None:
    with pytest.raises(BadImage, match=words):
        upload.find_cell(rgb)


def test_find_cell__refuses_a_cell_on_its_smear(cell_image: Rgb) -> None:
    smear = np.where(cell_image.any(axis=2, keepdims=True), cell_image, np.uint8(225))
    with pytest.raises(BadImage, match="not black"):
        upload.find_cell(smear)


def test_find_cell__refuses_a_cell_that_would_be_cut(cell_image: Rgb) -> None:
    enlarged = np.asarray(Image.fromarray(cell_image).resize((1350, 1350)))
    with pytest.raises(BadImage, match="middle 450 x 450"):
        upload.find_cell(enlarged)


def test_find_cell__accepts_real_cells(cnmc_root: Path) -> None:
    for path in sorted((cnmc_root / "bmp").glob("*.bmp")):
        assert upload.find_cell(decoding.decode(path.read_bytes())).any()


@pytest.mark.parametrize("side", [600, 1801, 4800])
def test_find_cell__finds_one_in_a_large_black_picture(cell_image: Rgb, side: int) -> None:
    large = np.zeros((side, side, 3), np.uint8)
    start = (side - 450) // 4 * 2
    large[start : start + 450, start : start + 450] = cell_image
    alone = upload.find_cell(cell_image).sum()
    assert upload.find_cell(large).sum() == pytest.approx(alone, rel=0.02)


@pytest.mark.parametrize("place", [0, 300, 4000])
def test_find_cell__asks_to_crop_to_one_in_a_corner(cell_image: Rgb, place: int) -> None:
    large = np.zeros((4800, 4800, 3), np.uint8)
    large[place : place + 450, place : place + 450] = cell_image
    with pytest.raises(BadImage, match="crop the picture around the cell"):
        upload.find_cell(large)
    assert upload.find_cell(large[place : place + 450, place : place + 450]).any()


def test_find_cell__finds_none_in_a_large_picture_with_dust() -> None:
    large = np.zeros((2000, 2000, 3), np.uint8)
    large[990:1000, 990:1000] = 200
    with pytest.raises(BadImage, match="No cell was found"):
        upload.find_cell(large)


def test_find_cell__refuses_a_cell_with_a_black_stripe(cell_image: Rgb) -> None:
    striped = cell_image.copy()
    striped[220:222, 150:290] = 0
    with pytest.raises(BadImage, match="black stripe"):
        upload.find_cell(striped)
    holed = cell_image.copy()
    holed[200:240, 200:240] = 0
    assert upload.find_cell(holed).any()


@pytest.mark.parametrize(
    "lost",
    [
        np.s_[220, 200:205],
        np.s_[220:223, 200:204],
        np.s_[220, 200:260, 1],
        np.s_[230, 150:450],
        np.s_[230:233, 0:300, 2],
        np.s_[304:307],  # cuts off the lower end
    ],
)
def test_find_cell__refuses_a_cell_that_lost_a_few_values(
    cell_image: Rgb, lost: tuple[slice | int, ...]
) -> None:
    damaged = cell_image.copy()
    damaged[lost] = 0
    with pytest.raises(BadImage, match="black stripe"):
        upload.find_cell(damaged)


def test_find_cell__accepts_holes(cell_image: Rgb) -> None:
    for height, width in ((1, 3), (3, 2), (6, 6), (40, 40)):
        holed = cell_image.copy()
        holed[200 : 200 + height, 200 : 200 + width] = 0
        assert upload.find_cell(holed).any()
