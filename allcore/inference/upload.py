"""The cell on black in a decoded image, and a cache of decoded images."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from allcore.data import cells
from allcore.data.images import decoding, formats
from allcore.data.preprocessing import Preprocessing
from allcore.errors import BadImage

MAX_CACHED_BYTES = 64 * 2**20
"""Bytes of decoded images in a process's cache: about 100 images of C-NMC's size."""
LARGE_SECONDS = 300.0
"""Time since its last use that a process keeps the last large picture."""

Rgb = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_DARK = 40  # brightest channel below this counts as black; JPEG ringing reaches about 10
_MIN_DARK_BORDER = 0.5
_MIN_DARK_BACKGROUND = 0.8
_CELL_SHARE = (0.005, 0.9)
_GAP = 100  # black pixels in a row of the cell
_STRIPE = (3, 4)  # rows and least columns of a stripe of zeros; holes of C-NMC's cells are narrower
_BESIDE = 8  # rows above and below the cell that may hold the rest of it
_COARSE = 8  # of the rows and columns of a large picture; a background shows on every eighth


class BrightBackground(BadImage):
    """The background of a picture is not black, so it may show a smear."""


class CellPicture:
    """A decoded image with its cached mask and one crop for each preprocessing.

    Attributes:
        rgb: (H, W, 3) uint8; read only.
        sha256: of the file, or of the file and a segmentation of it; empty where unknown.
        enlarged: magnification by which the cell was enlarged.
    """

    def __init__(self, rgb: Rgb, sha256: str = "", enlarged: float = 1.0) -> None:
        self.rgb = rgb
        self.sha256 = sha256
        self.enlarged = enlarged
        self._crops: dict[Preprocessing, Rgb] = {}

    @cached_property
    def is_field(self) -> bool:
        """Whether the background is not black, as in a smear."""
        try:
            if self.is_large:
                return not find_cell(self.rgb[::_COARSE, ::_COARSE]).any()
            return not self.mask.any()
        except BadImage as error:
            return isinstance(error, BrightBackground)

    @property
    def is_large(self) -> bool:
        """Whether it has more pixels than are read of anything but a smear field."""
        return formats.is_large(self.rgb.shape[1], self.rgb.shape[0])

    @cached_property
    def mask(self) -> Mask:
        """Mask (H, W) of the cell.

        Raises:
            BadImage: the image does not show one cell on black.
        """
        return find_cell(self.rgb)

    def crop(self, preprocessing: Preprocessing) -> Rgb:
        """Crop of the cell (S, S, 3) uint8 by a model's preprocessing.

        Raises:
            BadImage: the image does not show one cell on black.
        """
        if preprocessing not in self._crops:
            self._crops[preprocessing] = preprocessing.crop(self.rgb, self.mask)
        return self._crops[preprocessing]


def decode_field(data: bytes) -> Rgb:
    """Decode a picture (H, W, 3) as ``decoding.decode`` does; a large one is read if it is a field.

    Raises:
        BadImage: it is no supported image, or a large one with a black background.
    """
    rgb = decoding.decode(data, large=True)
    picture = CellPicture(rgb)
    if picture.is_large and not picture.is_field:
        raise formats.too_many_pixels(
            f"The picture has a black background and {rgb.shape[1]} x {rgb.shape[0]} pixels, more"
        )
    return rgb


class PictureCache:
    """LRU cache of decoded images by digest, limited in bytes.

    Besides, the last large picture stays for ``large_seconds`` after its last use.
    """

    def __init__(self, max_bytes: int = MAX_CACHED_BYTES, large_seconds: float = 0.0) -> None:
        self._max_bytes = max_bytes
        self._large_seconds = large_seconds
        self._large: CellPicture | None = None
        self._timer: threading.Timer | None = None
        self._pictures: OrderedDict[str, CellPicture] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, sha256: str, decode: Callable[[], Rgb], *, enlarged: float = 1.0) -> CellPicture:
        """Return the image of a digest; decode it where it is not cached.

        ``enlarged`` is the magnification by which the cell was enlarged.

        Raises:
            BadImage: `decode` raised it.
        """
        with self._lock:
            if sha256 in self._pictures:
                self._pictures.move_to_end(sha256)
                return self._pictures[sha256]
            if self._large is not None and self._large.sha256 == sha256:
                self._keep_large(self._large)
                return self._large
        picture = CellPicture(decode(), sha256, enlarged)
        with self._lock:
            if picture.is_large and self._large_seconds:
                self._keep_large(picture)
            if sha256 not in self._pictures and picture.rgb.nbytes <= self._max_bytes:
                self._pictures[sha256] = picture
                self._bytes += picture.rgb.nbytes
            while self._bytes > self._max_bytes:
                self._bytes -= self._pictures.popitem(last=False)[1].rgb.nbytes
        return picture

    def _keep_large(self, picture: CellPicture) -> None:
        self._large = picture
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(self._large_seconds, self._drop_large)
        self._timer.daemon = True
        self._timer.start()

    def _drop_large(self) -> None:
        with self._lock:
            self._large = None


PICTURES = PictureCache(large_seconds=LARGE_SECONDS)
"""The image cache of this process."""


def find_cell(rgb: Rgb) -> Mask:
    """Segment the cell, as a mask (H, W), in an image (H, W, 3) of one cell on black.

    Conservative on purpose: refuses, by BadImage, only images without any cell.
    """
    mask = cells.mask_of(rgb)
    area = int(np.count_nonzero(mask))
    # A cell keeps its size however much black is around it.
    if area < _CELL_SHARE[0] * min(mask.size, cells.NATIVE_SIDE**2):
        raise BadImage(
            "No cell was found in the picture; use one cell, cut out, on a black background."
        )
    if area > _CELL_SHARE[1] * mask.size or not _is_black_around(rgb, mask):
        raise BrightBackground(
            "The background is not black, so this is not a cut-out cell; "
            "cut one cell out, set everything around it to black and retry."
        )
    if _has_gap(rgb, mask):
        raise BadImage(
            "A black stripe runs through the cell, so a part of it is missing; copy or export the "
            "picture again."
        )
    if not _is_in_the_middle(mask):
        raise BadImage(
            f"The cell reaches beyond the middle {cells.NATIVE_SIDE} x {cells.NATIVE_SIDE} pixels; "
            "crop the picture around the cell, without enlarging it, and retry."
        )
    return mask


def _is_black_around(rgb: Rgb, mask: Mask) -> bool:
    edges = (rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1])
    border = np.concatenate([edge.max(axis=1) < _DARK for edge in edges])
    # Beyond the rows and columns with a bright pixel all is dark.
    rows = np.flatnonzero(rgb.reshape(len(rgb), -1).max(axis=1) >= _DARK)
    band = slice(rows[0], rows[-1] + 1) if len(rows) else slice(0)
    own = rgb[band]
    bright = np.maximum(np.maximum(own[..., 0], own[..., 1]), own[..., 2]) >= _DARK
    beside = int(np.count_nonzero(bright & ~mask[band]))
    around = mask.size - int(np.count_nonzero(mask))
    return bool(border.mean() >= _MIN_DARK_BORDER and 1 - beside / around >= _MIN_DARK_BACKGROUND)


def _has_gap(rgb: Rgb, mask: Mask) -> bool:
    """True if a row has many black pixels inside the cell: holes of C-NMC's cells are smaller."""
    top, left, bottom, right = cells.frame_of(mask)
    own, inside = rgb[top:bottom, left:right], mask[top:bottom, left:right]
    black = (own[..., 0] | own[..., 1] | own[..., 2]) == 0
    missing = np.count_nonzero(black & inside, axis=1)
    # The mask's first and last rows may lie beside the cell, since it is computed with a stride.
    gap = bool((missing[cells.STRIDE : -cells.STRIDE] >= _GAP).any())
    # A stripe may cut off a part of the cell, which the mask lacks then.
    return gap or _is_striped(rgb[max(0, top - _BESIDE) : bottom + _BESIDE, left:right])


def _is_striped(own: Rgb) -> bool:
    """True if few rows of a channel are 0 between bright ones, as where a file lost some bytes."""
    rows, columns = _STRIPE
    # By channel, so that neighbours of a row follow each other; black rows keep them apart.
    padded = np.pad(own.transpose(2, 0, 1), ((0, 0), (0, rows + 1), (0, 0)))
    planes = padded.reshape(-1, own.shape[1])
    row, column = np.nonzero((planes[1:] == 0) & (planes[:-1] >= _DARK))
    values = planes[row[:, None] + np.arange(1, rows + 2), column[:, None]]
    is_zero = np.logical_and.accumulate(values[:, :-1] == 0, axis=1)
    lost = (is_zero & (values[:, 1:] >= _DARK)).any(axis=1)
    place = (row * (planes.shape[1] + 1) + column)[lost]
    apart = columns - 1
    return bool((place[apart:] - place[:-apart] == apart).any())


def _is_in_the_middle(mask: Mask) -> bool:
    top, left, bottom, right = cells.frame_of(mask)
    height, width = mask.shape
    above, before = (max(0, (side - cells.NATIVE_SIDE) // 2) for side in (height, width))
    return bool(
        top >= above and left >= before and bottom <= height - above and right <= width - before
    )
