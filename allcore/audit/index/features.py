"""Digest, measures, texture and pixels of one image file, read once."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from allcore.audit.index import texture_hashes
from allcore.data import cell_measurements, cells
from allcore.data.cells import BACKGROUND_LEVEL, STRIDE, Rgb
from allcore.data.images import decoding
from allcore.errors import BadImage

if TYPE_CHECKING:
    from torch import Tensor

NUMBERS = (
    *(fact.name for fact in cell_measurements.MEASURES if fact.name != "border"),
    "contrast", "saturated", "straight",
)  # fmt: skip
"""Columns that are NaN where an image can't be used."""

OBJECT_SHARE, OBJECT_AREA = 0.05, 400
"""Least size of an object, as share of the largest and in pixels; smaller ones are debris."""
WHITE = 250
ANGLES = np.arange(0, 360, 2) * np.pi / 180
EDGE_DEPTH = 4.0
"""Distance in pixels from a tangent within which the outline counts as running along it."""


@dataclass(frozen=True)
class MeasuredCell:
    """Content of one image file."""

    sha256: str  # of its bytes, empty where they can't be read
    error: str = ""  # why it can't be used, one sentence; empty where it can
    again: bool = False  # whether a retry may succeed with the same file
    # the known ones of width, height, objects, border, phash and ``NUMBERS``
    values: dict[str, object] = field(default_factory=dict)
    grid: NDArray[np.uint8] | None = None  # texture, (GRID, GRID), see ``texture_hashes``
    rings: NDArray[np.uint8] | None = None  # texture, (RINGS, ANGLES)
    rgb: Rgb | None = None  # the pixels; None where the image can't be used
    cut: "Tensor | None" = None  # network input of the cell, where requested


def read_cell(path: Path) -> MeasuredCell:
    """Read and measure one file; ``error`` describes a failure."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return MeasuredCell(
            "", "The file is missing: put it back or take it off the manifest.", again=True
        )
    except OSError as error:
        return MeasuredCell(
            "", f"The file can't be read ({error.strerror}): check its rights.", again=True
        )
    digest = hashlib.sha256(data).hexdigest()
    try:
        rgb = decoding.decode(data)
    except BadImage as error:
        return MeasuredCell(digest, str(error))
    values: dict[str, object] = {"width": rgb.shape[1], "height": rgb.shape[0]}
    rgb = cells.centre_crop(rgb)
    try:
        mask = cells.mask_of(rgb)
        values |= measured(rgb, mask)
        grid, rings = texture_hashes.textures(rgb, mask)
    except BadImage as error:
        return MeasuredCell(digest, str(error), values=values)
    values["phash"] = texture_hashes.perceptual(rings)
    return MeasuredCell(digest, values=values, grid=grid, rings=rings, rgb=rgb)


def measured(rgb: Rgb, mask: NDArray[np.bool_]) -> dict[str, object]:
    """Return measures of the cell and of the image quality, by column.

    ``contrast`` is the deviation of the brightness inside the cell, ``saturated`` the share of
    white pixels in it, ``straight`` the result of ``straightness``.

    Raises:
        BadImage: there is no cell on black.
    """
    values: dict[str, object] = dict(cell_measurements.measure(rgb))
    inside = rgb[::STRIDE, ::STRIDE][mask[::STRIDE, ::STRIDE]].astype(np.float32)
    darkest = np.minimum(np.minimum(inside[:, 0], inside[:, 1]), inside[:, 2])
    return values | {
        "contrast": float((inside @ texture_hashes.THIRDS).std()),
        "saturated": float((darkest >= WHITE).mean()),
        "straight": straightness(mask),
        "objects": objects(rgb),
    }


def objects(rgb: Rgb) -> int:
    """Return the number of objects on the black background, without debris."""
    red, green, blue = (rgb[::STRIDE, ::STRIDE, channel] for channel in range(3))
    bright = np.maximum(np.maximum(red, green), blue) > BACKGROUND_LEVEL
    labelled, count = ndimage.label(bright)
    if count <= 1:
        return int(count)
    sizes = np.bincount(labelled.ravel())[1:] * STRIDE**2
    return int((sizes >= max(OBJECT_SHARE * sizes.max(), OBJECT_AREA)).sum())


def straightness(mask: NDArray[np.bool_]) -> float:
    """Return how much more of the outline follows a tangent than the opposite tangent.

    The two values are shares of the outline within ``EDGE_DEPTH`` pixels of the tangents; the
    result is their largest difference over all directions. Both flanks of a long cell are straight,
    but only one side of a cut cell.
    """
    coarse = mask[::STRIDE, ::STRIDE]
    edge = np.argwhere(coarse & ~ndimage.binary_erosion(coarse)).astype(np.float32) * STRIDE
    if not len(edge):
        return float("nan")
    along = edge @ np.stack([np.sin(ANGLES), np.cos(ANGLES)]).astype(np.float32)
    share = (along > along.max(axis=0) - EDGE_DEPTH).mean(axis=0)
    return float((share - np.roll(share, len(ANGLES) // 2)).max())
