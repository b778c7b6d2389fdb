"""Cutting a white cell out of a picture of a smear, for pictures that are not cut out.

`nuclei` finds the cells. Large pictures are worked on at a reduced scale, and the
outlines brought back. The same picture gives the same cells in the same order, whatever else is
chosen, so that a few numbers are enough to make the very same cut again.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from allcore import model_folder
from allcore.data import cells
from allcore.data.cells import Rgb
from allcore.errors import BadImage
from allcore.inference import nuclei
from allcore.inference.nuclei import TOLERANCE, Floats, Labels, Mask, Nuclei

METHOD = "saturation, Otsu and watershed"
VERSION = 1
"""Raised whenever the same numbers would give another cut."""
WORKED_ON = 1_000_000
"""Pixels of the largest picture that is worked on as it is."""
GROW = (-10, 20)
"""Pixels that an outline can be moved in and out."""
SCALES = (0.05, 10.0)

_SMOOTH = 0.05  # nuclear radii by which an outline is smoothed
_MARGIN = 3  # pixels around a cell that smoothing may need
_HALF = 0.5
_AT_BORDER = 0.5  # what a cell counts that may be cut off


@dataclass(frozen=True)
class Candidate:
    """A white cell of the picture.

    Attributes:
        patch: (h, w) mask of the cell inside its frame.
        frame: top, left, bottom, right in pixels of the picture; bottom and right exclusive.
        shape: height and width of the picture.
        stain: mean saturation of its nucleus toward violet, 0 to 1.
        solidity: its area over that of its convex hull, 0 to 1.
    """

    patch: Mask
    frame: tuple[int, int, int, int]
    shape: tuple[int, int]
    stain: float
    solidity: float

    @cached_property
    def area(self) -> int:
        """Pixels of the cell."""
        return int(self.patch.sum())

    @property
    def mask(self) -> Mask:
        """(H, W) mask of the cell in the picture; made anew each time, for pictures are large."""
        full = np.zeros(self.shape, dtype=np.bool_)
        top, left, bottom, right = self.frame
        full[top:bottom, left:right] = self.patch
        return full

    @property
    def at_border(self) -> bool:
        """Whether it touches the picture's border, so that a part of the cell may be missing."""
        top, left, bottom, right = self.frame
        return top == 0 or left == 0 or bottom == self.shape[0] or right == self.shape[1]


@dataclass(frozen=True)
class CutOut:
    """A cell that was cut out.

    Attributes:
        rgb: (450, 450, 3) the cell on black, in the middle.
        note: what was done, as a sentence without its full stop.
        facts: the same for a report; ``Cut.from_dict`` reads it.
    """

    rgb: Rgb
    note: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class Cut:
    """How a cell is cut out of a picture; the same numbers give the same pixels.

    Attributes:
        candidate: which of ``candidates``, from 0.
        grow: pixels of the picture that the outline is moved out, in where negative.
        tolerance: how readily cytoplasm is taken in, 0 to 1.
        scale: how many times the cell is enlarged. What scales by area takes away what the cell's
            size tells, and blasts are larger than normal cells.
    """

    candidate: int = 0
    grow: int = 0
    tolerance: float = TOLERANCE
    scale: float = 1.0

    def applied(self, rgb: Rgb, *, cells: Sequence[Candidate] | None = None) -> CutOut:
        """Cut the cell out of a picture (H, W, 3) uint8.

        Args:
            rgb: the picture.
            cells: its ``candidates`` with this tolerance, where they are known already.

        Raises:
            BadImage: there is no such cell, nothing is left of it, or it is too large.
        """
        cells = candidates(rgb, tolerance=self.tolerance) if cells is None else cells
        if not 0 <= self.candidate < len(cells):
            raise BadImage(
                f"The picture has no cell {self.candidate + 1}; choose one of {len(cells)}."
            )
        cell = cells[self.candidate]
        mask, (top, left) = _moved(cell, self.grow)
        own = rgb[top : top + mask.shape[0], left : left + mask.shape[1]]
        picture = _framed(*_scaled(own, mask, self.scale))
        frame = (top, left, top + mask.shape[0], left + mask.shape[1])
        note = self._note(cell, len(cells))
        facts = asdict(self) | {"method": METHOD, "version": VERSION, "note": note}
        return CutOut(picture, note, facts | {"frame": list(frame), "area": int(mask.sum())})

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> "Cut":
        """The cut that ``CutOut.facts`` tells of.

        Raises:
            BadImage: it was made by another version, or is no such thing.
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
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise BadImage("What tells how it was cut is damaged; cut it again.") from error
        cut._check_offered()
        return cut

    def _check_offered(self) -> None:
        """Refuse what no page offers: a stranger's outline could grow beyond all memory."""
        if not (
            self.candidate >= 0
            and GROW[0] <= self.grow <= GROW[1]
            and 0 <= self.tolerance <= 1
            and SCALES[0] <= self.scale <= SCALES[1]
        ):
            raise BadImage("It was cut by numbers that ALLScope does not offer; cut it again.")

    def _note(self, cell: Candidate, count: int) -> str:
        notes = [f"cut out by the program: {METHOD}"]
        if count > 1:
            notes.append(f"cell {self.candidate + 1} of {count}")
        if self.tolerance != TOLERANCE:
            notes.append(f"tolerance {self.tolerance:.2f} in place of {TOLERANCE:.2f}")
        if self.grow:
            notes.append(f"outline moved {'out' if self.grow > 0 else 'in'} by {abs(self.grow)} px")
        if self.scale > 1:
            notes.append(f"enlarged {self.scale:.3g} times")
        elif self.scale < 1:
            notes.append(f"reduced to {self.scale:.3g} of its size")
        if cell.at_border:
            notes.append("it touches the picture's border, so a part may be missing")
        return "; ".join(notes)


