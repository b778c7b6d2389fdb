"""Plain facts of a picture, in groups that stand for what a network may learn in place of the cell.

Nothing here looks at the cell as a haematologist does. Most facts are taken on every second pixel
of the cell's frame; edges and traces of compression need every one.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

from allcore.data import cells
from allcore.data.cells import BACKGROUND_LEVEL, Rgb
from allcore.errors import BadImage, DataError

Floats = NDArray[np.floating]
Mask = NDArray[np.bool_]

CUES = {
    "size": "Size",
    "shape": "Shape of the outline",
    "brightness": "Brightness",
    "colour": "Colour (ratios of the channels)",
    "spread": "Spread of colour inside the cell",
    "margin": "Segmentation margin",
    "texture": "Texture, brightness and contrast removed",
    "traces": "Traces of compression in the background",
    "position": "Position in the picture",
}
"""Title of each group of facts; a column is named group.fact."""
THREADS = 2
RIM = 6
"""Pixels from the outline over which the margin is followed."""
SCALES = (1.0, 2.0, 4.0, 8.0)
"""Deviations of the Gaussians between which texture is measured, on every second pixel."""
BLOCK = 8
"""Side of JPEG's blocks, pixels."""
_CORNERS = np.array([[-0.5, -0.5], [-0.5, 0.5], [0.5, -0.5], [0.5, 0.5]])
_THIRDS = np.full(3, 1 / 3, dtype=np.float32)
VERSION = 1
"""Raised whenever a fact is measured in another way."""


def table(paths: Sequence[Path], *, progress: Callable[[], object] | None = None) -> pd.DataFrame:
    """One row a picture, one column a fact, named ``cue.fact``.

    Raises:
        DataError: a picture is missing, can't be decoded, or shows no cell on black.
    """
    rows = []
    with ThreadPoolExecutor(THREADS) as pool:
        for row in pool.map(_read, paths):
            rows.append(row)
            if progress:
                progress()
    return pd.DataFrame(rows)


def of(columns: Sequence[str], cue: str) -> list[str]:
    """The columns of one cue."""
    return [column for column in columns if column.startswith(f"{cue}.")]


def measure(rgb: Rgb) -> dict[str, float]:
    """The facts of one picture (H, W, 3) uint8.

    Raises:
        BadImage: there is no cell on black.
    """
    mask = cells.mask_of(rgb)
    frame = cells.frame_of(mask)
    inside = tuple(slice(frame[axis], frame[axis + 2]) for axis in (0, 1))
    colour, own = rgb[inside].astype(np.float32), mask[inside]
    found = {
        "size": _size(own),
        "shape": _shape(own[::2, ::2]),
        **_colours(colour[::2, ::2], own[::2, ::2]),
        "margin": _margin(colour, own) | _touching(mask),
        "texture": _texture(colour, own),
        "traces": _traces(rgb, mask),
        "position": _position(frame, rgb.shape),
    }
    return {
        f"{cue}.{name}": value for cue, values in found.items() for name, value in values.items()
    }


def _read(path: Path) -> dict[str, float]:
    try:
        with Image.open(path) as image:
            return measure(cells.centre_crop(np.asarray(image.convert("RGB"))))
    except FileNotFoundError:
        raise DataError(f"{path} is missing: complete the data set or its manifest.") from None
    except (OSError, BadImage) as error:
        raise DataError(f"{path} can't be used: {error} Remove it from the manifest.") from error


def _size(mask: Mask) -> dict[str, float]:
    return {"area": float(mask.sum()), "longest": float(max(mask.shape))}


def _shape(mask: Mask) -> dict[str, float]:
    points = np.argwhere(mask)
    low, high = np.linalg.eigvalsh(np.cov(points.T)) if len(points) > 2 else (1.0, 1.0)
    edge = np.argwhere(mask & ~ndimage.binary_erosion(mask))
    reach = np.hypot(*(edge - points.mean(axis=0)).T)
    area = float(mask.sum())
    return {
        "eccentricity": float(np.sqrt(max(0.0, 1 - low / max(high, 1e-6)))),
        "solidity": area / max(_hull(edge), area),
        "extent": area / mask.size,
        "roundness": 4 * np.pi * area / max(len(edge), 1) ** 2,
        "bumps": float(reach.std() / max(reach.mean(), 1e-6)),
    }


def _hull(edge: NDArray[np.intp]) -> float:
    """Area of the convex hull of points, in pixels."""
    try:
        # A pixel is a square: its middle alone would lose half a pixel all around.
        corners = (edge[:, None] + _CORNERS).reshape(-1, 2)
        return float(ConvexHull(corners).volume)  # in two dimensions the volume is the area
    except (QhullError, ValueError):
        return 0.0


