"""Segmentation of a white cell from an image of a smear.

`nuclei` segments the cells. Large images are segmented at a reduced scale, and the outlines scaled
back. The same image gives the same cells in the same order, whatever the other parameters, so that
a few numbers reproduce a segmentation exactly.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage import measure

from allcore.data import cells
from allcore.data.cells import Rgb
from allcore.data.stain import StainMap
from allcore.errors import BadImage
from allcore.inference import nuclei
from allcore.inference.nuclei import TOLERANCE, Floats, Labels, Mask, Nuclei
from allcore.inference.upload import CellPicture

METHOD = "saturation, Otsu and watershed"
VERSION = 1
"""Version of the algorithm; increased whenever the same numbers give other pixels."""
WORKED_ON = 1_000_000
"""Pixels of the largest image that is segmented at full scale."""
GROW = (-10, 20)
"""Range in pixels by which an outline can be moved."""
SCALES = (0.05, 10.0)

_SMOOTH = 0.05  # nuclear radii; smoothing of an outline
_MARGIN = 3  # pixels around a cell, for smoothing
_HALF = 0.5
_AT_BORDER = 0.5  # weight of a cell at the border, which may be cut off
_POINTS = 120  # most points of an outline
_NUCLEUS = 0.6  # least share of a mononuclear cell that its nucleus fills
_UNDIVIDED = 0.93  # least solidity of its nucleus

Point = tuple[int, int]
"""x and y in pixels of the image."""


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


@dataclass(frozen=True)
class CutOut:
    """A segmented cell."""

    rgb: Rgb  # (450, 450, 3) the cell on black, centred
    outline: tuple[Point, ...]  # of the cell in the image
    note: str  # description of the segmentation, a sentence without its full stop
    facts: dict[str, Any]  # the same for a report; ``Cut.from_dict`` reads it


@dataclass(frozen=True)
class Cut:
    """Parameters of a segmentation; the same values give the same pixels."""

    candidate: int = 0  # index into ``candidates``
    grow: int = 0  # pixels of the image that the outline is moved out, or in where negative
    tolerance: float = TOLERANCE  # tolerance for cytoplasm, 0 to 1
    # magnification of the cell. Scaling to a common area removes the information of cell size, and
    # blasts are larger than normal cells.
    scale: float = 1.0
    stain: StainMap | None = None  # map of the cell's colours; None leaves them
    point: Point | None = None  # where a person marked the cell, in place of a candidate

    def applied(self, rgb: Rgb, *, cells: Sequence[Candidate] | None = None) -> CutOut:
        """Segment the cell in an image (H, W, 3) uint8.

        Args:
            rgb: the image.
            cells: its ``candidates`` with this tolerance, to save their computation.

        Raises:
            BadImage: there is no such cell, its mask is empty, or it is too large.
        """
        if self.point is not None:
            cells = (candidate_at(rgb, self.point, tolerance=self.tolerance),)
        elif cells is None:
            cells = candidates(rgb, tolerance=self.tolerance)
        number = 0 if self.point else self.candidate
        if not 0 <= number < len(cells):
            raise BadImage(f"The picture has no cell {number + 1}; choose one of {len(cells)}.")
        cell = cells[number]
        mask, (top, left) = _moved(cell, self.grow)
        own = rgb[top : top + mask.shape[0], left : left + mask.shape[1]]
        own = own if self.stain is None else self.stain.apply(own)
        picture = _framed(*_scaled(own, mask, self.scale))
        frame = (top, left, top + mask.shape[0], left + mask.shape[1])
        note = self._note(cell, len(cells))
        facts = asdict(self) | {"method": METHOD, "version": VERSION, "note": note}
        facts |= {"frame": list(frame), "area": int(mask.sum())}
        return CutOut(picture, outline_of(mask, top, left), note, facts)

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> "Cut":
        """Read the parameters from ``CutOut.facts``.

        Raises:
            BadImage: another version wrote them, or they are invalid.
        """
        try:
            if facts["version"] != VERSION:
                raise BadImage(
                    f"The picture was cut by version {facts['version']} of the method, this "
                    f"ALLScope has {VERSION}: use the release that cut it, or cut it again."
                )
            cut = cls(
                int(facts["candidate"]),
                int(facts["grow"]),
                float(facts["tolerance"]),
                float(facts["scale"]),
                StainMap.from_dict(facts["stain"]) if facts.get("stain") else None,
                _point(facts.get("point")),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise BadImage("What tells how it was cut is damaged; cut it again.") from error
        cut._check_offered()
        return cut

    def _check_offered(self) -> None:
        """Reject values outside the interface's ranges: an untrusted cut could exhaust memory."""
        if not (
            self.candidate >= 0
            and GROW[0] <= self.grow <= GROW[1]
            and 0 <= self.tolerance <= 1
            and SCALES[0] <= self.scale <= SCALES[1]
        ):
            raise BadImage("It was cut by numbers that ALLScope does not offer; cut it again.")

    def _note(self, cell: Candidate, count: int) -> str:
        notes = [f"cut out by the program: {METHOD}"]
        if self.point:
            notes.append(f"marked by hand at {self.point[0]}, {self.point[1]}")
        elif count > 1:
            notes.append(f"cell {self.candidate + 1} of {count}")
        if self.tolerance != TOLERANCE:
            notes.append(f"tolerance {self.tolerance:.2f} in place of {TOLERANCE:.2f}")
        if self.grow:
            notes.append(f"outline moved {'out' if self.grow > 0 else 'in'} by {abs(self.grow)} px")
        if self.scale > 1:
            notes.append(f"enlarged {self.scale:.3g} times")
        elif self.scale < 1:
            notes.append(f"reduced to {self.scale:.3g} of its size")
        if self.stain:
            notes.append("stain brought to that of the training cells")
        if cell.at_border:
            notes.append("it touches the picture's border, so a part may be missing")
        return "; ".join(notes)


