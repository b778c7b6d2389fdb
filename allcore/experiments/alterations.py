"""Ways to change one thing in the picture of a cell and leave the rest."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from allcore.data import cells
from allcore.data.cells import Rgb

Kind = Literal["colour", "geometry", "edge", "detail", "rest"]
KINDS: dict[Kind, str] = {
    "colour": "Colour and brightness",
    "geometry": "Size and direction",
    "edge": "Margin and background",
    "detail": "Sharpness and compression",
    "rest": "Almost everything taken away",
}
"""What an alteration is about."""
AROUND = 2
"""Pixels around the mask that still belong to the cell where the background is blackened."""


@dataclass(frozen=True)
class Cell:
    """A picture (H, W, 3) uint8 and the mask (H, W) of the cell in it."""

    rgb: Rgb
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class Common:
    """The cell in the middle of a sample: what cells are made alike to.

    Attributes:
        mean: (3,) mean colour inside, 0 to 255.
        deviation: (3,) deviation of colour inside.
        area: pixels of the mask.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    area: float


@dataclass(frozen=True)
class Alteration:
    """One thing that is changed.

    Attributes:
        name: short, for a file.
        title: as people read it.
        kind: key of ``KINDS``.
        change: the changed picture of a cell, given the sample's common cell.
    """

    name: str
    title: str
    kind: Kind
    change: Callable[[Cell, Common], Cell]


def _gain(cell: Cell, _: Common, *, factors: tuple[float, float, float]) -> Cell:
    return Cell(_pixels(cell.rgb * np.asarray(factors)), cell.mask)


def _same_colour(cell: Cell, common: Common) -> Cell:
    own = cell.rgb[cell.mask].mean(axis=0)
    return _inside(cell, cell.rgb + (common.mean - own))


def _grey(cell: Cell, _: Common) -> Cell:
    grey = cell.rgb.mean(axis=2, keepdims=True)
    return Cell(_pixels(np.repeat(grey, 3, axis=2)), cell.mask)


def _rescaled(cell: Cell, _: Common, *, factor: float) -> Cell:
    height, width = (max(1, round(factor * side)) for side in cell.mask.shape)
    picture, mask = Image.fromarray(cell.rgb), Image.fromarray(cell.mask)
    shape = (width, height)
    return Cell(
        cells.centre_crop(np.asarray(picture.resize(shape, Image.Resampling.BICUBIC))),
        _middle(np.asarray(mask.resize(shape, Image.Resampling.NEAREST))),
    )


def _turned(cell: Cell, _: Common) -> Cell:
    return Cell(np.rot90(cell.rgb).copy(), np.rot90(cell.mask).copy())


def _eroded(cell: Cell, _: Common, *, pixels: int) -> Cell:
    mask = ndimage.binary_erosion(cell.mask, iterations=pixels)
    return Cell(cell.rgb * mask[..., None], mask) if mask.any() else cell


def _black_around(cell: Cell, _: Common) -> Cell:
    near = ndimage.binary_dilation(cell.mask, iterations=AROUND)
    return Cell(cell.rgb * near[..., None], cell.mask)


def _blurred(cell: Cell, _: Common, *, sigma: float) -> Cell:
    """Blurred inside alone: the outline stays as sharp as it was."""
    weight = cell.mask.astype(np.float32)
    spread = np.maximum(ndimage.gaussian_filter(weight, sigma), 1e-3)[..., None]
    inside = cell.rgb * weight[..., None]
    return _inside(cell, ndimage.gaussian_filter(inside, (sigma, sigma, 0)) / spread)


def _compressed(cell: Cell, _: Common, *, quality: int) -> Cell:
    file = io.BytesIO()
    Image.fromarray(cell.rgb).save(file, "JPEG", quality=quality)
    with Image.open(file) as again:
        return Cell(np.asarray(again.convert("RGB")), cell.mask)


def _flat(cell: Cell, _: Common) -> Cell:
    return _inside(cell, np.broadcast_to(cell.rgb[cell.mask].mean(axis=0), cell.rgb.shape))


def _silhouette(cell: Cell, common: Common) -> Cell:
    return _inside(cell, np.broadcast_to(common.mean, cell.rgb.shape))


def _noise(cell: Cell, common: Common) -> Cell:
    random = np.random.default_rng(int(cell.mask.sum()))
    grain = random.normal(0, 1, (*cell.mask.shape, 1))
    return _inside(cell, common.mean + common.deviation * grain)


def _texture(cell: Cell, common: Common) -> Cell:
    own = cell.rgb[cell.mask].astype(np.float64)
    standard = (cell.rgb - own.mean(axis=0)) / np.maximum(own.std(axis=0), 1.0)
    alike = _inside(cell, common.mean + standard * common.deviation)
    return _rescaled(alike, common, factor=float(np.sqrt(common.area / cell.mask.sum())))


ALTERATIONS = (
    Alteration("darker", "Brightness × 0.8", "colour", partial(_gain, factors=(0.8,) * 3)),
    Alteration("brighter", "Brightness × 1.2", "colour", partial(_gain, factors=(1.2,) * 3)),
    Alteration(
        "redder", "Red × 1.1, blue × 0.9", "colour", partial(_gain, factors=(1.1, 1.0, 0.9))
    ),
    Alteration("bluer", "Red × 0.9, blue × 1.1", "colour", partial(_gain, factors=(0.9, 1.0, 1.1))),
    Alteration("same-colour", "Every cell of one mean colour", "colour", _same_colour),
    Alteration("grey", "Grey", "colour", _grey),
    Alteration("smaller", "Scaled × 0.85", "geometry", partial(_rescaled, factor=0.85)),
    Alteration("larger", "Scaled × 1.15", "geometry", partial(_rescaled, factor=1.15)),
    Alteration("turned", "Turned by 90°", "geometry", _turned),
    Alteration("eroded", "Outer 4 px black", "edge", partial(_eroded, pixels=4)),
    Alteration("black", "Background all black", "edge", _black_around),
    Alteration("blurred", "Inside blurred, 1.5 px", "detail", partial(_blurred, sigma=1.5)),
    Alteration("jpeg", "JPEG, quality 50", "detail", partial(_compressed, quality=50)),
    Alteration("texture", "Colour, contrast and size alike", "rest", _texture),
    Alteration("flat", "Silhouette and mean colour only", "rest", _flat),
    Alteration("silhouette", "Silhouette only, one colour", "rest", _silhouette),
    Alteration("noise", "Silhouette only, filled with noise", "rest", _noise),
)
"""In the order of tables."""


def _inside(cell: Cell, values: NDArray[np.floating]) -> Cell:
    """The cell's pixels replaced, never so dark that they would pass for background."""
    bright = values.clip(cells.BACKGROUND_LEVEL + 2, 255)
    return Cell(_pixels(np.where(cell.mask[..., None], bright, cell.rgb)), cell.mask)


def _pixels(values: NDArray[np.floating]) -> Rgb:
    return np.asarray(np.rint(values.clip(0, 255)), dtype=np.uint8)


def _middle(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask cut as ``cells.centre_crop`` cuts its picture."""
    side = cells.NATIVE_SIDE
    top, left = (max(0, (length - side) // 2) for length in mask.shape)
    cut: NDArray[np.bool_] = mask[top : top + side, left : left + side]
    return cut
