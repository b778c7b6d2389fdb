"""Validation and decoding of untrusted bytes to one RGB image of one cell on black.

The order of the checks matters: bytes, format, pixels, frames, mode, content. Each check is cheaper
than the next one, and nothing is decoded before its size is known.
"""

import io
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from allcore.data import cells
from allcore.data.preprocessing import Preprocessing
from allcore.errors import BadImage

FORMATS = ("BMP", "PNG", "JPEG", "TIFF", "WEBP")
SUFFIXES = frozenset({".bmp", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"})
MAX_BYTES = 64 * 2**20
MAX_PIXELS = 25_000_000
MIN_SIDE = 64

MAX_CACHED_BYTES = 64 * 2**20
"""Bytes of decoded images in a process's cache: about 100 images of C-NMC's size."""

Rgb = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_DARK = 40  # brightest channel below this counts as black; JPEG ringing reaches about 10
_MIN_DARK_BORDER = 0.5
_MIN_DARK_BACKGROUND = 0.8
_CELL_SHARE = (0.005, 0.9)

# Pillow warns between its limit and twice of it; MAX_PIXELS refuses long before that.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)


class CellPicture:
    """A decoded image with its cached mask and one crop for each preprocessing.

    Attributes:
        rgb: (H, W, 3) uint8; read only.
        sha256: of the file, or of the file and a segmentation of it; empty where unknown.
    """

    def __init__(self, rgb: Rgb, sha256: str = "") -> None:
        self.rgb = rgb
        self.sha256 = sha256
        self._crops: dict[Preprocessing, Rgb] = {}

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


class PictureCache:
    """LRU cache of decoded images by digest, limited in bytes."""

    def __init__(self, max_bytes: int = MAX_CACHED_BYTES) -> None:
        self._max_bytes = max_bytes
        self._pictures: OrderedDict[str, CellPicture] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, sha256: str, decode: Callable[[], Rgb]) -> CellPicture:
        """Return the image of a digest; decode it where it is not cached.

        Raises:
            BadImage: `decode` raised it.
        """
        with self._lock:
            if sha256 in self._pictures:
                self._pictures.move_to_end(sha256)
                return self._pictures[sha256]
        picture = CellPicture(decode(), sha256)
        with self._lock:
            if sha256 not in self._pictures and picture.rgb.nbytes <= self._max_bytes:
                self._pictures[sha256] = picture
                self._bytes += picture.rgb.nbytes
            while self._bytes > self._max_bytes:
                self._bytes -= self._pictures.popitem(last=False)[1].rgb.nbytes
        return picture


PICTURES = PictureCache()
"""The image cache of this process."""


def decode(data: bytes) -> Rgb:
    """Decode untrusted bytes to uint8 (H, W, 3), upright, with transparent parts on black.

    Raises:
        BadImage: they are no supported image; its text is the sentence to show.
    """
    check_bytes(len(data))
    with _open(data) as image:
        _check_pixels(*image.size)
        _check_frames(image)
        return np.array(_to_rgb(_load(image)), dtype=np.uint8)


def check_bytes(size: int) -> None:
    """Refuse a file by its length in bytes."""
    if size == 0:
        raise BadImage("The file is empty (0 bytes); export the cell again and retry.")
    if size > MAX_BYTES:
        raise BadImage(
            f"The file has {size / 2**20:.0f} MB, more than the {MAX_BYTES // 2**20} MB that are "
            "read; crop it to one cell and retry."
        )


def find_cell(rgb: Rgb) -> Mask:
    """Segment the cell, as a mask (H, W), in an image (H, W, 3) of one cell on black.

    Conservative on purpose: refuses, by BadImage, only images without any cell.
    """
    mask = cells.mask_of(rgb)
    share = float(mask.mean())
    if share < _CELL_SHARE[0]:
        raise BadImage(
            "No cell was found in the picture; use one cell, cut out, on a black background."
        )
    if share > _CELL_SHARE[1] or not _is_black_around(rgb, mask):
        raise BadImage(
            "The background is not black, so this is not a cut-out cell; "
            "cut one cell out, set everything around it to black and retry."
        )
    if not _is_in_the_middle(mask):
        raise BadImage(
            f"The cell reaches beyond the middle {cells.NATIVE_SIDE} x {cells.NATIVE_SIDE} pixels; "
            "crop the picture around the cell, without enlarging it, and retry."
        )
    return mask


def _is_black_around(rgb: Rgb, mask: Mask) -> bool:
    dark = np.maximum(np.maximum(rgb[..., 0], rgb[..., 1]), rgb[..., 2]) < _DARK
    border = np.concatenate([dark[0], dark[-1], dark[:, 0], dark[:, -1]])
    return bool(border.mean() >= _MIN_DARK_BORDER and dark[~mask].mean() >= _MIN_DARK_BACKGROUND)


def _is_in_the_middle(mask: Mask) -> bool:
    top, left, bottom, right = cells.frame_of(mask)
    height, width = mask.shape
    above, before = (max(0, (side - cells.NATIVE_SIDE) // 2) for side in (height, width))
    return bool(
        top >= above and left >= before and bottom <= height - above and right <= width - before
    )


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels("The picture declares more") from error
    except Exception as error:  # decoders raise anything on hostile headers
        raise BadImage(_not_an_image(data)) from error


def _not_an_image(data: bytes) -> str:
    if data.startswith(b"GIF8"):
        return "GIF pictures are not read; save the cell as BMP or PNG and retry."
    return (
        "The content is not a readable BMP, PNG, JPEG, TIFF or WebP picture, whatever its name "
        "says; export the cell as BMP or PNG and retry."
    )


def _check_pixels(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise _too_many_pixels(f"The picture has {width} x {height} pixels, more")
    if min(width, height) < MIN_SIDE:
        raise BadImage(
            f"The picture has {width} x {height} pixels, too few to show a cell; "
            f"use one of at least {MIN_SIDE} x {MIN_SIDE} pixels."
        )


def _too_many_pixels(start: str) -> BadImage:
    millions = MAX_PIXELS // 1_000_000
    return BadImage(f"{start} than the {millions} million pixels read; crop it to one cell.")


def _check_frames(image: Image.Image) -> None:
    # Some phones append a preview to a JPEG (MPO): its first frame is the image.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise BadImage(
            "The file holds several frames or pages; save the one picture of the cell by itself."
        )


def _load(image: Image.Image) -> Image.Image:
    try:
        image.load()
        return ImageOps.exif_transpose(image)
    except Exception as error:  # truncated or damaged: decoders raise anything here too
        raise BadImage(
            "The picture is damaged or cut short and can't be decoded; copy or export it again."
        ) from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return _from_16_bit(image)
    if image.mode in {"I", "F"}:
        raise BadImage(
            "The picture stores 32 bits a pixel, whose scale is unknown; save it with 8 bits."
        )
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, rgba).convert("RGB")
    try:
        return image.convert("RGB")
    except ValueError as error:
        raise BadImage(
            f"Pictures of colour mode {image.mode} are not read; save it as RGB and retry."
        ) from error


def _from_16_bit(image: Image.Image) -> Image.Image:
    # Pillow's conversion clips at 255, which would turn every 16-bit image white.
    values = np.asarray(image).astype(np.uint16)
    return Image.fromarray(((values + 128.0) // 257).astype(np.uint8)).convert("RGB")