def _colours(colour: Floats, mask: Mask) -> dict[str, dict[str, float]]:
    pixels = colour[mask]
    grey, mean, deviation = pixels @ _THIRDS, pixels.mean(axis=0), pixels.std(axis=0)
    total = max(float(mean.sum()), 1.0)
    dark, middle, bright = np.percentile(grey, (5, 50, 95))
    return {
        "brightness": {
            "mean": float(grey.mean()),
            "dark": float(dark),
            "middle": float(middle),
            "bright": float(bright),
        },
        "colour": {"red": float(mean[0]) / total, "green": float(mean[1]) / total},
        "spread": dict(zip(("red", "green", "blue"), map(float, deviation), strict=True)),
    }


def _margin(colour: Floats, coarse: Mask) -> dict[str, float]:
    """How bright the outermost pixels are beside the rest, and how sharply they end."""
    mask = _fine(colour, coarse)
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    grey = colour @ _THIRDS
    mean = float(grey[mask].mean())
    found = {}
    for ring in range(1, RIM + 1):
        pixels = grey[(depth > ring - 1) & (depth <= ring)]
        found[f"ring_{ring}"] = float(pixels.mean()) / mean if len(pixels) else 0.0
    outermost = grey[(depth > 0) & (depth <= 2)]
    found["uneven"] = float(outermost.std()) / mean if len(outermost) else 0.0
    return found


def _fine(colour: Floats, coarse: Mask) -> Mask:
    """The mask to the pixel: the coarse one is found on every second."""
    bright = colour.max(axis=2) > BACKGROUND_LEVEL
    core = ndimage.binary_erosion(coarse, iterations=3)
    fine: Mask = (bright & coarse) | core
    return fine


def _touching(mask: Mask) -> dict[str, float]:
    """Share of the picture's border that lies in the cell."""
    sides = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
    return {"touching": float(np.concatenate(sides).mean())}


def _texture(colour: Floats, mask: Mask) -> dict[str, float]:
    """Energy of bands of frequency on the cell with mean 0 and deviation 1."""
    grey = _standard(colour @ _THIRDS, mask)
    fine = ndimage.laplace(grey)[ndimage.binary_erosion(mask, iterations=4)]
    grey, mask = grey[::2, ::2], mask[::2, ::2]
    inner = ndimage.binary_erosion(mask, iterations=3)
    inner = inner if inner.any() else mask
    weight = mask.astype(np.float32)
    found = {"finest": float(fine.std()) if len(fine) else 0.0}
    before = grey
    for scale in SCALES:
        spread = np.maximum(ndimage.gaussian_filter(weight, scale), 1e-3)
        after = ndimage.gaussian_filter(grey * weight, scale) / spread
        band = (before - after)[inner]
        found[f"band_{scale:g}"] = float(band.std())
        before = after
    rest = before[inner]
    found["clumps"] = float(((rest - rest.mean()) ** 3).mean() / max(float(rest.std()), 1e-3) ** 3)
    return found


def _standard(grey: Floats, mask: Mask) -> Floats:
    pixels = grey[mask]
    standard: Floats = (grey - pixels.mean()) / max(float(pixels.std()), 1.0) * mask
    return standard


def _traces(rgb: Rgb, mask: Mask) -> dict[str, float]:
    """What the black around the cell holds: ringing and blocks of JPEG, nothing in a pure black."""
    outside = ~ndimage.binary_dilation(mask[::2, ::2], iterations=2)
    level = rgb[::2, ::2].max(axis=2)[outside]
    if not len(level):
        return dict.fromkeys(("mean", "highest", "share", "blocks"), 0.0)
    return {
        "mean": float(level.mean()),
        "highest": float(level.max()),
        "share": float((level > 0).mean()),
        "blocks": _blocks(rgb[..., 1].astype(np.int16), ~mask),
    }


def _blocks(grey: NDArray[np.int16], outside: Mask) -> float:
    """How much neighbours differ across the blocks' edges, less elsewhere, in the background."""
    step = np.abs(np.diff(grey, axis=1)) * (outside[:, 1:] & outside[:, :-1])
    by_column = step.mean(axis=0, dtype=np.float64)
    edge = (np.arange(len(by_column)) + 1) % BLOCK == 0
    return float(by_column[edge].mean() - by_column[~edge].mean())


def _position(frame: tuple[int, int, int, int], shape: tuple[int, ...]) -> dict[str, float]:
    top, left, bottom, right = frame
    return {"row": (top + bottom) / 2 / shape[0], "column": (left + right) / 2 / shape[1]}
