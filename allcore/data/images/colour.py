"""Conversion to sRGB of pictures whose file states other colours.

The network learnt from sRGB numbers, so the numbers of another colour space give another answer: an
Adobe RGB file of the same cell looks paler to it. What a file states is read from its ICC profile,
from cICP, gAMA and cHRM of PNG, from the headers of BMP, TIFF and HEIC, or from EXIF. A file that
states nothing is sRGB.
"""

import io
import re
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from allcore.data.images import container
from allcore.errors import BadImage

Floats = NDArray[np.float64]

MAX_PROFILE_BYTES = 4 * 2**20
_LEAST_PROFILE = 400
SAME = 2
"""Largest difference of 8-bit values by which a profile still counts as sRGB."""
_NOT_WHITE = 12  # difference by which white or a grey of a sound RGB profile may be off

# x and y of red, green, blue and white.
_SRGB = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
_ADOBE = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.3290)
_CICP_PRIMARIES = {
    1: _SRGB,
    2: _SRGB,
    5: (0.64, 0.33, 0.29, 0.60, 0.15, 0.06, 0.3127, 0.3290),
    6: (0.63, 0.34, 0.31, 0.595, 0.155, 0.07, 0.3127, 0.3290),
    9: (0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.3290),
    11: (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.314, 0.351),
    12: (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.3290),
}
"""Of ITU-T H.273; 2 is unspecified."""
_CICP_SRGB_CURVES, _CICP_GAMMAS = {1, 2, 6, 13, 14, 15}, {4: 2.2, 5: 2.8, 8: 1.0}
_PRIMARIES_TOLERANCE, _GAMMA_TOLERANCE, _CURVE_TOLERANCE = 0.005, 0.1, 0.01
_GAMMAS = (0.4, 4.0)
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_PROFILE = re.compile(rb"(?:RGB |GRAY|CMYK)(?:XYZ |Lab ).{12}acsp", re.DOTALL)
_NCLX = re.compile(rb"colrnclx(....)", re.DOTALL)
_TRANSFER_FUNCTION, _WHITE_POINT, _PRIMARIES, _BLACK_WHITE = 301, 318, 319, 532
_EXIF_IFD, _INTEROPERABILITY_IFD = 0x8769, 0xA005
_COLOUR_SPACE, _ADOBE_RGB = 0xA001, 2
_UNREADABLE = (
    "The colour profile in the picture is damaged or does not fit it, so its colours are unknown; "
    "export the picture as sRGB and retry."
)
_UNUSUAL = (
    "The file states {} that ALLScope does not convert; export the picture as sRGB with 8 bits and "
    "retry."
)


