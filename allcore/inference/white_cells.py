"""White cells of a picture of a smear.

`nuclei` segments the cells. Large images are segmented at a reduced scale, and the outlines scaled
back. The same image gives the same cells in the same order, whatever the other parameters, so that
a few numbers reproduce a segmentation exactly.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage import measure

from allcore.data import cells
from allcore.data.cells import Rgb
from allcore.data.images import formats
from allcore.errors import BadImage
from allcore.inference import nuclei
from allcore.inference.nuclei import TOLERANCE, Floats, Labels, Mask, Nuclei, Reference

WORKED_ON = 1_000_000
"""Pixels of the largest image that is segmented at full scale."""
HALF = 0.5
"""Level of an outline in a soft mask."""
AT_BORDER = 0.5
"""Weight of a cell at the border of the image, which may be cut off."""

_SMOOTH = 0.05  # nuclear radii; smoothing of an outline
_MARGIN = 3  # pixels around a cell, for smoothing
_POINTS = 120  # most points of an outline
_NUCLEUS = 0.6  # least share of a mononuclear cell that its nucleus fills
_UNDIVIDED = 0.93  # least solidity of its nucleus
_MARKED_IN = 2048  # pixels; side of the part of a large picture in which a person marks a cell
_LARGEST_TILE = 16_000_000  # pixels at the working scale
_LARGEST_STEP = 64

Point = tuple[int, int]
"""x and y in pixels of the image."""


@dataclass(frozen=True)
class Tile:
    """A part of a large picture, and what was measured on the whole picture."""

    frame: tuple[int, int, int, int]  # top, left, bottom, right in pixels of the picture
    step: int  # pixels of the picture a pixel of the working scale
    reference: Reference  # at the working scale

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> "Tile":
        """Read what ``dataclasses.asdict`` gives; KeyError, TypeError or ValueError if damaged."""
        top, left, bottom, right = (int(side) for side in facts["frame"])
        return cls(
            (top, left, bottom, right),
            int(facts["step"]),
            Reference.from_dict(facts["reference"]),
        )

    @property
    def is_offered(self) -> bool:
        """False for a tile that would take too much memory, or that is none."""
        top, left, bottom, right = self.frame
        return (
            0 <= top < bottom
            and 0 <= left < right
            and 1 <= self.step <= _LARGEST_STEP
            and (bottom - top) * (right - left) <= _LARGEST_TILE * self.step**2
        )

    def cut(self, rgb: Rgb) -> Rgb:
        """Its pixels of the picture (H, W, 3)."""
        top, left, bottom, right = self.frame
        return rgb[top:bottom, left:right]


@dataclass(frozen=True)
class Candidate:
    """A white cell in the image."""

    patch: Mask  # (h, w) mask of the cell inside its frame
    # top, left, bottom, right in pixels of the image; bottom and right exclusive
    frame: tuple[int, int, int, int]
    shape: tuple[int, int]  # height and width of the image
    stain: float  # mean saturation of its nucleus toward violet, 0 to 1
    solidity: float  # its area over that of its convex hull, 0 to 1
    nucleus: float  # area of its nucleus over its own, 0 to 1
    roundness: float  # area of its nucleus over that of the nucleus's convex hull, 0 to 1

    @property
    def is_mononuclear(self) -> bool:
        """True if one undivided nucleus fills most of it, as in lymphocytes and blasts."""
        return self.nucleus > _NUCLEUS and self.roundness > _UNDIVIDED

    @cached_property
    def area(self) -> int:
        """Area of the cell in pixels."""
        return int(self.patch.sum())

    @property
    def mask(self) -> Mask:
        """(H, W) mask of the cell in the image; computed at each call to save memory."""
        full = np.zeros(self.shape, dtype=np.bool_)
        top, left, bottom, right = self.frame
        full[top:bottom, left:right] = self.patch
        return full

    @property
    def at_border(self) -> bool:
        """True if the cell touches the border of the image, and may be incomplete."""
        top, left, bottom, right = self.frame
        return top == 0 or left == 0 or bottom == self.shape[0] or right == self.shape[1]


def candidates(
    rgb: Rgb, *, tolerance: float = TOLERANCE, tile: Tile | None = None
) -> tuple[Candidate, ...]:
    """White cells of a smear image (H, W, 3) uint8, or of a tile of it, best first.

    The best one is large, strongly stained, near the middle and whole: the score is the nucleus's
    area times its stain, halved in a corner and halved again at the border.

    Args:
        rgb: the image.
        tolerance: tolerance for cytoplasm, 0 to 1; it changes neither the set of cells nor
            their order.
        tile: part of the image to search; frames stay those in the whole image.

    Raises:
        BadImage: the image or the tile shows no stained nucleus.
    """
    own, step = (rgb, step_of(rgb)) if tile is None else (tile.cut(rgb), tile.step)
    if not own.size:
        raise BadImage("The tile is outside of the picture; cut the cell again.")
    stained = nuclei.find(reduced(own, step), None if tile is None else tile.reference)
    labels = nuclei.cells(stained, tolerance)
    order = _order(stained)
    places = ndimage.find_objects(labels)
    ordered = [
        _candidate(labels, stained.seeds, stained, label, places[label - 1], step, own)
        for label in order
    ]
    if tile is not None:
        ordered = [_moved(cell, tile.frame[:2], rgb) for cell in ordered]
    if not ordered:
        raise BadImage(nuclei.NOTHING)
    return tuple(ordered)


def candidate_at(rgb: Rgb, point: Point, *, tolerance: float = TOLERANCE) -> Candidate:
    """The object at a point of an image (H, W, 3) uint8 that a person marks as a white cell.

    Where nothing stained is at the point, it is a disc of the radius of the image's other cells.

    Raises:
        BadImage: the point is outside of the image.
    """
    x, y = point
    if not (0 <= x < rgb.shape[1] and 0 <= y < rgb.shape[0]):
        raise BadImage("The marked point is outside of the picture; mark the cell again.")
    if formats.is_large(rgb.shape[1], rgb.shape[0]) and max(rgb.shape[:2]) > _MARKED_IN:
        top, left = max(0, y - _MARKED_IN // 2), max(0, x - _MARKED_IN // 2)
        part = rgb[top : top + _MARKED_IN, left : left + _MARKED_IN]
        return _moved(
            candidate_at(part, (x - left, y - top), tolerance=tolerance), (top, left), rgb
        )
    step = step_of(rgb)
    mask, violet = nuclei.object_at(reduced(rgb, step), y // step, x // step, tolerance)
    stained = Nuclei(violet, 0.0, mask, float(np.sqrt(mask.sum() / np.pi)))
    labels = mask.astype(np.int32)
    (place,) = ndimage.find_objects(labels)
    return _candidate(labels, labels, stained, 1, place, step, rgb)


def outline_of(mask: Mask, top: int = 0, left: int = 0) -> tuple[Point, ...]:
    """Points around the largest part of a mask whose first pixel is at a row and column."""
    lines = measure.find_contours(np.pad(mask, 1).astype(np.float32), HALF)  # type: ignore[no-untyped-call]
    line = max(lines, key=len)[:: max(1, max(map(len, lines)) // _POINTS)]
    return tuple((round(x + left - HALF), round(y + top - HALF)) for y, x in line)


def step_of(rgb: Rgb) -> int:
    """Factor by which an image (H, W, 3) is reduced for segmentation."""
    return int(np.ceil(np.sqrt(rgb.shape[0] * rgb.shape[1] / WORKED_ON)))


def reduced(rgb: Rgb, step: int) -> Rgb:
    """An image (H, W, 3) reduced by a factor."""
    return rgb if step == 1 else np.asarray(Image.fromarray(rgb).reduce(step))


def _moved(cell: Candidate, corner: tuple[int, int], rgb: Rgb) -> Candidate:
    """A cell of a part of an image (H, W, 3) whose top left pixel is at a row and column."""
    top, left, bottom, right = cell.frame
    y, x = corner
    frame = (top + y, left + x, bottom + y, right + x)
    return replace(cell, frame=frame, shape=(rgb.shape[0], rgb.shape[1]))


def _order(stained: Nuclei) -> list[int]:
    """Numbers of the seeds, best first."""
    numbers = np.arange(1, int(stained.seeds.max()) + 1)
    if not len(numbers):
        return []
    weight = ndimage.sum_labels(stained.violet, stained.seeds, numbers)
    middles = np.array(ndimage.center_of_mass(stained.seeds > 0, stained.seeds, numbers))
    half = np.array(stained.seeds.shape) / 2
    off = np.linalg.norm((middles - half) / half, axis=1) / np.sqrt(2)
    edge = np.concatenate(
        [stained.seeds[0], stained.seeds[-1], stained.seeds[:, 0], stained.seeds[:, -1]]
    )
    cut = np.isin(numbers, edge)
    score = weight * (1 - 0.5 * off) * np.where(cut, AT_BORDER, 1.0)
    return [int(number) for number in numbers[np.argsort(-score, kind="stable")]]


def _candidate(
    labels: Labels,
    seeds: Labels,
    stained: Nuclei,
    label: int,
    place: tuple[slice, slice],
    step: int,
    rgb: Rgb,
) -> Candidate:
    """A cell of the reduced copy, with its nucleus in ``seeds``, at the scale of the image."""
    rows, columns = (slice(max(0, axis.start - _MARGIN), axis.stop + _MARGIN) for axis in place)
    nucleus = seeds[rows, columns] == label
    rough = nuclei.without_spikes(labels[rows, columns] == label, nucleus, stained.radius)
    patch = _enlarged(_smoothed(rough, _SMOOTH * stained.radius), step)
    top, left = rows.start * step, columns.start * step
    # The last row and column of the copy may reach beyond the image.
    patch = patch[: rgb.shape[0] - top, : rgb.shape[1] - left]
    y, x, bottom, right = cells.frame_of(patch)
    return Candidate(
        patch=patch[y:bottom, x:right],
        frame=(top + y, left + x, top + bottom, left + right),
        shape=(rgb.shape[0], rgb.shape[1]),
        stain=float(stained.violet[rows, columns][nucleus].mean()),
        solidity=nuclei.solidity(rough),
        nucleus=float(nucleus.sum() / max(1, rough.sum())),
        roundness=nuclei.solidity(nucleus),
    )


def _smoothed(rough: Mask, sigma: float) -> Floats:
    """(h, w) about 1 inside and 0 outside; the outline is the level 0.5."""
    parts, count = ndimage.label(rough)
    if count > 1:
        rough = parts == 1 + np.bincount(parts.ravel())[1:].argmax()
    soft: Floats = ndimage.gaussian_filter(rough.astype(np.float32), sigma, mode="nearest")
    return soft if (soft > HALF).any() else rough.astype(np.float32)


def _enlarged(soft: Floats, step: int) -> Mask:
    if step > 1:
        size = (soft.shape[1] * step, soft.shape[0] * step)
        soft = np.asarray(Image.fromarray(soft).resize(size, Image.Resampling.BILINEAR))
    return np.asarray(soft > HALF)
