import io
import random

import numpy as np
import pytest
from PIL import Image

from allcore.data.cells import Rgb
from allcore.data.images import decoding, lossy
from allcore.errors import BadImage
from tests.picture_files import encoded


@pytest.mark.parametrize("quality", [40, 75, 95, 100])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_decode_jpeg__gives_what_pillow_gives(
    cell_image: Rgb, quality: int, subsampling: int, progressive: bool
) -> None:
    options = {"quality": quality, "subsampling": subsampling, "progressive": progressive}
    data = encoded(cell_image, "JPEG", **options)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(lossy.decode_jpeg(data), expected)


def test_decode_jpeg__refuses_most_that_a_changed_bit_shifts(cell_image: Rgb) -> None:
    """Pillow refuses none of them. What remains changes a part of the cell alone."""
    data = encoded(cell_image, "JPEG", quality=90)
    sound, draw, passed = lossy.decode_jpeg(data), random.Random(0), 0
    for _ in range(200):
        changed = bytearray(data)
        changed[draw.randrange(700, len(data) - 2)] ^= 1 << draw.randrange(8)
        try:
            pixels = decoding.decode(bytes(changed)).astype(int)
        except BadImage:
            continue
        passed += (np.abs(pixels - sound).max(axis=2) > 8).mean() > 0.02
    assert passed <= 2


@pytest.mark.parametrize("quality", range(1, 101, 3))
def test_check_tables__accepts_those_of_every_quality(quality: int) -> None:
    data = encoded(Image.new("RGB", (80, 80)), "JPEG", quality=quality)
    assert lossy.decode_jpeg(data).shape == (80, 80, 3)


def test_check_tables__refuses_a_step_that_stands_out(cell_image: Rgb) -> None:
    data = bytearray(encoded(cell_image, "JPEG", quality=90))
    data[data.index(b"\xff\xdb") + 9] ^= 64
    with pytest.raises(BadImage, match="damaged"):
        lossy.decode_jpeg(bytes(data))


def test_decode_jpeg__refuses_black_below_black(cell_image: Rgb) -> None:
    """Another quantisation makes the cell darker, and its background too, which is clipped."""
    data = bytearray(encoded(cell_image, "JPEG", quality=90))
    at = data.index(b"\xff\xdb") + 5
    data[at] *= 2
    with pytest.raises(BadImage, match="damaged"):
        lossy.decode_jpeg(bytes(data))


def test_check_background__refuses_a_change_from_top_to_bottom(cell_image: Rgb) -> None:
    lossy.check_background(cell_image)
    lossy.check_background(np.full((90, 90, 3), 200, np.uint8))
    changed = np.maximum(cell_image, np.where(np.arange(450) > 300, 9, 0)[:, None, None])
    with pytest.raises(BadImage, match="damaged"):
        lossy.check_background(changed.astype(np.uint8))
