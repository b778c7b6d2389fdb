"""Supported formats of pictures: how their content starts, their suffixes, and their limits."""

from dataclasses import dataclass

from allcore.errors import BadImage

MAX_BYTES = 64 * 2**20
MAX_PIXELS = 25_000_000
MAX_FIELD_BYTES = 640 * 2**20
MAX_FIELD_PIXELS = 200_000_000
"""Most pixels of a smear field; one with more than ``MAX_PIXELS`` is large, and read in tiles."""
_MAX_RATIO = 200  # unpacked over packed bytes of a large field; 44 in BCCD, 256 in flat pictures
MIN_SIDE = 64
SEVERAL_FRAMES = (
    "The file holds several frames or pages; save the one picture of the cell by itself."
)


@dataclass(frozen=True)
class ImageFormat:
    """A format that is decoded."""

    media_type: str  # of its files
    suffixes: tuple[str, ...]  # of its files, in lower case
    # the bytes that its files begin with; empty where they stand further in
    starts: tuple[bytes, ...] = ()


FORMATS = {
    "BMP": ImageFormat("image/bmp", (".bmp", ".dib"), (b"BM",)),
    "PNG": ImageFormat("image/png", (".png",), (b"\x89PNG\r\n\x1a\n",)),
    "JPEG": ImageFormat("image/jpeg", (".jpg", ".jpeg", ".jfif", ".jpe"), (b"\xff\xd8\xff",)),
    "TIFF": ImageFormat("image/tiff", (".tif", ".tiff"), (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    "WEBP": ImageFormat("image/webp", (".webp",)),
    "AVIF": ImageFormat("image/avif", (".avif",)),
    "HEIF": ImageFormat("image/heic", (".heic", ".heif", ".hif")),
    "DICOM": ImageFormat("application/dicom", (".dcm",)),
}
"""The formats by Pillow's name."""

SUFFIXES = frozenset(suffix for known in FORMATS.values() for suffix in known.suffixes)
"""Suffixes of the files that are taken for pictures in a data set."""

_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_OTHERS = {
    b"GIF8": "GIF",
    b"8BPS": "Photoshop",
    b"%PDF": "PDF",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\0\0\1\0": "Icon",
    b"P5": "Portable graymap",
    b"P6": "Portable pixmap",
    b"<svg": "SVG",
    b"v/1\1": "OpenEXR",
    b"SIMPLE  =": "FITS",
    b"\x89HDF": "HDF5 (Imaris, BigDataViewer)",
    b"ZISSRAWFILE": "Zeiss CZI",
    b"\xda\xce\xbe\x0a": "Nikon ND2",
    b"\x70\0\0\0": "Leica LIF",
    b"\xd0\xcf\x11\xe0": "Zeiss ZVI, Olympus OIB and other OLE",
}


def sniff(data: bytes) -> str | None:
    """Name of the format that content starts like; None where it is not supported."""
    for name, known in FORMATS.items():
        if data.startswith(known.starts):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        brands = {data[at : at + 4] for at in range(8, min(int.from_bytes(data[:4]), 256), 4)}
        return "AVIF" if brands & {b"avif", b"avis"} else "HEIF" if brands & _HEIF_BRANDS else None
    return "DICOM" if data[128:132] == b"DICM" else None


def other_name(data: bytes) -> str | None:
    """Name of a format that is recognised but not supported; None where it is not known."""
    return next((name for start, name in _OTHERS.items() if data.startswith(start)), None)


def is_large(width: int, height: int) -> bool:
    """Whether a picture has more pixels than are read of anything but a smear field."""
    return width * height > MAX_PIXELS


def check_large(width: int, height: int, size: int) -> None:
    """Refuse a large picture of ``size`` bytes that has too many pixels, or hardly any content."""
    if width * height > MAX_FIELD_PIXELS:
        raise too_many_pixels(f"The picture has {width} x {height} pixels, more", MAX_FIELD_PIXELS)
    if 3 * width * height > _MAX_RATIO * size:
        raise BadImage(
            "The picture unpacks to far more than any smear field would, so it is not read; crop "
            "it and retry."
        )


def check_bytes(size: int, most: int | None = None) -> None:
    """Refuse a file by its length in bytes; ``most`` takes the place of ``MAX_BYTES``."""
    most = MAX_BYTES if most is None else most
    if size == 0:
        raise BadImage("The file is empty (0 bytes); export the cell again and retry.")
    if size > most:
        raise BadImage(
            f"The file has {size / 2**20:.0f} MB, more than the {most // 2**20} MB that are "
            "read; crop it to one cell and retry."
        )


def check_pixels(width: int, height: int, min_side: int = 1) -> None:
    """Refuse a picture by its size in pixels."""
    if width * height > MAX_PIXELS:
        raise too_many_pixels(f"The picture has {width} x {height} pixels, more")
    if min(width, height) < min_side:
        raise BadImage(
            f"The picture has {width} x {height} pixels, too few to show a cell; "
            f"use one of at least {min_side} x {min_side} pixels."
        )


def too_many_pixels(start: str, most: int | None = None) -> BadImage:
    """Refusal of a picture with too many pixels; ``start`` ends before "than".

    ``most`` takes the place of ``MAX_PIXELS``.
    """
    millions = (MAX_PIXELS if most is None else most) // 1_000_000
    return BadImage(
        f"{start} than the {millions} million pixels read; crop it to one cell, or save a smear "
        "field in parts."
    )
