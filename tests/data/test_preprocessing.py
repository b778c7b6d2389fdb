import numpy as np
import pytest
import torch

from allcore.data import cells
from allcore.data.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from allcore.errors import BadImage, ModelError


def test_crop__size_and_type(cell_image):
    cut = Preprocessing(size=96).crop(cell_image)
    assert (cut.shape, cut.dtype) == ((96, 96, 3), np.uint8)


def test_crop__cell_off_centre_comes_to_the_middle(cell_image):
    moved = np.roll(cell_image, (60, -40), axis=(0, 1))
    preprocessing = Preprocessing(size=112)
    assert np.abs(preprocessing.crop(moved).astype(int) - preprocessing.crop(cell_image)).max() <= 1


def test_crop__600_pixels_are_the_same_cell(cell_image):
    wide = np.pad(cell_image, ((75, 75), (75, 75), (0, 0)))
    preprocessing = Preprocessing()
    assert np.array_equal(preprocessing.crop(wide), preprocessing.crop(cell_image))


def test_crop__keeps_relative_size_within_the_window():
    from tests.conftest import draw_cell

    sides = []
    for radius in (60, 120):
        cut = Preprocessing(window=280).crop(draw_cell(seed=0, radius=radius))
        frame = cells.frame_of(cells.mask_of(cut))
        sides.append(frame[3] - frame[1])
    assert sides[1] / sides[0] == pytest.approx(2, abs=0.1)


def test_crop__window_of_zero_makes_every_cell_fill_the_picture():
    from tests.conftest import draw_cell

    for radius in (60, 150):
        cut = Preprocessing(window=0, margin=1.1).crop(draw_cell(seed=0, radius=radius))
        frame = cells.frame_of(cells.mask_of(cut))
        assert frame[3] - frame[1] == pytest.approx(224 / 1.1, abs=4)


def test_crop__cell_larger_than_the_window_is_whole():
    from tests.conftest import draw_cell

    cut = Preprocessing(window=200).crop(draw_cell(seed=0, radius=190))
    border = np.concatenate([cut[0], cut[-1], cut[:, 0], cut[:, -1]])
    assert border.max() <= cells.BACKGROUND_LEVEL


def test_crop__nothing_on_black():
    with pytest.raises(BadImage, match="No cell"):
        Preprocessing().crop(np.zeros((450, 450, 3), dtype=np.uint8))


def test_normalise__imagenet():
    batch = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    torch.testing.assert_close(Preprocessing().normalise(batch), (batch / 255 - mean) / std)


def test_normalise__cell_ignores_brightness_and_stain(cell_image):
    preprocessing = Preprocessing(size=64, normalisation="cell")
    cut = torch.from_numpy(preprocessing.crop(cell_image).copy()).permute(2, 0, 1)[None]
    stained = (cut * torch.tensor([0.8, 0.9, 0.7]).view(1, 3, 1, 1)).to(torch.uint8)
    first, second = preprocessing.normalise(cut), preprocessing.normalise(stained)
    assert (first - second).abs().mean() < 0.1
    assert first[0, :, 0, 0].abs().max() == 0


def test_dict__round_trip():
    preprocessing = Preprocessing(size=128, window=0, normalisation="cell")
    assert Preprocessing.from_dict(preprocessing.to_dict()) == preprocessing


@pytest.mark.parametrize("fields", [{"shape": 3}, {"version": 99}])
def test_from_dict__of_another_release(fields):
    with pytest.raises(ModelError):
        Preprocessing.from_dict(fields)


def test_crop__real_cells_are_never_cut(cnmc_root):
    from PIL import Image

    for path in sorted((cnmc_root / "bmp").glob("*.bmp")):
        rgb = np.asarray(Image.open(path).convert("RGB"))
        kept = Preprocessing(size=450, window=450).crop(rgb)
        assert (kept > cells.BACKGROUND_LEVEL).sum() == (rgb > cells.BACKGROUND_LEVEL).sum()