def candidates(rgb: Rgb, *, tolerance: float = TOLERANCE) -> tuple[Candidate, ...]:
    """White cells of a smear picture (H, W, 3) uint8, best first.

    The best one is large, strongly stained, near the middle and whole: cells are ordered by their
    nucleus's area times its stain, which counts half in a corner and half again at the border.

    Args:
        rgb: the picture.
        tolerance: how readily cytoplasm is taken in, 0 to 1; it changes neither which cells there
            are nor their order.

    Raises:
        BadImage: there is nothing like a stained nucleus.
    """
    step = int(np.ceil(np.sqrt(rgb.shape[0] * rgb.shape[1] / WORKED_ON)))
    stained = nuclei.find(_reduced(rgb, step))
    labels = nuclei.cells(stained, tolerance)
    order = _order(stained)
    places = ndimage.find_objects(labels)
    ordered = [_candidate(labels, stained, label, places[label - 1], step, rgb) for label in order]
    if not ordered:
        raise BadImage(nuclei.NOTHING)
    return tuple(ordered)


def usual_area(model: Path) -> float | None:
    """Median area, in pixels, of the cells that a model folder was tested on; None if not kept.

    Raises:
        ModelError: the folder's table of facts is damaged.
    """
    table = model_folder.read_facts(model)
    return None if table is None or table.empty else float(table["area"].median())


def usual_scale(cell: Candidate, area: float) -> float:
    """How many times a cell has to be enlarged to cover ``area`` pixels, to three digits."""
    return float(np.clip(float(f"{np.sqrt(area / cell.area):.3g}"), *SCALES))


def _reduced(rgb: Rgb, step: int) -> Rgb:
    return rgb if step == 1 else np.asarray(Image.fromarray(rgb).reduce(step))


def _order(stained: Nuclei) -> list[int]:
    """Numbers of the seeds, the best first."""
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
    labels: Labels, stained: Nuclei, label: int, place: tuple[slice, slice], step: int, rgb: Rgb
) -> Candidate:
    """A cell of the reduced copy, brought back to the picture's scale."""
    rows, columns = (slice(max(0, axis.start - _MARGIN), axis.stop + _MARGIN) for axis in place)
    nucleus = stained.seeds[rows, columns] == label
    rough = nuclei.without_spikes(labels[rows, columns] == label, nucleus, stained.radius)
    patch = _enlarged(_smoothed(rough, _SMOOTH * stained.radius), step)
    top, left = rows.start * step, columns.start * step
    # The copy's last row and column may reach beyond the picture.
    patch = patch[: rgb.shape[0] - top, : rgb.shape[1] - left]
    y, x, bottom, right = cells.frame_of(patch)
    return Candidate(
        patch=patch[y:bottom, x:right],
        frame=(top + y, left + x, top + bottom, left + right),
        shape=(rgb.shape[0], rgb.shape[1]),
        stain=float(stained.violet[rows, columns][nucleus].mean()),
        solidity=nuclei.solidity(rough),
    )


def _smoothed(rough: Mask, sigma: float) -> Floats:
    """(h, w) about 1 inside and 0 outside; the outline runs at a half."""
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
    """The cell's mask with its outline moved, and where its top left corner lies."""
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
    above, before = max(0, -top), max(0, -left)  # what lies beyond the picture
    wide = wide[above : cell.shape[0] - top, before : cell.shape[1] - left]
    y, x, bottom, right = cells.frame_of(wide)
    return wide[y:bottom, x:right], (top + above + y, left + before + x)


def _scaled(own: Rgb, mask: Mask, scale: float) -> tuple[Rgb, Mask]:
    """Enlarge what lies in the mask's frame, and the mask."""
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
    """What lies in the mask on black, in the middle of a picture of C-NMC's size."""
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
