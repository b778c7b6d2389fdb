"""Segmentation mask, bounding box and basic statistics of the cell in an image."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from allcore.errors import BadImage

Pixel = TypeVar("Pixel", bound=np.generic)
Rgb = NDArray[np.uint8]
"""An image (H, W, 3), uint8."""

BACKGROUND_LEVEL = 24
"""Largest channel value of a background pixel: JPEG ringing on black reaches about 10."""

NATIVE_SIDE = 450
"""Side of C-NMC's images in pixels; some copies are 600 with a wider margin of black."""

STRIDE = 2
"""The mask is computed on every second row and column."""


@dataclass(frozen=True)
class CellStats:
    """Statistics of one cell."""

    area: int  # pixels in the mask
    brightness: float  # mean of the three channels inside the mask, 0 to 255
    mean_rgb: tuple[float, float, float]  # mean of each channel inside the mask, 0 to 255
    std_rgb: tuple[float, float, float]  # standard deviation of each channel inside the mask
    # bounding box of the mask in pixels: top, left, bottom, right; bottom and right exclusive
    frame: tuple[int, int, int, int]


def mask_of(rgb: Rgb) -> NDArray[np.bool_]:
    """Return the mask (H, W) of the largest object brighter than the background, holes filled.

    The mask is computed on every second pixel, which takes a quarter of the time and moves edges by
    one pixel.
    """
    coarse = rgb[::STRIDE, ::STRIDE]
    brightest = np.maximum(np.maximum(coarse[..., 0], coarse[..., 1]), coarse[..., 2])
    bright = brightest > BACKGROUND_LEVEL
    mask = np.zeros(bright.shape, dtype=np.bool_)
    if bright.any():
        # Labelling takes most of the time and is needed inside the box of what is bright alone.
        top, left, bottom, right = frame_of(bright)
        mask[top:bottom, left:right] = _largest_object(bright[top:bottom, left:right])
    full: NDArray[np.bool_] = mask.repeat(STRIDE, axis=0).repeat(STRIDE, axis=1)
    return full[: rgb.shape[0], : rgb.shape[1]]


def _largest_object(largest: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mask (h, w) of the largest of the objects in a mask, holes filled."""
    objects, count = ndimage.label(largest)
    if count > 1:
        sizes = np.bincount(objects.ravel())
        sizes[0] = 0
        largest = objects == sizes.argmax()
    # Holes are background that is not connected to the corner.
    outside, _ = ndimage.label(np.pad(~largest, 1, constant_values=True))
    return np.asarray((outside != outside[0, 0])[1:-1, 1:-1])


def frame_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Return the bounding box of a mask: top, left, bottom, right; bottom and right exclusive.

    Raises:
        BadImage: the mask is empty.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        raise BadImage(
            f"No cell was found on black in the middle {NATIVE_SIDE} x {NATIVE_SIDE} pixels: crop "
            "each picture to one segmented cell in its middle."
        )
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def cell_stats(rgb: Rgb, mask: NDArray[np.bool_] | None = None) -> CellStats:
    """Return the statistics of the cell in an image.

    Raises:
        BadImage: there is no cell on black.
    """
    mask = mask_of(rgb) if mask is None else mask
    frame = frame_of(mask)
    inside = rgb[::STRIDE, ::STRIDE][mask[::STRIDE, ::STRIDE]].astype(np.float32)
    mean, std = inside.mean(axis=0), inside.std(axis=0)
    return CellStats(
        area=int(mask.sum()),
        brightness=float(mean.mean()),
        mean_rgb=(float(mean[0]), float(mean[1]), float(mean[2])),
        std_rgb=(float(std[0]), float(std[1]), float(std[2])),
        frame=frame,
    )


def thinned(image: NDArray[Pixel], side: int) -> NDArray[Pixel]:
    """Return every n-th row and column, the fewest left out with a side below twice ``side``.

    A large image is thinned before Pillow copies it.
    """
    step = max(1, max(image.shape[:2]) // side)
    return image[::step, ::step]


def centre_crop(image: NDArray[Pixel], side: int = NATIVE_SIDE) -> NDArray[Pixel]:
    """Return the middle ``side`` x ``side`` pixels; a smaller image is returned unchanged."""
    top, left = (max(0, (length - side) // 2) for length in image.shape[:2])
    return image[top : top + side, left : left + side]
