"""Mutated pictures through `predict` and the upload path of one process.

``python -m benchmarks.mutations [--pictures N] [--seed S]``: every file is a drawn cell in one of
eight formats that was damaged at random. It must be refused or get the answer of the sound file,
the same on both paths, and memory must not grow.
"""

import io
import random
import struct
import sys
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import tifffile
import typer
from PIL import Image

from allcore.errors import AllScopeError
from allcore.inference import image_sources, streaming
from allcore.inference.jobs import PredictionJob
from allcore.inference.predictor import Predictor
from allcore.inference.results import PredictedRow
from allcore.synthetic import dataset
from benchmarks import inputs

TOLERANCE = 0.02
BATCH = 100
CELLS = 6
PLANES = "TIFF planes"
ENCODINGS: dict[str, dict[str, object]] = {
    "BMP": {},
    "PNG": {},
    "JPEG": {"quality": 95},
    "TIFF": {},
    "TIFF deflate": {"compression": "tiff_adobe_deflate"},
    PLANES: {},
    "WEBP": {"quality": 95},
    "AVIF": {"quality": 95, "speed": 9},
}
"""Options of Pillow by format."""

Mutation = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True)
class SoundFile:
    """A sound file and its answer, None where it is refused."""

    kind: str
    data: bytes
    p_all: float | None


@dataclass(frozen=True)
class Violation:
    """A mutated picture with another answer, or with two answers."""

    number: int
    kind: str
    mutation: str
    expected: float | None
    answers: tuple[float | None, ...]


@dataclass
class Report:
    """Counts of the run; ``memory`` holds megabytes in use, one value a batch."""

    pictures: int = 0
    answered: int = 0
    violations: list[Violation] = field(default_factory=list)
    crashes: Counter[str] = field(default_factory=Counter)
    memory: list[float] = field(default_factory=list)

    @property
    def grown(self) -> float:
        """Megabytes by which memory grew after the first tenth of the batches."""
        start = self.memory[len(self.memory) // 10 :]
        return max(start) - start[0] if start else 0.0


def run(predictor: Predictor, sound: Sequence[SoundFile], *, pictures: int, seed: int) -> Report:
    """Mutate and predict; picture number n is the same for every count of pictures."""
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        for first in range(0, pictures, BATCH):
            numbers = range(first, min(first + BATCH, pictures))
            _run_batch(predictor, [mutated(sound, seed, n) for n in numbers], Path(folder), report)
            report.memory.append(memory_in_use())
    return report


def mutated(
    sound: Sequence[SoundFile], seed: int, number: int
) -> tuple[int, SoundFile, str, bytes]:
    """Mutated picture of a number: the number, its sound file, the mutation and the content."""
    draw = random.Random(seed * 1_000_003 + number)
    file = draw.choice(sound)
    own = STRUCTURES[file.kind.split()[0]]
    name, mutation = draw.choice([*BYTE_LEVEL.items(), *own.items()])
    return number, file, name, mutation(file.data, draw)


def sound_files(predictor: Predictor, paths: Sequence[Path]) -> list[SoundFile]:
    """Each cell in each format, with its answer."""
    files = []
    for path in paths:
        with Image.open(path) as image:
            cell = image.convert("RGB")
        files += [(kind, _encoded(cell, kind)) for kind in ENCODINGS]
    sources = [_source(f"{n}", data) for n, (_, data) in enumerate(files)]
    rows = streaming.stream_predictions(predictor, sources)
    answers = [streamed.row.p_all for streamed in rows]
    return [SoundFile(*file, answer) for file, answer in zip(files, answers, strict=True)]


def _encoded(cell: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    if kind == PLANES:
        planes = np.asarray(cell).astype(np.uint16).transpose(2, 0, 1) * np.uint16(257)
        options = {"photometric": "rgb", "planarconfig": "separate", "metadata": None}
        tifffile.imwrite(buffer, np.ascontiguousarray(planes), **options)
    else:
        cell.save(buffer, kind.split()[0], **ENCODINGS[kind])
    return buffer.getvalue()


def memory_in_use() -> float:
    """Resident megabytes of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def _run_batch(
    predictor: Predictor,
    batch: Sequence[tuple[int, SoundFile, str, bytes]],
    folder: Path,
    report: Report,
) -> None:
    for number, _, _, data in batch:
        (folder / f"{number:06}.bin").write_bytes(data)
    commanded = list(streaming.predict_files(predictor, [folder]))
    uploaded = _uploaded(predictor, [data for *_, data in batch])
    for (number, file, name, _), first, second in zip(batch, commanded, uploaded, strict=True):
        (folder / f"{number:06}.bin").unlink()
        answers = (first.p_all, second.p_all)
        report.pictures += 1
        report.answered += first.p_all is not None
        for row in (first, second):
            if row.reason.startswith("The picture could not be processed"):
                report.crashes[f"{file.kind} {name} {number}"] += 1
        if first.reason != second.reason or not all(_agrees(file.p_all, p) for p in answers):
            report.violations.append(Violation(number, file.kind, name, file.p_all, answers))


def _uploaded(predictor: Predictor, contents: Sequence[bytes]) -> list[PredictedRow]:
    """Rows of a job on a zip archive, as a page runs it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, data in enumerate(contents):
            archive.writestr(f"{number:06}.png", data)
    sources = list(image_sources.members(buffer, name="upload.zip"))
    job = PredictionJob(predictor, sources, forward=predictor.read)
    job.wait(600)
    return [item.row for item in job.items]


def _agrees(expected: float | None, answer: float | None) -> bool:
    return answer is None or (expected is not None and abs(answer - expected) <= TOLERANCE)


def _source(name: str, data: bytes) -> image_sources.Source:
    return image_sources.Source(name, lambda: data)


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


def answered_cells(predictor: Predictor, drawn: Sequence[Path]) -> list[Path]:
    """The first of the drawn cells that the model answers."""
    rows = streaming.predict_files(predictor, drawn)
    answered = (path for path, row in zip(drawn, rows, strict=True) if row.p_all is not None)
    return list(islice(answered, CELLS))


def main(
    pictures: Annotated[int, typer.Option(min=1, help="Mutated pictures.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Of the mutations.")] = 0,
) -> None:
    """Predict mutated pictures on both paths; status 1 where one crashes or gets another answer."""
    try:
        predictor = inputs.predictor()
    except AllScopeError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    with tempfile.TemporaryDirectory() as folder:
        drawn = sorted(dataset.draw_set(Path(folder), cells=30, subjects=8).root.rglob("*.png"))
        sound = sound_files(predictor, answered_cells(predictor, drawn))
    report = run(predictor, sound, pictures=pictures, seed=seed)
    for violation in report.violations:
        print(violation)
    for crash in report.crashes:
        print("crashed:", crash)
    print(
        f"{report.pictures:,} pictures, {report.answered:,} answered, "
        f"{len(report.violations)} with another answer, {len(report.crashes)} crashed, "
        f"memory grew by {report.grown:.0f} MB"
    )
    if report.violations or report.crashes:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
