"""Checks that the parts of a file agree with each other: a contradiction shows damage.

Decoders are lenient: they fill in what is missing and ignore what is left over. That suits a
viewer, not a measurement, where a wrong width shears the cell without a word.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from PIL import Image

from allcore.errors import BadImage

DAMAGED = "The picture is damaged or cut short and can't be decoded; copy or export it again."

_TRAILING = 8
"""Bytes that some programs write behind all others."""
_RAW_BMP = {0, 3, 6}
_OS2_HEADER, _V5_HEADER = 12, 124
_DEFLATE = {8, 32946}
_WIDTH, _HEIGHT, _BITS, _COMPRESSION = 256, 257, 258, 259
_OFFSETS, _SAMPLES, _ROWS, STRIP_BYTE_COUNTS, _PLANAR = 273, 277, 278, 279, 284
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_COUNTS = 322, 323, 324, 325
_SEPARATE = 2
_BOX_HEADER = 8
_DIRECTORIES = {330, 34665, 34853}
_TYPE_BYTES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_VALUE_BYTES = 4


def check(data: bytes, kind: str, image: Image.Image) -> None:
    """Refuse a file whose parts contradict each other.

    Args:
        data: its content.
        kind: its format.
        image: the same, opened.

    Raises:
        BadImage: the file is damaged.
    """
    try:
        if kind == "PNG":
            _check_png(data)
        elif kind == "BMP":
            _check_bmp(data)
        elif kind == "TIFF":
            check_tiff(data, image.tag_v2)  # type: ignore[attr-defined]
        elif kind == "WEBP":
            _require(list(riff_chunks(data)) != [])
        elif kind in {"HEIF", "AVIF"}:
            _check_boxes(data)
    except (struct.error, zlib.error, IndexError, TypeError, ValueError) as error:
        raise BadImage(DAMAGED) from error


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, start and end of the content of each chunk of a PNG up to its last one."""
    at = 8
    kind = b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, at + 8, at + 8 + length
        at += 12 + length


def riff_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, start and end of the content of each chunk of a WebP."""
    end = 8 + int.from_bytes(data[4:8], "little")
    at = 12
    while at < end:
        kind, length = struct.unpack_from("<4sI", data, at)
        _require(at + 8 + length <= min(end, len(data)))
        yield kind, at + 8, at + 8 + length
        at += 8 + length + length % 2


def values(tags: Mapping[int, Any], code: int, default: Any = None) -> tuple[Any, ...]:
    """All values of a TIFF tag, or the default one."""
    value = tags.get(code, default)
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def check_tiff(data: bytes, tags: Mapping[int, Any]) -> None:
    """Refuse a TIFF whose strips or tiles don't fit its size.

    Raises:
        BadImage: the file is damaged.
    """
    tiled = _TILE_WIDTH in tags
    offsets = values(tags, _TILE_OFFSETS if tiled else _OFFSETS, ())
    counts = values(tags, _TILE_COUNTS if tiled else STRIP_BYTE_COUNTS, ())
    sizes = _tile_sizes(tags) if tiled else _strip_sizes(tags)
    _require(len(offsets) == len(counts) == len(sizes))
    parts = sorted(zip(offsets, counts, strict=True))
    end = max(parts[-1][0] + parts[-1][1], _end_of_directory(data))
    _require(end <= len(data) <= end + _TRAILING)
    ends = (start + length for start, length in parts)
    _require(all(end <= start for end, (start, _) in zip(ends, parts[1:], strict=False)))
    (compression,) = values(tags, _COMPRESSION, 1)
    if compression == 1:
        _require(counts == tuple(sizes))
    elif compression in _DEFLATE:
        for start, length, size in zip(offsets, counts, sizes, strict=True):
            _require(_inflated(data[start : start + length], size) == size)


def _end_of_directory(data: bytes) -> int:
    """Place behind all but the strips that the directory of a TIFF leads to.

    It is the end of the file where that is unknown. Bytes behind it and the strips moved there when
    others were put in.
    """
    if data[:4] not in {b"II*\0", b"MM\0*"}:
        return len(data)
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, start)
    end: int = start + 2 + 12 * count + 4
    for at in range(start + 2, start + 2 + 12 * count, 12):
        code, kind, number, value = struct.unpack_from(f"{order}HHII", data, at)
        size = number * _TYPE_BYTES.get(kind, 1)
        if code in _DIRECTORIES:
            return len(data)
        end = max(end, value + size if size > _VALUE_BYTES else 0)
    return end


def _check_png(data: bytes) -> None:
    view = memoryview(data)
    for _, start, end in png_chunks(data):
        (stated,) = struct.unpack_from(">I", data, end)
        _require(zlib.crc32(view[start - 4 : end]) == stated)


def _check_bmp(data: bytes) -> None:
    offset, header = struct.unpack_from("<II", data, 10)
    width, height, _, bits, compression = (
        (*struct.unpack_from("<HHHH", data, 18), 0)
        if header == _OS2_HEADER
        else struct.unpack_from("<iiHHI", data, 18)
    )
    if compression not in _RAW_BMP:
        return
    rest = len(data) - offset - (width * bits + 31) // 32 * 4 * abs(height)
    profile = struct.unpack_from("<I", data, 130)[0] if header >= _V5_HEADER else 0
    _require(offset >= 14 + header and (0 <= rest <= _TRAILING or rest == profile))


def _check_boxes(data: bytes) -> None:
    """The boxes of HEIC and AVIF fill the file; a size of 0 reaches to its end, 1 is a long one."""
    at = 0
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, at + 8)
        _require(size == 0 or size >= _BOX_HEADER)
        at = len(data) if size == 0 else at + size
    _require(at == len(data))


def _strip_sizes(tags: Mapping[int, Any]) -> list[int]:
    """Bytes of each strip, not compressed."""
    rows, height = _number(tags, _ROWS, 2**32 - 1), _number(tags, _HEIGHT)
    lengths = [min(rows, height - top) for top in range(0, height, rows)]
    return [length * _row_bytes(tags, _number(tags, _WIDTH)) for length in lengths] * _planes(tags)


def _tile_sizes(tags: Mapping[int, Any]) -> list[int]:
    """Bytes of each tile, not compressed."""
    width, height = _number(tags, _TILE_WIDTH), _number(tags, _TILE_HEIGHT)
    across, down = -(-_number(tags, _WIDTH) // width), -(-_number(tags, _HEIGHT) // height)
    return [height * _row_bytes(tags, width)] * (across * down * _planes(tags))


def _row_bytes(tags: Mapping[int, Any], width: int) -> int:
    samples = 1 if _planes(tags) > 1 else _number(tags, _SAMPLES, 1)
    return -(-width * samples * int(max(values(tags, _BITS, 1))) // 8)


def _planes(tags: Mapping[int, Any]) -> int:
    separate = _number(tags, _PLANAR, 1) == _SEPARATE
    return _number(tags, _SAMPLES, 1) if separate else 1


def _number(tags: Mapping[int, Any], code: int, default: int | None = None) -> int:
    (value,) = values(tags, code, default)
    return int(value)


def _inflated(packed: bytes, most: int) -> int:
    """Bytes that deflated data unpacks to, at most one more than ``most``."""
    unpacker = zlib.decompressobj()
    size = len(unpacker.decompress(packed, most + 1))
    _require(unpacker.eof)
    return size


def _require(agrees: bool) -> None:
    if not agrees:
        raise BadImage(DAMAGED)
