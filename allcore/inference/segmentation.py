"""The picture of one white cell on black, cut out of an image of a smear.

`white_cells` finds the cells. A few numbers reproduce a segmentation exactly.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from allcore.data import cells
from allcore.data.cells import Rgb
from allcore.data.images import decoding
from allcore.data.stain import StainMap
from allcore.errors import BadImage
from allcore.inference import upload, white_cells
from allcore.inference.nuclei import TOLERANCE, Mask
from allcore.inference.upload import CellPicture
from allcore.inference.white_cells import HALF, Candidate, Point, Tile, outline_of

METHOD = "saturation, Otsu and watershed"
VERSION = 1
"""Version of the algorithm; increased whenever the same numbers give other pixels."""
GROW = (-10, 20)
"""Range in pixels by which an outline can be moved."""
SCALES = (0.05, 10.0)


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

    candidate: int = 0  # index into ``white_cells.candidates``
    grow: int = 0  # pixels of the image that the outline is moved out, or in where negative
    tolerance: float = TOLERANCE  # tolerance for cytoplasm, 0 to 1
    # magnification of the cell. Scaling to a common area removes the information of cell size, and
    # blasts are larger than normal cells.
    scale: float = 1.0
    stain: StainMap | None = None  # map of the cell's colours; None leaves them
    point: Point | None = None  # where a person marked the cell, in place of a candidate
    tile: Tile | None = None  # of a large picture, in which it is a candidate; None for the image

    def applied(self, rgb: Rgb, *, cells: Sequence[Candidate] | None = None) -> CutOut:
        """Segment the cell in an image (H, W, 3) uint8.

        Args:
            rgb: the image.
            cells: candidates of the image or the tile with this tolerance, to save their
                computation.

        Raises:
            BadImage: there is no such cell, its mask is empty, or it is too large.
        """
        if self.point is not None:
            cells = (white_cells.candidate_at(rgb, self.point, tolerance=self.tolerance),)
        elif cells is None:
            cells = white_cells.candidates(rgb, tolerance=self.tolerance, tile=self.tile)
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
        facts = self.to_dict() | {"note": note}
        facts |= {"frame": list(frame), "area": int(mask.sum())}
        return CutOut(picture, outline_of(mask, top, left), note, facts)

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes as JSON types, with the version of the algorithm."""
        facts = asdict(self) | {"method": METHOD, "version": VERSION}
        if self.tile is None:  # as facts were before there were tiles
            del facts["tile"]
        return facts

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
                Tile.from_dict(facts["tile"]) if facts.get("tile") else None,
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
            and (self.tile is None or self.tile.is_offered)
        ):
            raise BadImage("It was cut by numbers that ALLScope does not offer; cut it again.")

    def _note(self, cell: Candidate, count: int) -> str:
        notes = [f"cut out by the program: {METHOD}"]
        if self.point:
            notes.append(f"marked by hand at {self.point[0]}, {self.point[1]}")
        elif self.tile:
            top, left, _, _ = cell.frame
            notes.append(f"found at {left}, {top} of a large picture read in tiles")
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


def decoded_cell(data: bytes, facts: dict[str, Any] | None) -> CellPicture:
    """The cell that was judged in a file, as ``cell_picture`` gives it.

    Raises:
        BadImage: the file can't be decoded, or the cut can't be repeated.
    """
    rgb = decoding.decode(data) if facts is None else upload.decode_field(data)
    return cell_picture(rgb, facts)


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


def _point(value: Any) -> Point | None:
    if value is None:
        return None
    x, y = value
    return int(x), int(y)


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
    outline = np.asarray(soft.resize((width, height), Image.Resampling.BILINEAR)) > HALF
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
