"""Damage of picture files at random, byte by byte and in the structure of their format."""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence

Mutation = Callable[[bytes, random.Random], bytes]


# Mutations of any file.


def _flip(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 8))):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _flip_head(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.choice((1, 2, 4))):
        changed[draw.randrange(min(len(changed), 200))] = draw.randrange(256)
    return bytes(changed)


def _truncate(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data))]


def _cut_run(data: bytes, draw: random.Random) -> bytes:
    at, length = draw.randrange(len(data)), draw.choice((1, 2, 64, 4096))
    return data[:at] + data[at + length :]


def _insert_run(data: bytes, draw: random.Random) -> bytes:
    at, length = draw.randrange(len(data)), draw.choice((1, 2, 64, 4096))
    return data[:at] + draw.randbytes(length) + data[at:]


def _zero_run(data: bytes, draw: random.Random) -> bytes:
    at, length = draw.randrange(len(data)), draw.choice((16, 512, 4096))
    return data[:at] + bytes(len(data[at : at + length])) + data[at + length :]


def _repeat_run(data: bytes, draw: random.Random) -> bytes:
    at, length = draw.randrange(len(data)), draw.choice((16, 512, 4096))
    return data[:at] + 2 * data[at : at + length] + data[at + length :]


def _append(data: bytes, draw: random.Random) -> bytes:
    return data + draw.randbytes(draw.choice((1, 100, 5000)))


def _nest(data: bytes, draw: random.Random) -> bytes:
    """The file in an archive, in an archive."""
    for _ in range(draw.choice((1, 2))):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("cell.bmp", data)
        data = buffer.getvalue()
    return data


# Mutations of the structure of a format.


def _number(draw: random.Random, now: int, bits: int) -> int:
    """A value that a careless or hostile writer puts into a field."""
    top = (1 << bits) - 1
    near = (now + 1, now - 1, now // 2, now * 2, now + draw.randrange(2, 40))
    return draw.choice((0, 1, top, top >> 1, (top >> 1) + 1, draw.randrange(top), *near)) & top


def _bmp_field(data: bytes, draw: random.Random) -> bytes:
    at, form = draw.choice(((2, "<I"), (10, "<I"), (14, "<I"), (18, "<I"), (22, "<I"), (26, "<H"),
                            (28, "<H"), (30, "<I"), (34, "<I"), (46, "<I")))  # fmt: skip
    (now,) = struct.unpack_from(form, data, at)
    changed = bytearray(data)
    struct.pack_into(form, changed, at, _number(draw, now, 32 if form == "<I" else 16))
    return bytes(changed)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + 8 + length]
        at += 12 + length


def _png(chunks: Sequence[tuple[bytes, bytes]]) -> bytes:
    packed = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def _png_header(data: bytes, draw: random.Random) -> bytes:
    """Fields of the header changed, with a right checksum."""
    (kind, header), *rest = _png_chunks(data)
    fields = list(struct.unpack(">IIBBBBB", header))
    place = draw.randrange(7)
    fields[place] = _number(draw, fields[place], 32 if place < 2 else 8)
    return _png([(kind, struct.pack(">IIBBBBB", *fields)), *rest])


def _png_order(data: bytes, draw: random.Random) -> bytes:
    """A chunk left out, put twice, or swapped with the next one."""
    chunks = list(_png_chunks(data))
    at = draw.randrange(len(chunks))
    way = draw.randrange(3)
    if way == 0:
        del chunks[at]
    elif way == 1:
        chunks.insert(at, chunks[at])
    else:
        chunks[at : at + 2] = chunks[at : at + 2][::-1]
    return _png(chunks)


def _png_addition(data: bytes, draw: random.Random) -> bytes:
    """A chunk that states something odd, or unpacks to very much."""
    header, *rest = _png_chunks(data)
    bomb = zlib.compress(bytes(2**26), 9)
    added = draw.choice((
        (b"gAMA", struct.pack(">I", draw.choice((0, 1, 45455, 2**31 - 1)))),
        (b"iCCP", b"x\0\0" + bomb), (b"iCCP", b"x\0\0" + zlib.compress(draw.randbytes(400))),
        (b"zTXt", b"x\0\0" + bomb), (b"iTXt", b"x\0\1\0\0\0" + bomb), (b"tRNS", draw.randbytes(6)),
        (b"cICP", draw.randbytes(4)), (b"cHRM", draw.randbytes(32)), (b"acTL", draw.randbytes(8)),
        (b"eXIf", b"MM\0*" + draw.randbytes(60)), (b"sBIT", draw.randbytes(3)),
    ))  # fmt: skip
    return _png([header, added, *rest])


