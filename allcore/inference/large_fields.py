"""White cells of a large picture of a smear, such as a stitched scan, tile by tile.

The colour of plasma, the threshold of nuclei and their usual radius are measured once, on a sample
of parts of the picture. Then overlapping tiles are segmented one after another, so that the working
arrays are those of one tile. A tile answers for the cells whose middle lies in its core; its margin
is wide enough for such a cell to be whole. What two tiles find at a seam is one cell.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from allcore.data.cells import Rgb
from allcore.errors import BadImage
from allcore.inference import nuclei, white_cells
from allcore.inference.nuclei import Reference
from allcore.inference.white_cells import Candidate, Tile

CORE = 1024
"""Side of a tile without its margins, in pixels of the working scale."""
SURVEYED = 2048
"""Side in pixels of the parts among which the sample is chosen."""
SAMPLED = 12
"""Parts on which plasma, threshold and radius are measured."""

_RADIUS = 35  # pixels of a nucleus at the working scale, at least; 1.0 to 2.0 times as many
MARGIN = 4.0  # nuclear radii; a cell reaches at most three from its middle
_SLACK = 0.5  # nuclear radii by which two tiles may differ in the middle of a cell
_SAME = 0.5  # share of the smaller of two masks from which they are one cell
_COARSE = 8  # reduction at which parts are compared
_WHITE_PIXELS = 16_000_000  # of the copy on which plasma is measured
_MEASURED_STEP = 2  # reduction at which nuclei are measured

Floats = NDArray[np.float64]
Frame = tuple[int, int, int, int]
Watch = Callable[[int, int], object]
"""Called with the numbers of tiles that are done and of all; raises to stop."""


def unwatched(done: int, total: int) -> None:
    """Ignore how far a large picture is segmented."""


@dataclass(frozen=True)
class TiledCell:
    """A white cell of a large picture."""

    tile: Tile
    index: int  # among the tile's candidates
    found: tuple[Candidate, ...]  # candidates of the tile

    @property
    def candidate(self) -> Candidate:
        """The cell, in pixels of the picture."""
        return self.found[self.index]


@dataclass(frozen=True)
class Survey:
    """What is measured once for all tiles of a large picture."""

    step: int  # pixels of the picture a pixel of the working scale
    reference: Reference  # at the working scale
    sample: tuple[Frame, ...]  # parts that it was measured on


def survey(rgb: Rgb) -> Survey:
    """Measure plasma, threshold and usual nuclear radius of a large picture (H, W, 3) uint8.

    The sample is spread evenly over that half of the picture's parts that stains most. A part
    counts by the area of its nuclei, and so does a nucleus: platelets are many and small.

    Raises:
        BadImage: the sample shows no stained nucleus.
    """
    thin = int(np.ceil(np.sqrt(rgb.shape[0] * rgb.shape[1] / _WHITE_PIXELS)))
    red, green, blue = (float(value) for value in nuclei.white_of(rgb[::thin, ::thin]))
    white = (red, green, blue)
    frames = [frame for _, frame in grid(rgb.shape[:2], SURVEYED, 0)]
    stained = [float(_violet(rgb, frame, _COARSE, white).sum()) for frame in frames]
    ranked = np.argsort(stained, kind="stable")[::-1][: max(1, (len(frames) + 1) // 2)]
    places = np.linspace(0, len(ranked) - 1, min(SAMPLED, len(ranked))).round().astype(int)
    sample = tuple(frames[ranked[place]] for place in places)
    measured = [nuclei.measure(_violet(rgb, frame, _MEASURED_STEP, white)) for frame in sample]
    known = [(threshold, areas) for threshold, areas in measured if len(areas)]
    if not known:
        raise BadImage(nuclei.NOTHING)
    thresholds = np.array([one for one, _ in known])
    threshold = _median(thresholds, np.array([float(areas.sum()) for _, areas in known]))
    every = np.concatenate([areas for _, areas in known]).astype(np.float64)
    radius = _MEASURED_STEP * float(np.sqrt(_median(every, every) / np.pi))
    step = max(1, int(radius / _RADIUS))
    return Survey(step, Reference(white, threshold, radius / step), sample)


def tiles(shape: tuple[int, ...], found: Survey) -> list[tuple[Frame, Tile]]:
    """Tiles of a picture of a height and width, each with its core."""
    margin = int(np.ceil(MARGIN * found.reference.radius)) * found.step
    return [
        (core, Tile(frame, found.step, found.reference))
        for core, frame in grid(shape, CORE * found.step, margin)
    ]


def grid(shape: tuple[int, ...], side: int, margin: int) -> list[tuple[Frame, Frame]]:
    """Squares that cover a height and width, row by row, and the same with their margins."""
    height, width = shape[:2]
    return [
        (
            (top, left, min(height, top + side), min(width, left + side)),
            (
                max(0, top - margin),
                max(0, left - margin),
                min(height, top + side + margin),
                min(width, left + side + margin),
            ),
        )
        for top, left in product(range(0, height, side), range(0, width, side))
    ]


def find(rgb: Rgb, watch: Watch = unwatched) -> list[TiledCell]:
    """White cells of a large picture (H, W, 3) uint8, best first, each found once.

    The best one is large, strongly stained and whole, as in ``white_cells.candidates``.

    Raises:
        BadImage: the picture shows no stained nucleus.
    """
    found = survey(rgb)
    planned = tiles(rgb.shape, found)
    slack = _SLACK * found.reference.radius * found.step
    watch(0, len(planned))
    cells: list[TiledCell] = []
    for done, (core, tile) in enumerate(planned, start=1):
        own = _candidates(rgb, tile)
        for index, candidate in enumerate(own):
            if _owns(core, candidate, slack) and not any(
                one.tile is not tile and is_same(one.candidate, candidate) for one in cells
            ):
                cells.append(TiledCell(tile, index, own))
        watch(done, len(planned))
    if not cells:
        raise BadImage(nuclei.NOTHING)
    return sorted(cells, key=lambda cell: -_weight(cell.candidate))


def sample_cells(rgb: Rgb) -> Iterator[Candidate]:
    """Whole white cells of the sample of a large picture, on which stain and size are measured.

    Raises:
        BadImage: the sample shows no stained nucleus.
    """
    found = survey(rgb)
    for frame in found.sample:
        top, left, bottom, right = frame
        for cell in _candidates(rgb, Tile(frame, found.step, found.reference)):
            y, x, below, beside = cell.frame
            if top < y and left < x and below < bottom and beside < right:
                yield cell


def is_same(one: Candidate, other: Candidate) -> bool:
    """Whether two outlines in one picture are of one cell."""
    top, left, bottom, right = (
        side(a, b) for side, a, b in zip((max, max, min, min), one.frame, other.frame, strict=True)
    )
    if top >= bottom or left >= right:
        return False
    parts = [
        cell.patch[top - y : bottom - y, left - x : right - x]
        for cell in (one, other)
        for y, x, _, _ in (cell.frame,)
    ]
    return bool((parts[0] & parts[1]).sum() > _SAME * min(one.area, other.area))


def _candidates(rgb: Rgb, tile: Tile) -> tuple[Candidate, ...]:
    try:
        return white_cells.candidates(rgb, tile=tile)
    except BadImage:  # nothing stains in it
        return ()


def _owns(core: Frame, cell: Candidate, slack: float) -> bool:
    """Whether the middle of a cell lies in the core of its tile, or hardly beside it."""
    top, left, bottom, right = core
    y, x = (cell.frame[0] + cell.frame[2]) / 2, (cell.frame[1] + cell.frame[3]) / 2
    return top - slack <= y < bottom + slack and left - slack <= x < right + slack


def _weight(cell: Candidate) -> float:
    """Stain times area of its nucleus, halved where the border of the picture cuts it."""
    return cell.stain * cell.nucleus * cell.area * (white_cells.AT_BORDER if cell.at_border else 1)


def _violet(
    rgb: Rgb, frame: Frame, step: int, white: tuple[float, float, float]
) -> NDArray[np.float32]:
    top, left, bottom, right = frame
    return nuclei.violet_of(white_cells.reduced(rgb[top:bottom, left:right], step), white)


def _median(values: Floats, weights: Floats) -> float:
    """Weighted median."""
    order = np.argsort(values)
    summed = weights[order].cumsum()
    return float(values[order][np.searchsorted(summed, summed[-1] / 2)])
