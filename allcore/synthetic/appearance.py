"""Size, brightness, colour and texture of one cell, to compare real and synthetic cells."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from allcore.data import cells
from allcore.data.cells import Rgb

Field = NDArray[np.float32]

SCALES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Deviations in pixels of the Gaussians whose differences measure texture."""
BANDS = ("texture_1", "texture_2", "texture_4", "texture_8", "texture_16", "texture_broad")
EDGE = 2.5
"""Margin in pixels from the outline for colour: JPEG mixes outer pixels with the background."""
TEXTURE_EDGE = 6.0
"""Margin in pixels from the outline for texture, which the bright rim would dominate."""
RIM = 24  # number of distances from the outline, in pixels, at which the rim's colour is measured


@dataclass(frozen=True)
class AppearanceMeasure:
    """A measure of a cell."""

    name: str
    title: str
    unit: str  # of the number; grey levels run from 0 to 255


MEASURES = (
    AppearanceMeasure("area", "area", "px"),
    AppearanceMeasure("elongation", "long over short axis", "ratio"),
    AppearanceMeasure("brightness", "brightness", "grey levels"),
    AppearanceMeasure("red", "red, mean", "grey levels"),
    AppearanceMeasure("green", "green, mean", "grey levels"),
    AppearanceMeasure("blue", "blue, mean", "grey levels"),
    AppearanceMeasure("red_sd", "red, deviation inside the cell", "grey levels"),
    AppearanceMeasure("green_sd", "green, deviation inside the cell", "grey levels"),
    AppearanceMeasure("blue_sd", "blue, deviation inside the cell", "grey levels"),
    AppearanceMeasure("texture_1", "local contrast below 1 px", "grey levels"),
    AppearanceMeasure("texture_2", "local contrast, 1 to 2 px", "grey levels"),
    AppearanceMeasure("texture_4", "local contrast, 2 to 4 px", "grey levels"),
    AppearanceMeasure("texture_8", "local contrast, 4 to 8 px", "grey levels"),
    AppearanceMeasure("texture_16", "local contrast, 8 to 16 px", "grey levels"),
    AppearanceMeasure("texture_broad", "contrast above 16 px", "grey levels"),
    AppearanceMeasure("laplacian", "Laplacian, deviation", "grey levels"),
    AppearanceMeasure(
        "spots", "skewness at 4 to 8 px (pale spots above 0, dark clumps below)", "1"
    ),
)


@dataclass(frozen=True)
class CellAppearance:
    """The measures of one cell."""

    values: dict[str, float]  # one number a measure, by name
    # (RIM, 3) colour at 1, 2, ... pixels from the outline minus the cell's mean colour; NaN where
    # the cell has no such pixel.
    rim: Field


def measure(rgb: Rgb) -> CellAppearance:
    """Measure the cell in an image (H, W, 3) uint8; a BadImage error without a cell on black."""
    mask = cells.mask_of(rgb)
    top, left, bottom, right = cells.frame_of(mask)
    colour = rgb[top:bottom, left:right].astype(np.float32)
    mask = mask[top:bottom, left:right]
    depth = depths(mask)
    inside = colour[depth > EDGE]
    mean, deviation = inside.mean(axis=0), inside.std(axis=0)
    values = {"area": float(mask.sum()), "elongation": elongation(mask)}
    values |= {"brightness": float(mean.mean())}
    values |= dict(zip(("red", "green", "blue"), map(float, mean), strict=True))
    values |= dict(zip(("red_sd", "green_sd", "blue_sd"), map(float, deviation), strict=True))
    values |= _texture(colour.mean(axis=2), mask, depth > TEXTURE_EDGE)
    return CellAppearance(values, _rim(colour - mean, depth))


def depths(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the distance (H, W) of each pixel of a mask from its outline, 0 outside."""
    distance: NDArray[np.float64] = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    return distance


def elongation(mask: NDArray[np.bool_]) -> float:
    """Return the axis ratio (long over short) of the ellipse with the mask's second moments."""
    moments = np.linalg.eigvalsh(np.cov(np.argwhere(mask).T))
    return float(np.sqrt(moments[1] / max(moments[0], 1e-6)))


def sharpness(grey: Field, inner: NDArray[np.bool_]) -> float:
    """Return the deviation of the Laplacian of a grey image (H, W) on the pixels of ``inner``."""
    wide = np.pad(grey, 1, mode="symmetric")
    laplacian = wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:] - 4 * grey
    return float(laplacian[inner].std())


def bands(grey: Field, mask: NDArray[np.bool_]) -> Iterator[Field]:
    """Split a grey image (H, W) into one image a scale; blurs are restricted to the mask."""
    before = grey
    weight = mask.astype(np.float32)
    for scale in SCALES:
        spread = ndimage.gaussian_filter(weight, scale)
        after = ndimage.gaussian_filter(grey * weight, scale) / np.maximum(spread, 1e-3)
        yield before - after
        before = after
    yield before


def _texture(grey: Field, mask: NDArray[np.bool_], inner: NDArray[np.bool_]) -> dict[str, float]:
    split = [band[inner] for band in bands(grey, mask)]
    values = {name: float(band.std()) for name, band in zip(BANDS, split, strict=True)}
    values["laplacian"] = sharpness(grey, inner)
    clumps = split[3] - split[3].mean()
    values["spots"] = float((clumps**3).mean() / max(float(clumps.std()), 1e-6) ** 3)
    return values


def _rim(colour: Field, depth: NDArray[np.float64]) -> Field:
    ring = np.rint(depth).astype(int).clip(max=RIM + 1).ravel()
    count = np.bincount(ring, minlength=RIM + 2)[1 : RIM + 1]
    sums = [
        np.bincount(ring, colour[..., channel].ravel(), RIM + 2)[1 : RIM + 1]
        for channel in range(3)
    ]
    with np.errstate(invalid="ignore"):
        return (np.stack(sums, axis=1) / np.where(count, count, np.nan)[:, None]).astype(np.float32)
