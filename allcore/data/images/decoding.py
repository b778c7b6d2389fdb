"""The one decoder of pictures: untrusted bytes to RGB pixels in sRGB.

Data sets, predictions, uploads and archives all use it, so that a file gives the same pixels
however it comes in. The order of the checks matters: bytes, format, pixels, frames, container,
mode. Each check is cheaper than the next one, and nothing is decoded before its size is known.
"""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageFile, ImageOps

from allcore.data.cells import Rgb
from allcore.data.images import bit_depth, colour, container, lossy, scientific
from allcore.data.images.formats import (
    FORMATS,
    MAX_FIELD_BYTES,
    MAX_FIELD_PIXELS,
    MIN_SIDE,
    SEVERAL_FRAMES,
    check_bytes,
    check_large,
    check_pixels,
    is_large,
    other_name,
    sniff,
    too_many_pixels,
)
from allcore.errors import BadImage

# Pillow warns between its limit and twice of it; MAX_PIXELS refuses long before that.
Image.MAX_IMAGE_PIXELS = MAX_FIELD_PIXELS
warnings.simplefilter("ignore", Image.DecompressionBombWarning)

_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf", b"BZh", b"\xfd7zXZ")
"""Starts of ZIP, gzip, RAR, 7-Zip, bzip2 and XZ."""


def decode(data: bytes, *, min_side: int = MIN_SIDE, large: bool = False) -> Rgb:
    """Decode untrusted bytes to uint8 (H, W, 3) in sRGB, upright, transparent parts on black.

    Args:
        data: content of a file.
        min_side: least width and height in pixels.
        large: whether it may have as many pixels as a large smear field; the caller judges whether
            it is one.

    Raises:
        BadImage: they are no supported image; its text is the sentence to show.
    """
    check_bytes(len(data), MAX_FIELD_BYTES if large else None)
    kind = sniff(data)
    if kind is None:
        raise BadImage(_not_an_image(data))
    with scientific.read_dicom(data) if kind == "DICOM" else _open(data, kind) as image:
        if large and is_large(*image.size):
            check_large(*image.size, len(data))
        else:
            check_bytes(len(data))
            check_pixels(*image.size, min_side)
        _check_frames(image)
        try:
            return _pixels(data, kind, image)
        except BadImage:
            raise
        except Exception as error:  # truncated or damaged: decoders raise anything here too
            raise BadImage(container.DAMAGED) from error


def decode_file(path: Path, *, min_side: int = MIN_SIDE) -> Rgb:
    """Decode a file as ``decode`` does.

    Raises:
        BadImage: it is no supported image.
        OSError: it can't be read.
    """
    check_bytes(path.stat().st_size)
    return decode(path.read_bytes(), min_side=min_side)


def is_large_picture(data: bytes) -> bool:
    """Whether content is of a picture with more pixels than are read of a single cell."""
    kind = sniff(data)
    if kind in (None, "DICOM"):
        return False
    try:
        with _open(data, str(kind)) as image:
            return is_large(*image.size)
    except BadImage:
        return False


def media_type(data: bytes) -> str | None:
    """Media type of an image's content; None where it is not supported."""
    kind = sniff(data)
    return None if kind is None else FORMATS[kind].media_type


def _open(data: bytes, kind: str) -> Image.Image:
    if kind == "HEIF":
        import pi_heif

        pi_heif.register_heif_opener()
    try:
        return Image.open(io.BytesIO(data), formats=(kind,))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise too_many_pixels("The picture declares more") from error
    except Exception as error:  # decoders raise anything on hostile headers
        if kind == "TIFF":
            return scientific.read_tiff(data)
        raise BadImage(_not_an_image(data)) from error


def _not_an_image(data: bytes) -> str:
    if data.startswith(b"version https://git-lfs"):
        return (
            "The file is a pointer of Git LFS in place of a picture; run git lfs pull in its "
            "folder and retry."
        )
    if data.startswith(_ARCHIVES) or data[257:262] == b"ustar":
        return "The file is an archive; unpack it, or give it as a .zip file, and retry."
    if name := other_name(data):
        return f"{name} pictures are not read; save the cell as BMP or PNG and retry."
    return (
        "The content is not a readable BMP, PNG, JPEG, TIFF or WebP picture (nor HEIC, AVIF or "
        "DICOM), whatever its name says; export the cell as BMP or PNG and retry."
    )


def _check_frames(image: Image.Image) -> None:
    # Some phones append a preview to a JPEG (MPO): its first frame is the image.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise BadImage(SEVERAL_FRAMES)


def _pixels(data: bytes, kind: str, image: Image.Image) -> Rgb:
    if isinstance(image, ImageFile.ImageFile):
        container.check(data, kind, image)
        if kind == "JPEG" and image.mode in {"L", "RGB"}:
            pixels = lossy.decode_jpeg(data)
            if _is_upright(image) and colour.space_of(image, data) is None:
                return pixels
            image = _with_info(Image.fromarray(pixels).convert(image.mode), image)
        elif kind == "TIFF" and scientific.is_scientific(image.tag_v2):  # type: ignore[attr-defined]
            image = scientific.read_opened_tiff(data, image)
        elif kind == "PNG" and bit_depth.is_deep_png(data):
            image = _with_info(bit_depth.read_deep_png(data, image), image)
    if not _is_upright(image):
        ImageOps.exif_transpose(image, in_place=True)
    rgb: Rgb = np.array(_to_rgb(image, data))
    if kind in {"WEBP", "AVIF", "HEIF"}:
        lossy.check_background(rgb)
    return rgb


def _with_info(pixels: Image.Image, opened: Image.Image) -> Image.Image:
    pixels.info = {key: value for key, value in opened.info.items() if key != "transparency"}
    return pixels


def _is_upright(image: Image.Image) -> bool:
    return bool(image.getexif().get(ExifTags.Base.Orientation, 1) == 1)


def _to_rgb(image: Image.Image, data: bytes) -> Image.Image:
    if image.mode in {"I", "F"}:
        raise BadImage(
            "The picture stores 32 bits a pixel, whose scale is unknown; save it with 8 bits."
        )
    space = colour.space_of(image, data)
    if not image.has_transparency_data:
        return colour.to_srgb(image, space)
    rgba = image.convert("RGBA")
    alpha = rgba.getchannel("A")
    own = image.convert("L") if image.mode == "LA" else rgba.convert("RGB")
    opaque = colour.to_srgb(own, space)
    darkest, lightest = alpha.getextrema()
    if darkest == lightest:  # tools that leave alpha empty mean an opaque picture
        return opaque
    opaque.putalpha(alpha.point(lambda value: value * 255 / lightest))  # masks of 0 and 1, too
    black = Image.new("RGBA", opaque.size, (0, 0, 0, 255))
    return Image.alpha_composite(black, opaque).convert("RGB")
