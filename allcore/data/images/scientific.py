"""TIFF and DICOM files of microscopes, which Pillow does not decode or decodes wrongly."""

import io
import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from allcore.data.images import bit_depth, container
from allcore.data.images.formats import SEVERAL_FRAMES, check_pixels
from allcore.errors import BadImage

if TYPE_CHECKING:
    from pydicom import Dataset
    from tifffile import TiffPage, TiffTag

_BITS, _COMPRESSION, _DESCRIPTION, _ORIENTATION = 258, 259, 270, 274
_MAX_SAMPLE, _PLANAR, _ICC, _MICRO_MANAGER = 281, 284, 34675, 51123
_READ_COMPRESSIONS = {
    1,
    8,
    32946,
}  # none, deflate: for others tifffile needs a package
_DEPTH = re.compile(r'SignificantBits="(\d+)"|"BitDepth": ?"?(\d+)')
"""Bit depth as OME-TIFF and Micro-Manager state it."""
_BYTE, _WORD = 8, 16
_PIXELS, _BEHIND_PIXELS = 0x7FE00010, {0xFFFAFFFA, 0xFFFCFFFC}  # signatures, padding
_UNDEFINED = 0xFFFFFFFF
_WHITE_IS_ZERO, _RGB, _RATIONAL = 0, 2, 5


def is_scientific(tags: Mapping[int, Any]) -> bool:
    """True if a TIFF has samples of 9 to 16 bits."""
    return bool(_BYTE < max(container.values(tags, _BITS, 1)) <= _WORD)


def read_tiff(data: bytes) -> Image.Image:
    """Decode a TIFF by tifffile.

    Returns:
        an 8-bit image; ``info`` has the profile, and the file's tags in ``tiff``.

    Raises:
        BadImage: it can't be decoded, or what its numbers mean is unclear.
    """
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # the refusal says it
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            if len(file.pages) > 1:
                raise BadImage(SEVERAL_FRAMES)
            page: TiffPage = file.pages.first
            return _of_page(data, page, {tag.code: _value(tag) for tag in page.tags})
    except BadImage:
        raise
    except Exception as error:  # hostile or unsupported files raise anything
        raise BadImage(
            "The TIFF file is damaged or compressed in a way that is not read; save it "
            "uncompressed with 8 bits a value and retry."
        ) from error


def read_opened_tiff(data: bytes, image: Image.Image) -> Image.Image:
    """Decode a TIFF with more than 8 bits that Pillow has opened, as ``read_tiff`` does.

    Pillow reads the compressions that tifffile does not. It drops the low byte of a colour.
    """
    tags: Mapping[int, Any] = image.tag_v2  # type: ignore[attr-defined]
    readable = image.mode == "RGB" and container.values(tags, _PLANAR, 1) == (1,)
    if container.values(tags, _COMPRESSION, 1)[0] in _READ_COMPRESSIONS or not readable:
        return read_tiff(data)
    image.load()
    high = np.asarray(image).astype(np.uint16) * np.uint16(256)
    bit_depth.to_8_bits(high + np.uint16(1), _stated_depth(tags))  # 1: not widened from 8 bits
    return image


def read_dicom(data: bytes) -> Image.Image:
    """Decode a DICOM file of one frame.

    Returns:
        an 8-bit image; ``info`` has the profile.

    Raises:
        BadImage: it can't be decoded, or holds several frames or signed values.
    """
    import pydicom
    from pydicom.pixels.utils import pixel_array

    try:
        file = pydicom.dcmread(io.BytesIO(data))
        check_pixels(int(file.Columns), int(file.Rows))
        if not _is_used_up(file, len(data)):
            raise BadImage(container.DAMAGED)
        if int(file.get("NumberOfFrames") or 1) > 1:
            raise BadImage(SEVERAL_FRAMES)
        if file.PixelRepresentation:
            raise BadImage(_scale_unknown("signed numbers"))
        samples = pixel_array(file).astype(np.uint16)
    except BadImage:
        raise
    except Exception as error:  # hostile or unsupported files raise anything
        raise BadImage(
            "The DICOM file is damaged or compressed in a way that is not read; save the cell as "
            "BMP or PNG and retry."
        ) from error
    bits = int(file.BitsStored)
    if file.PhotometricInterpretation == "MONOCHROME1":
        samples = np.uint16((1 << bits) - 1) - samples
    image = bit_depth.as_image(samples.reshape(*samples.shape[:2], -1), bits)
    if profile := _dicom_profile(file):
        image.info["icc_profile"] = profile
    return image


def _of_page(data: bytes, page: "TiffPage", tags: dict[int, Any]) -> Image.Image:
    check_pixels(page.imagewidth, page.imagelength)
    if page.compression not in _READ_COMPRESSIONS:
        raise ValueError(page.compression)
    container.check_tiff(data, tags)
    if page.sampleformat != 1 or page.bitspersample > _WORD:
        kind = "signed or floating numbers" if page.sampleformat != 1 else "more than 16 bits"
        raise BadImage(_scale_unknown(kind))
    if page.photometric > _RGB or page.samplesperpixel > 4:
        raise BadImage(
            "TIFF files of other colour models than grey and RGB are not read with 16 bits; save "
            "the cell as RGB with 8 bits and retry."
        )
    planes, _, height, width, last = page.shaped
    stored = page.asarray().reshape(planes, height, width, last).transpose(1, 2, 0, 3)
    samples = stored.reshape(height, width, planes * last).astype(np.uint16)
    bits = _stated_depth(tags)
    if page.photometric == _WHITE_IS_ZERO:
        samples = np.uint16((1 << (bits or _WORD)) - 1) - samples
    image = bit_depth.as_image(samples, bits)
    image.info = {"tiff": tags}
    if _ICC in tags:
        image.info["icc_profile"] = bytes(tags[_ICC])
    image.getexif()[_ORIENTATION] = tags.get(_ORIENTATION, 1)
    return image


def _value(tag: "TiffTag") -> Any:
    if tag.dtype != _RATIONAL:
        return tag.value
    parts = iter(tag.value)
    return tuple(over / under for over, under in zip(parts, parts, strict=True))


def _stated_depth(tags: Mapping[int, Any]) -> int | None:
    """Bit depth that a TIFF states; None where it only has the size of its container."""
    container_bits = max(container.values(tags, _BITS, 1))
    if container_bits != _WORD:
        return int(container_bits)
    text = f"{tags.get(_DESCRIPTION, '')} {tags.get(_MICRO_MANAGER, '')}"
    if match := _DEPTH.search(text.replace("'", '"')):
        return int(match[1] or match[2])
    largest = int(max(container.values(tags, _MAX_SAMPLE, 0)))
    # A largest value is a statistic, unless it is the end of a range.
    return largest.bit_length() if largest > 255 and (largest + 1) & largest == 0 else None


def _is_used_up(file: "Dataset", size: int) -> bool:
    """True unless bytes lie behind the pixels: they moved there when others were put in."""
    pixels: Any = file.get_item(_PIXELS)
    if list(file.keys())[-1] != _PIXELS:
        return max(file.keys()) in _BEHIND_PIXELS
    return bool(pixels.length == _UNDEFINED or pixels.value_tell + pixels.length == size)


def _dicom_profile(file: "Dataset") -> bytes | None:
    paths = file.get("OpticalPathSequence") or [file]
    profile: bytes | None = paths[0].get("ICCProfile")
    return profile


def _scale_unknown(kind: str) -> str:
    return f"The picture stores {kind}, whose scale is unknown; save it with 8 bits and retry."
