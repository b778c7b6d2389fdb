"""Mutated pictures through `predict` and the upload path of one process.

``python -m benchmarks.mutations [--pictures N] [--seed S] [--write]``: every file is a drawn cell
in one of eight formats that was damaged at random. It must be refused or get the answer of the
sound file, the same on both paths, and memory must not grow.
"""

import io
import random
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Sequence
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
from benchmarks import inputs, timing
from benchmarks.damage import BYTE_LEVEL, STRUCTURES

PAGE, MARK = Path(__file__).parents[1] / "docs" / "datasets.md", "<!-- mutations -->"
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

    @property
    def sentence(self) -> str:
        """The counts in words."""
        return (
            f"{self.pictures:,} pictures, {self.answered:,} answered, "
            f"{len(self.violations)} with another answer, {len(self.crashes)} crashed, "
            f"memory grew by {self.grown:.0f} MB"
        )


def run(predictor: Predictor, sound: Sequence[SoundFile], *, pictures: int, seed: int) -> Report:
    """Mutate and predict; picture number n is the same for every count of pictures."""
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        for first in range(0, pictures, BATCH):
            numbers = range(first, min(first + BATCH, pictures))
            _run_batch(predictor, [mutated(sound, seed, n) for n in numbers], Path(folder), report)
            report.memory.append(memory_in_use())
            print(report.sentence, file=sys.stderr)
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


def answered_cells(predictor: Predictor, drawn: Sequence[Path]) -> list[Path]:
    """The first of the drawn cells that the model answers."""
    rows = streaming.predict_files(predictor, drawn)
    answered = (path for path, row in zip(drawn, rows, strict=True) if row.p_all is not None)
    return list(islice(answered, CELLS))


def record(report: Report, page: Path) -> None:
    """Replace the counts between the marks of a page."""
    kinds = Counter(f"{found.kind}, {found.mutation}" for found in report.violations)
    listed = "; ".join(f"{kind}: {number}" for kind, number in kinds.most_common())
    shifts = [abs(p - (v.expected or 0)) for v in report.violations for p in v.answers if p]
    largest = f" ({listed}; by {max(shifts):.2f} at most)" if shifts else ""
    text = f"{report.sentence}{largest}. On {timing.machine()}."
    before, _, after = page.read_text(encoding="utf-8").split(MARK)
    page.write_text(f"{before}{MARK}\n{text}\n{MARK}{after}", encoding="utf-8")


def main(
    pictures: Annotated[int, typer.Option(min=1, help="Mutated pictures.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Of the mutations.")] = 0,
    write: Annotated[bool, typer.Option(help="Also put the counts into docs/datasets.md.")] = False,
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
    print(report.sentence)
    if write:
        record(report, PAGE)
    if report.violations or report.crashes:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
