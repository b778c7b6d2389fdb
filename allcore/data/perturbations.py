"""Perturbations of a cell image: one property changes by degrees, the others stay."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from allcore.data import cells
from allcore.data.cells import Rgb


@dataclass(frozen=True)
class Cell:
    """An image (H, W, 3) uint8 and the mask (H, W) of its cell."""

    rgb: Rgb
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class Alteration:
    """Description of a perturbation at several levels."""

    name: str  # short, for a file
    title: str  # label on figures
    unit: str  # of the levels, as an axis shows it
    levels: tuple[float, ...]  # ascending, including ``unaltered``
    unaltered: float  # the level of the original image


@dataclass(frozen=True)
class Sweep(Alteration):
    """A perturbation; ``change`` returns a cell at a level other than ``unaltered``."""

    change: Callable[[Cell, float], Cell]

    def at(self, cell: Cell, level: float) -> Cell:
        """Return the cell at a level; at ``unaltered`` the same object."""
        return cell if level == self.unaltered else self.change(cell, level)


def gain(cell: Cell, factors: tuple[float, float, float]) -> Cell:
    """Multiply red, green and blue, including the background, as a camera does."""
    changed = rounded(np.arange(256)[:, None] * np.asarray(factors))  # of each level, each channel
    return Cell(np.stack([changed[cell.rgb[..., c], c] for c in range(3)], axis=2), cell.mask)


def rescaled(cell: Cell, factor: float) -> Cell:
    """Enlarge or shrink the image, then crop its middle to the native side."""
    height, width = (max(1, round(factor * side)) for side in cell.mask.shape)
    picture, mask = Image.fromarray(cell.rgb), Image.fromarray(cell.mask)
    shape = (width, height)
    return Cell(
        cells.centre_crop(np.asarray(picture.resize(shape, Image.Resampling.BICUBIC))),
        cells.centre_crop(np.asarray(mask.resize(shape, Image.Resampling.NEAREST))),
    )


def turned(cell: Cell, degrees: float) -> Cell:
    """Rotate the cell counter-clockwise around the centre of its bounding box, centred on black.

    Angles other than quarter turns interpolate between pixels, which softens the texture slightly.
    """
    top, left, bottom, right = cells.frame_of(cell.mask)
    height, width = bottom - top, right - left
    side = int(np.ceil(np.hypot(height, width))) + 4
    y, x = (side - height) // 2, (side - width) // 2
    rgb = np.zeros((side, side, 3), dtype=np.uint8)
    rgb[y : y + height, x : x + width] = cell.rgb[top:bottom, left:right]
    mask = np.zeros((side, side), dtype=bool)
    mask[y : y + height, x : x + width] = cell.mask[top:bottom, left:right]
    picture = Image.fromarray(rgb).rotate(degrees, Image.Resampling.BICUBIC)
    own = Image.fromarray(mask).rotate(degrees, Image.Resampling.NEAREST)
    return Cell(cells.centre_crop(np.asarray(picture)), cells.centre_crop(np.asarray(own)))


def eroded(cell: Cell, pixels: int) -> Cell:
    """Blacken the outermost pixels of the cell; return it unchanged where nothing would be left."""
    mask = ndimage.binary_erosion(cell.mask, iterations=pixels)
    return Cell(cell.rgb * mask[..., None], mask) if mask.any() else cell


def surrounded(cell: Cell, share: float) -> Cell:
    """Fill the background with a share of the cell's mean colour, as in an unmasked image."""
    fill = share * cell.rgb[cell.mask].mean(axis=0)
    return Cell(np.where(cell.mask[..., None], cell.rgb, rounded(fill)), cell.mask)


def blurred(cell: Cell, sigma: float) -> Cell:
    """Blur the inside of the cell by a Gaussian (sigma in pixels); the outline stays sharp."""
    top, left, bottom, right = cells.frame_of(cell.mask)
    own = Cell(cell.rgb[top:bottom, left:right], cell.mask[top:bottom, left:right])
    weight = own.mask.astype(np.float32)[..., None]  # 0 beyond the frame
    sigmas = (sigma, sigma, 0)
    spread = np.maximum(ndimage.gaussian_filter(weight, sigmas, mode="constant"), 1e-3)
    values = ndimage.gaussian_filter(own.rgb * weight, sigmas, mode="constant") / spread
    rgb = cell.rgb.copy()
    rgb[top:bottom, left:right] = inside(own, values).rgb
    return Cell(rgb, cell.mask)


def compressed(cell: Cell, quality: int) -> Cell:
    """Compress the image as JPEG and decode it."""
    file = io.BytesIO()
    Image.fromarray(cell.rgb).save(file, "JPEG", quality=quality)
    with Image.open(file) as again:
        return Cell(np.asarray(again.convert("RGB")), cell.mask)


def inside(cell: Cell, values: NDArray[np.floating]) -> Cell:
    """Replace the cell's pixels; values stay above the background level."""
    bright = values.clip(cells.BACKGROUND_LEVEL + 2, 255)
    return Cell(rounded(np.where(cell.mask[..., None], bright, cell.rgb)), cell.mask)


def rounded(values: NDArray[np.floating]) -> Rgb:
    """Round values to uint8, clipped to 0 to 255."""
    return np.asarray(np.rint(values.clip(0, 255)), dtype=np.uint8)


SWEEPS = (
    Sweep(
        "brightness", "Brightness", "factor",
        (0.6, 0.8, 1.0, 1.2, 1.4), 1.0, lambda cell, level: gain(cell, (level, level, level)),
    ),
    Sweep(
        "stain", "Stain", "% more red, less blue",
        (-30, -20, -10, 0, 10, 20, 30), 0,
        lambda cell, level: gain(cell, (1 + level / 100, 1.0, 1 - level / 100)),
    ),
    Sweep("blur", "Blur inside the cell", "px", (0, 0.5, 1, 2, 3), 0, blurred),
    Sweep("rotation", "Rotation", "degrees", (0, 15, 45, 90, 135, 180), 0, turned),
    Sweep("scale", "Scale", "factor", (0.7, 0.85, 1.0, 1.2, 1.4), 1.0, rescaled),
    Sweep(
        "jpeg", "JPEG compression", "quality, 100 as it is",
        (10, 30, 50, 75, 95, 100), 100, lambda cell, level: compressed(cell, round(level)),
    ),
    Sweep(
        "margin", "Mask cut into the cell", "px",
        (0, 2, 4, 6, 8), 0, lambda cell, level: eroded(cell, round(level)),
    ),
    Sweep(
        "background", "Background filled", "% of the cell's mean colour",
        (0, 25, 50, 100), 0, lambda cell, level: surrounded(cell, level / 100),
    ),
)  # fmt: skip
"""Perturbations of ``evaluate --robustness``, in the order of its figures."""
