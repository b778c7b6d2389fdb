import numpy as np
import pytest

from allcore.data import cells
from allcore.errors import BadImage


def test_mask_of__largest_object_without_holes(cell_image):
    picture = cell_image.copy()
    picture[:20, :20] = 200  # a second, smaller object
    picture[215:235, 215:235] = 0  # a hole in the cell
    mask = cells.mask_of(picture)
    assert not mask[:30, :30].any()
    assert mask[225, 225]


def test_mask_of__jpeg_ringing_is_background(cell_image):
    ringing = cell_image.copy()
    ringing[ringing.max(axis=2) == 0] = 10
    assert np.array_equal(cells.mask_of(ringing), cells.mask_of(cell_image))


def test_mask_of__odd_sides():
    picture = np.zeros((101, 77, 3), dtype=np.uint8)
    picture[30:60, 20:50] = 90
    assert cells.mask_of(picture).shape == (101, 77)
    assert cells.frame_of(cells.mask_of(picture)) == (30, 20, 60, 50)


def test_cell_stats__of_a_plain_square():
    picture = np.zeros((100, 100, 3), dtype=np.uint8)
    picture[20:60, 40:80] = (30, 60, 90)
    stats = cells.cell_stats(picture)
    assert stats.area == 1600
    assert stats.brightness == pytest.approx(60)
    assert stats.mean_rgb == pytest.approx((30, 60, 90))
    assert stats.std_rgb == pytest.approx((0, 0, 0))
    assert stats.frame == (20, 40, 60, 80)


def test_cell_stats__nothing_there():
    with pytest.raises(BadImage):
        cells.cell_stats(np.zeros((50, 50, 3), dtype=np.uint8))
