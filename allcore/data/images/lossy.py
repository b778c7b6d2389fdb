"""Signs of damage in formats without checksums: JPEG, WebP, HEIC and AVIF.

A changed bit there gives another picture, mostly without an error. Pictures of cut-out cells have a
background of one value, though: what shifts the values from some place on shifts it too.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import simplejpeg
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from allcore.data.cells import Rgb
from allcore.data.images.container import DAMAGED
from allcore.errors import BadImage

_QUANTISATION, _SCAN = 0xDB, 0xDA
_LUMINANCE = np.array([0.299, 0.587, 0.114])
_TABLE, _OUTLIER = 65, 3
_FLAT_SHARE = 0.9
_DARK = 40
_NOISE = 2


def decode_jpeg(data: bytes) -> Rgb:
    """Decode a JPEG of colour or grey to (H, W, 3).

    Pillow hides libjpeg's warnings, with which it decodes a damaged file to wrong pixels.

    Raises:
        BadImage, ValueError: the file is damaged.
    """
    pixels: Rgb = simplejpeg.decode_jpeg(data, colorspace="RGB", strict=True)
    _check_tables(data)
    lifted, black, step = _with_lifted_black(data)
    means = simplejpeg.decode_jpeg(lifted, min_height=1, min_width=1, min_factor=8)
    if (means @ _LUMINANCE).min() < black - step / 16 - _NOISE:  # no mean is below black
        raise BadImage(DAMAGED)
    _check_sides(means, tolerance=0, dark=black + _DARK)
    return pixels


def check_background(rgb: Rgb) -> None:
    """Refuse a picture whose dark background changes from one side to another.

    Raises:
        BadImage: the file is damaged.
    """
    _check_sides(rgb, tolerance=_NOISE, dark=_DARK)


def _check_sides(rgb: Rgb, *, tolerance: int, dark: float) -> None:
    top, bottom = rgb[0].astype(int), rgb[-1].astype(int)
    value = _middle(top)
    flat = (np.abs(top - value).max(axis=1) <= tolerance).mean() >= _FLAT_SHARE
    last = _middle(bottom)
    if flat and max(value.max(), last.max()) < dark and np.abs(last - value).max() > tolerance:
        raise BadImage(DAMAGED)


def _middle(values: NDArray[np.int_]) -> NDArray[np.int_]:
    ordered: NDArray[np.int_] = np.sort(values, axis=0)  # many times faster than the median
    return np.asarray(ordered[len(values) // 2])


def _check_tables(data: bytes) -> None:
    """Refuse a quantisation table in which one step stands out: tables of programs are smooth."""
    for at in _segments(data):
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] != _QUANTISATION or (length - 2) % _TABLE:  # 16-bit tables are rare
            continue
        tables = (
            data[start + 1 : start + _TABLE] for start in range(at + 4, at + 2 + length, _TABLE)
        )
        if not all(_is_smooth(table) for table in tables):
            raise BadImage(DAMAGED)


@lru_cache(maxsize=256)
def _is_smooth(table: bytes) -> bool:
    steps = np.frombuffer(table, np.uint8).astype(float)
    usual = np.median(sliding_window_view(np.pad(steps, 3, "reflect"), 7), axis=1)
    return bool((np.maximum(steps, usual) <= _OUTLIER * np.minimum(steps, usual) + 3).all())


def _with_lifted_black(data: bytes) -> tuple[bytes, float, int]:
    """The JPEG with half the mean in each block, its black, and the step of its means.

    Halving the first step of the first table moves black away from 0, where decoders clip.
    """
    for at in _segments(data):
        if data[at + 1] == _QUANTISATION and data[at + 4] == 0:
            step = data[at + 5]
            half = max(1, step // 2)
            changed = data[: at + 5] + bytes([half]) + data[at + 6 :]
            return changed, 128 * (1 - half / max(1, step)), half
    return data, 0.0, 1


def _segments(data: bytes) -> Iterator[int]:
    """Yield the places of the segments before the first scan."""
    at = 2
    while at + 4 <= len(data) and data[at + 1] != _SCAN:
        yield at
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
