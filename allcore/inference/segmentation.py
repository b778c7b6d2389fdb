"""Segmentation of a white cell from an image of a smear.

`nuclei` segments the cells. Large images are segmented at a reduced scale, and the outlines scaled
back. The same image gives the same cells in the same order, whatever the other parameters, so that
a few numbers reproduce a segmentation exactly.
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


@dataclass(frozen=True)
class Candidate:
    """A white cell in the image."""

    patch: Mask  # (h, w) mask of the cell inside its frame
    # top, left, bottom, right in pixels of the image; bottom and right exclusive
    frame: tuple[int, int, int, int]
    shape: tuple[int, int]  # height and width of the image
    stain: float  # mean saturation of its nucleus toward violet, 0 to 1
    solidity: float  # its area over that of its convex hull, 0 to 1

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

    def applied(self, rgb: Rgb, *, cells: Sequence[Candidate] | None = None) -> CutOut:
        """Segment the cell in an image (H, W, 3) uint8.

        Args:
            rgb: the image.
            cells: its ``candidates`` with this tolerance, to save their computation.

        Raises:
            BadImage: there is no such cell, its mask is empty, or it is too large.
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
    """Median area in pixels of a model's test cells; None where not recorded.

    Raises:
        ModelError: the folder's table of facts is damaged.
    """
    table = model_folder.read_facts(model)
    return None if table is None or table.empty else float(table["area"].median())


def usual_scale(cell: Candidate, area: float) -> float:
    """Magnification with which a cell covers ``area`` pixels, to three digits."""
    return float(np.clip(float(f"{np.sqrt(area / cell.area):.3g}"), *SCALES))


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
    labels: Labels, stained: Nuclei, label: int, place: tuple[slice, slice], step: int, rgb: Rgb
) -> Candidate:
    """A cell of the reduced copy, at the scale of the image."""
    rows, columns = (slice(max(0, axis.start - _MARGIN), axis.stop + _MARGIN) for axis in place)
    nucleus = stained.seeds[rows, columns] == label
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