def cell_picture(rgb: Rgb, facts: dict[str, Any] | None) -> CellPicture:
    """The cell that was judged in an image (H, W, 3), by the facts of its cut; None had no cut.

    Raises:
        BadImage: the cut can't be repeated.
    """
    if facts is None:
        return CellPicture(rgb)
    cut = Cut.from_dict(facts)
    return CellPicture(cut.applied(rgb).rgb, enlarged=cut.scale)


def surroundings(rgb: Rgb, frame: Sequence[int], *, margin: float = 0.2) -> Rgb:
    """Square part of an image (H, W, 3) around a cell, black beyond the border of the image.

    Args:
        rgb: the image.
        frame: of the cell: top, left, bottom, right.
        margin: around the cell, as a share of its longer side.
    """
    top, left, bottom, right = frame
    half = int(max(bottom - top, right - left) * (0.5 + margin)) + 1
    y, x = (top + bottom) // 2, (left + right) // 2
    part = rgb[max(0, y - half) : y + half, max(0, x - half) : x + half]
    square = np.zeros((2 * half, 2 * half, 3), dtype=np.uint8)
    above, before = max(0, half - y), max(0, half - x)
    square[above : above + part.shape[0], before : before + part.shape[1]] = part
    return square


def candidates(rgb: Rgb, *, tolerance: float = TOLERANCE) -> tuple[Candidate, ...]:
    """White cells of a smear image (H, W, 3) uint8, best first.

    The best one is large, strongly stained, near the middle and whole: the score is the nucleus's
    area times its stain, halved in a corner and halved again at the border.

    Args:
        rgb: the image.
        tolerance: tolerance for cytoplasm, 0 to 1; it changes neither the set of cells nor
            their order.

    Raises:
        BadImage: the image shows no stained nucleus.
    """
    step = _step(rgb)
    stained = nuclei.find(_reduced(rgb, step))
    labels = nuclei.cells(stained, tolerance)
    order = _order(stained)
    places = ndimage.find_objects(labels)
    ordered = [
        _candidate(labels, stained.seeds, stained, label, places[label - 1], step, rgb)
        for label in order
    ]
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
    step = _step(rgb)
    mask, violet = nuclei.object_at(_reduced(rgb, step), y // step, x // step, tolerance)
    stained = Nuclei(violet, 0.0, mask, float(np.sqrt(mask.sum() / np.pi)))
    labels = mask.astype(np.int32)
    (place,) = ndimage.find_objects(labels)
    return _candidate(labels, labels, stained, 1, place, step, rgb)


def outline_of(mask: Mask, top: int = 0, left: int = 0) -> tuple[Point, ...]:
    """Points around the largest part of a mask whose first pixel is at a row and column."""
    lines = measure.find_contours(np.pad(mask, 1).astype(np.float32), _HALF)  # type: ignore[no-untyped-call]
    line = max(lines, key=len)[:: max(1, max(map(len, lines)) // _POINTS)]
    return tuple((round(x + left - _HALF), round(y + top - _HALF)) for y, x in line)


def _point(value: Any) -> Point | None:
    if value is None:
        return None
    x, y = value
    return int(x), int(y)


def _step(rgb: Rgb) -> int:
    return int(np.ceil(np.sqrt(rgb.shape[0] * rgb.shape[1] / WORKED_ON)))


def _reduced(rgb: Rgb, step: int) -> Rgb:
    return rgb if step == 1 else np.asarray(Image.fromarray(rgb).reduce(step))


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
    score = weight * (1 - 0.5 * off) * np.where(cut, _AT_BORDER, 1.0)
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
    return soft if (soft > _HALF).any() else rough.astype(np.float32)


def _enlarged(soft: Floats, step: int) -> Mask:
    if step > 1:
        size = (soft.shape[1] * step, soft.shape[0] * step)
        soft = np.asarray(Image.fromarray(soft).resize(size, Image.Resampling.BILINEAR))
    return np.asarray(soft > _HALF)


def _moved(cell: Candidate, grow: int) -> tuple[Mask, tuple[int, int]]:
    """Mask of the cell with its outline moved, and its top left corner."""
    pad = max(grow, 0) + 1
    wide = np.pad(cell.patch, pad)
    if grow > 0:
        wide = ndimage.distance_transform_edt(~wide) <= grow
    elif grow < 0:
        wide = ndimage.distance_transform_edt(wide) > -grow
    if not wide.any():
        raise BadImage(
            "The outline was moved in so far that nothing of the cell is left; move it out."
        )
    top, left = cell.frame[0] - pad, cell.frame[1] - pad
    above, before = max(0, -top), max(0, -left)  # pixels beyond the border of the image
    wide = wide[above : cell.shape[0] - top, before : cell.shape[1] - left]
    y, x, bottom, right = cells.frame_of(wide)
    return wide[y:bottom, x:right], (top + above + y, left + before + x)


def _scaled(own: Rgb, mask: Mask, scale: float) -> tuple[Rgb, Mask]:
    """Scale the pixels in the mask's frame, and the mask."""
    if scale == 1:
        return own, mask
    if not SCALES[0] <= scale <= SCALES[1]:
        raise BadImage(f"A cell is enlarged {SCALES[0]} to {SCALES[1]} times; choose within that.")
    height, width = (max(1, round(scale * side)) for side in mask.shape)
    _check_fits(height, width)
    # Pillow's filter widens when shrinking: no aliasing of the chromatin.
    pixels = Image.fromarray(own).resize((width, height), Image.Resampling.BICUBIC)
    soft = Image.fromarray(mask.astype(np.float32))
    outline = np.asarray(soft.resize((width, height), Image.Resampling.BILINEAR)) > _HALF
    return np.asarray(pixels), outline


def _framed(own: Rgb, mask: Mask) -> Rgb:
    """Pixels of the mask on black, centred in an image of C-NMC's size."""
    height, width = mask.shape
    _check_fits(height, width)
    picture = np.zeros((cells.NATIVE_SIDE, cells.NATIVE_SIDE, 3), dtype=np.uint8)
    top, left = (cells.NATIVE_SIDE - height) // 2, (cells.NATIVE_SIDE - width) // 2
    picture[top : top + height, left : left + width] = np.where(mask[..., None], own, 0)
    return picture


def _check_fits(height: int, width: int) -> None:
    side = cells.NATIVE_SIDE
    if max(height, width) > side:
        raise BadImage(
            f"At this scale the cell has {width} x {height} pixels, more than {side} x {side}; "
            "bring it to the usual size."
        )