@dataclass(frozen=True)
class RgbSpace:
    """A colour space of three primaries."""

    primaries: tuple[float, ...]  # x and y of red, green, blue and white
    curves: Floats  # (3, 256) linear light, 0 to 1, of the values of each channel

    def to_srgb(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Convert pixels (H, W, 3)."""
        linear = np.stack([self.curves[channel][rgb[..., channel]] for channel in range(3)], axis=2)
        matrix = np.linalg.inv(_to_xyz(_SRGB)) @ _to_xyz(self.primaries)
        return _encoded(linear @ matrix.T)


ColourSpace = RgbSpace | bytes | None
"""Primaries and curves, an ICC profile, or None for sRGB."""


def space_of(image: Image.Image, data: bytes) -> ColourSpace:
    """The colour space that a file states.

    Args:
        image: the opened image, with the format's ``info``.
        data: content of its file.

    Raises:
        BadImage: the file states something that can't be converted.
    """
    stated = _coding(data)
    if stated is not None:
        return _cicp(*stated)
    profile: bytes | None = image.info.get("icc_profile") or _hidden_profile(data)
    if profile:
        return profile
    if data[:2] == b"BM":
        return _of_bmp(data)
    if _has_lost_profile(image, data):
        raise BadImage(_UNREADABLE)
    if "gamma" in image.info or "chromaticity" in image.info:
        return _of_png(image.info)
    return _of_exif(image) or _of_tiff(image)


def to_srgb(image: Image.Image, space: ColourSpace) -> Image.Image:
    """Convert an image to mode RGB in sRGB; one that is in sRGB keeps its values.

    Raises:
        BadImage: its profile or its mode can't be converted.
    """
    if isinstance(space, bytes) and image.mode != "LAB":
        return _by_profile(image, space)
    try:
        rgb = image if image.mode == "RGB" else image.convert("RGB")
    except ValueError as error:
        raise BadImage(
            f"Pictures of colour mode {image.mode} are not read; save it as RGB and retry."
        ) from error
    return (
        rgb if not isinstance(space, RgbSpace) else Image.fromarray(space.to_srgb(np.asarray(rgb)))
    )


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image:
    mode = _profile_mode(profile)
    if (mode == "CMYK") != (image.mode == "CMYK") or (mode == "L" and image.mode not in {"1", "L"}):
        raise BadImage(_UNREADABLE)
    try:
        own = image if image.mode == mode else image.convert(mode)
        transform = _transform(profile, mode)
        if transform is None:
            return own
        converted = ImageCms.applyTransform(own, transform)
    except (ImageCms.PyCMSError, ValueError) as error:
        raise BadImage(_UNREADABLE) from error
    assert converted is not None
    return converted


def _profile_mode(profile: bytes) -> str:
    mode = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}.get(profile[16:20])
    stated = int.from_bytes(profile[:4], "big")
    if mode is None or len(profile) > MAX_PROFILE_BYTES or not 128 < stated <= len(profile):
        raise BadImage(_UNREADABLE)
    return mode


@lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The transform of a profile to sRGB; None where it changes nothing."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        raise BadImage(_UNREADABLE) from error
    if mode != "RGB":
        return transform
    levels = np.linspace(0, 255, 9).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(27, 27, 3)
    converted = ImageCms.applyTransform(Image.fromarray(grid), transform)
    change = np.asarray(converted).astype(int) - grid
    greys = np.asarray(converted).reshape(-1, 3)[:: 81 + 9 + 1].astype(int)
    if np.ptp(greys, axis=1).max() > _NOT_WHITE or greys[-1].min() < 255 - _NOT_WHITE:
        raise BadImage(_UNREADABLE)
    return None if np.abs(change).max() <= SAME else transform


def _has_lost_profile(image: Image.Image, data: bytes) -> bool:
    """True if a file holds a profile to which nothing leads, as damage does."""
    if image.format == "PNG":  # its parts have checksums
        return False
    counts = container.values(getattr(image, "tag_v2", {}), container.STRIP_BYTE_COUNTS, 0)
    rest = len(data) - sum(counts)
    return rest > _LEAST_PROFILE and b"acsp" in data and bool(_PROFILE.search(data))


def _hidden_profile(data: bytes) -> bytes | None:
    """The profile of a BMP, which Pillow does not give."""
    if data[:2] == b"BM" and data[14:18] == b"\x7c\0\0\0" and data[70:74] == b"DEBM":
        start, size = struct.unpack_from("<II", data, 126)
        return data[14 + start : 14 + start + size]
    return None


def _coding(data: bytes) -> tuple[int, int, bool] | None:
    """Primaries, transfer and full range by H.273, of a PNG, HEIC or AVIF file."""
    if data.startswith(b"\x89PNG"):
        for kind, start, _ in container.png_chunks(data):
            if kind == b"cICP":
                primaries, transfer, _, full = data[start : start + 4]
                return primaries, transfer, bool(full)
            if kind == b"IDAT":
                return None
    if data[4:8] == b"ftyp" and (match := _NCLX.search(data)):
        # Their decoders undo the range.
        return *struct.unpack(">HH", match[1]), True
    return None


def _cicp(primaries: int, transfer: int, full: bool) -> ColourSpace:
    if primaries not in _CICP_PRIMARIES:
        raise BadImage(_UNUSUAL.format("primaries"))
    if transfer not in _CICP_GAMMAS and transfer not in _CICP_SRGB_CURVES:
        raise BadImage(_UNUSUAL.format("a high dynamic range or a tone curve"))
    return _space(_CICP_PRIMARIES[primaries], _CICP_GAMMAS.get(transfer), full=full)


def _of_png(info: dict[Any, Any]) -> ColourSpace:
    if "srgb" in info:
        return None
    white_x, white_y, *colours = info.get("chromaticity", (*_SRGB[6:], *_SRGB[:6]))
    return _space((*colours, white_x, white_y), 1 / info["gamma"] if info.get("gamma") else None)


def _of_bmp(data: bytes) -> ColourSpace:
    header = struct.unpack_from("<I", data, 14)[0]
    if header < 108:
        return None
    if data[70:74] == b"KNIL":
        raise BadImage(_UNUSUAL.format("a colour profile in another file"))
    ends = np.array(struct.unpack_from("<9i", data, 74), dtype=float).reshape(3, 3)
    gammas = [value / 2**16 for value in struct.unpack_from("<3I", data, 110)]
    if data[70:74] != b"\0\0\0\0" or not ends.sum(axis=1).all() or not all(gammas):
        return None
    xy = (ends[:, :2] / ends.sum(axis=1, keepdims=True)).ravel()
    gamma = gammas[0]
    return _space((*xy, *_SRGB[6:]), 1 / gamma if gamma < 1 else gamma)


def _of_exif(image: Image.Image) -> ColourSpace:
    """Adobe RGB where a camera states it without a profile."""
    if "exif" not in image.info and _EXIF_IFD not in getattr(image, "tag_v2", {}):
        return None
    exif = image.getexif()
    own = exif.get_ifd(_EXIF_IFD)
    pair = exif.get_ifd(_INTEROPERABILITY_IFD) if _INTEROPERABILITY_IFD in own else {}
    if own.get(_COLOUR_SPACE) == _ADOBE_RGB or pair.get(1) == "R03":
        return _space(_ADOBE, 563 / 256)
    return None


def _of_tiff(image: Image.Image) -> ColourSpace:
    tags = image.info.get("tiff") or getattr(image, "tag_v2", {})
    ends = [float(value) for value in container.values(tags, _BLACK_WHITE, 0)]
    if any(ends) and (ends[0] != 0 or ends[1] not in {255, 65535}):
        raise BadImage(_UNUSUAL.format("a limited range of levels"))
    stated = (
        *container.values(tags, _PRIMARIES, list(_SRGB[:6])),
        *container.values(tags, _WHITE_POINT, list(_SRGB[6:])),
    )
    primaries = tuple(float(value) for value in stated)
    if _TRANSFER_FUNCTION not in tags:
        return _space(primaries, None)
    table = np.array(container.values(tags, _TRANSFER_FUNCTION), dtype=float) / 65535
    table = table.reshape(3 if len(table) % 3 == 0 else 1, -1)
    curves = table[:, np.linspace(0, table.shape[1] - 1, 256).round().astype(int)]
    usual = np.abs(curves - _linear(np.arange(256) / 255)).max() <= _CURVE_TOLERANCE
    if usual and _is_near_srgb(primaries):
        return None
    return RgbSpace(primaries, np.broadcast_to(curves, (3, 256)))


def _space(primaries: tuple[float, ...], gamma: float | None, *, full: bool = True) -> ColourSpace:
    """The space with a gamma, None where the curve is that of sRGB; None if it is sRGB."""
    usual = gamma is None or abs(gamma - 2.2) <= _GAMMA_TOLERANCE
    if _is_near_srgb(primaries) and usual and full:
        return None
    if gamma is not None and not _GAMMAS[0] <= gamma <= _GAMMAS[1]:
        raise BadImage(_UNUSUAL.format("a gamma"))
    levels = np.arange(256) if full else (np.arange(256) - 16.0) * (255 / 219)
    light = np.clip(levels / 255, 0, 1)
    curve = light**gamma if gamma else _linear(light)
    return RgbSpace(primaries, np.broadcast_to(curve, (3, 256)))


def _is_near_srgb(primaries: tuple[float, ...]) -> bool:
    return bool(np.abs(np.subtract(primaries, _SRGB)).max() <= _PRIMARIES_TOLERANCE)


def _to_xyz(primaries: tuple[float, ...]) -> Floats:
    """Matrix (3, 3) from linear RGB to XYZ relative to D65; Bradford's adaptation."""
    xy = np.array(primaries).reshape(4, 2)
    xyz = np.column_stack([xy[:, 0] / xy[:, 1], np.ones(4), (1 - xy.sum(axis=1)) / xy[:, 1]])
    matrix = xyz[:3].T * np.linalg.solve(xyz[:3].T, xyz[3])
    x, y = _SRGB[6:]
    cone, target = _BRADFORD @ xyz[3], _BRADFORD @ np.array([x / y, 1, (1 - x - y) / y])
    adapted: Floats = np.linalg.inv(_BRADFORD) @ np.diag(target / cone) @ _BRADFORD @ matrix
    return adapted


def _linear(values: Floats) -> Floats:
    """Linear light of sRGB values, both 0 to 1."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _encoded(light: Floats) -> NDArray[np.uint8]:
    """8-bit sRGB values of linear light, clipped to 0 to 1."""
    light = np.clip(light, 0, 1)
    values = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return (values * 255 + 0.5).astype(np.uint8)