def _png_bomb(data: bytes, draw: random.Random) -> bytes:
    header, *rest = _png_chunks(data)
    return _png([header, (b"IDAT", zlib.compress(bytes(2**27), 9)), rest[-1]])


def _jpeg_segments(data: bytes) -> list[tuple[int, int]]:
    """Start and length of each segment before the pixels."""
    at, segments = 2, []
    while data[at + 1] != 0xDA:
        length = struct.unpack_from(">H", data, at + 2)[0]
        segments.append((at, 2 + length))
        at += 2 + length
    return [*segments, (at, 2 + struct.unpack_from(">H", data, at + 2)[0])]


def _jpeg_length(data: bytes, draw: random.Random) -> bytes:
    at, _ = draw.choice(_jpeg_segments(data))
    changed = bytearray(data)
    now = struct.unpack_from(">H", data, at + 2)[0]
    struct.pack_into(">H", changed, at + 2, _number(draw, now, 16))
    return bytes(changed)


def _jpeg_order(data: bytes, draw: random.Random) -> bytes:
    """A segment left out or put twice."""
    at, length = draw.choice(_jpeg_segments(data))
    return data[:at] + draw.choice((b"", 2 * data[at : at + length])) + data[at + length :]


def _jpeg_size(data: bytes, draw: random.Random) -> bytes:
    at = next(start for start, _ in _jpeg_segments(data) if data[start + 1] in {0xC0, 0xC2})
    changed, place = bytearray(data), at + draw.choice((5, 7))
    now = struct.unpack_from(">H", data, place)[0]
    struct.pack_into(">H", changed, place, _number(draw, now, 16))
    return bytes(changed)


def _tiff_tag(data: bytes, draw: random.Random) -> bytes:
    """Code, type, count or value of a tag out of its range."""
    start = int.from_bytes(data[4:8], "little")
    (count,) = struct.unpack_from("<H", data, start)
    entry = start + 2 + 12 * draw.randrange(count)
    offset, form = draw.choice(((0, "<H"), (2, "<H"), (4, "<I"), (8, "<I"), (8, "<I"), (8, "<I")))
    (now,) = struct.unpack_from(form, data, entry + offset)
    changed = bytearray(data)
    struct.pack_into(form, changed, entry + offset, _number(draw, now, 32 if form == "<I" else 16))
    return bytes(changed)


def _tiff_directory(data: bytes, draw: random.Random) -> bytes:
    """A directory elsewhere, of another length, or followed by itself."""
    start = int.from_bytes(data[4:8], "little")
    (count,) = struct.unpack_from("<H", data, start)
    changed = bytearray(data)
    way = draw.randrange(3)
    if way == 0:
        struct.pack_into("<I", changed, 4, _number(draw, start, 32))
    elif way == 1:
        struct.pack_into("<H", changed, start, _number(draw, count, 16))
    else:
        struct.pack_into("<I", changed, start + 2 + 12 * count, draw.choice((start, 8, 2**31)))
    return bytes(changed)


def _riff_size(data: bytes, draw: random.Random) -> bytes:
    changed, at = bytearray(data), draw.choice((4, 16))
    (now,) = struct.unpack_from("<I", data, at)
    struct.pack_into("<I", changed, at, _number(draw, now, 32))
    return bytes(changed)


def _box_size(data: bytes, draw: random.Random) -> bytes:
    places = [
        data.index(name) - 4 for name in (b"ftyp", b"meta", b"ispe", b"colr", b"iloc", b"mdat")
    ]
    changed, at = bytearray(data), draw.choice(places)
    (now,) = struct.unpack_from(">I", data, at)
    struct.pack_into(">I", changed, at, _number(draw, now, 32))
    return bytes(changed)


BYTE_LEVEL: dict[str, Mutation] = {
    "flip": _flip, "flip in the head": _flip_head, "truncate": _truncate, "cut": _cut_run,
    "insert": _insert_run, "zero": _zero_run, "repeat": _repeat_run, "append": _append,
    "nest": _nest,
}  # fmt: skip
STRUCTURES: dict[str, dict[str, Mutation]] = {
    "BMP": {"field": _bmp_field, "field 2": _bmp_field},
    "PNG": {"header": _png_header, "order": _png_order, "addition": _png_addition,
            "bomb": _png_bomb},
    "JPEG": {"length": _jpeg_length, "order": _jpeg_order, "size": _jpeg_size},
    "TIFF": {"tag": _tiff_tag, "tag 2": _tiff_tag, "directory": _tiff_directory},
    "WEBP": {"size": _riff_size},
    "AVIF": {"box": _box_size},
}  # fmt: skip
