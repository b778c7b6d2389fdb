"""A large picture made of smear fields: time, memory, and whether its cells are those of its parts.

``python -m benchmarks.large_fields BCCD`` writes that section of ``docs/smear.md``.
"""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from PIL import Image

from allcore.data.cells import Rgb
from allcore.data.images import decoding, formats
from allcore.errors import BadImage
from allcore.evaluation import intervals
from allcore.inference import white_cells
from benchmarks import timing
from benchmarks.segmentation_quality import HIT, ROOT, Frame, boxes, markdown, overlap

PAGE = ROOT / "docs" / "smear.md"
TEXT = Path(__file__).with_suffix(".md")
HEIGHT, WIDTH = 480, 640
QUALITY = 95
"""Of the JPEG."""
_LOOK = 0.1  # seconds between looks at the memory of a process


@dataclass(frozen=True)
class Cost:
    """What a process took."""

    seconds: float
    megabytes: float  # most memory


def main(
    bccd: Annotated[Path, typer.Argument(help="Folder that holds BCCD/JPEGImages.")],
    columns: Annotated[int, typer.Option(min=1, help="Fields side by side.")] = 22,
    rows: Annotated[int, typer.Option(min=1, help="Rows of them.")] = 29,
    out: Annotated[Path, typer.Option(help="The page whose section is written.")] = PAGE,
) -> None:
    """Measure and write the section."""
    known = sorted((bccd / "BCCD" / "JPEGImages").glob("*.jpg"))
    fields = list(islice(cycle(known), columns * rows))
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("large.jpg", "large.png", "field.png")]
        table = Path(folder, "rows.csv")
        picture = mosaic(fields, columns)
        height, width = picture.shape[:2]
        Image.fromarray(picture).save(paths[0], quality=QUALITY)
        Image.fromarray(picture).save(paths[1], compress_level=1)
        Image.fromarray(picture[:HEIGHT, :WIDTH]).save(paths[2])
        del picture
        command = ("-m", "allcore", "predict", "--fields", "auto", "--out", str(table))
        costs = {
            f"one field of {WIDTH} x {HEIGHT} pixels": (cost(*command, str(paths[2])), 0.0),
            "the picture": (cost(*command, str(paths[0])), height * width / 1e6),
            "reading it as PNG, without segmentation": (
                cost("-c", _READ.format(str(paths[1]))),
                height * width / 1e6,
            ),
        }
        found = pd.read_csv(table, dtype=str).dropna(subset="cell")
        sizes = [path.stat().st_size / 2**20 for path in paths]
    text = TEXT.read_text(encoding="utf-8").format(
        fields=len(fields),
        width=width,
        height=height,
        megapixels=f"{height * width / 1e6:.0f}",
        jpeg=f"{sizes[0]:.0f}",
        png=f"{sizes[1]:.0f}",
        quality=QUALITY,
        costs=markdown(_table(costs)),
        limit=formats.MAX_FIELD_PIXELS // 1_000_000,
        machine=timing.machine(),
        **comparison([_frame(box) for box in found["box"]], fields, columns),
    )
    out.write_text(with_section(out.read_text(encoding="utf-8"), text), encoding="utf-8")
    print(f"Written: {out}")


def mosaic(fields: list[Path], columns: int) -> Rgb:
    """Fields side by side in rows of ``columns``."""
    picture = np.empty((len(fields) // columns * HEIGHT, columns * WIDTH, 3), dtype=np.uint8)
    for path, (top, left) in zip(fields, _corners(len(fields), columns), strict=True):
        own = decoding.decode_file(path)
        picture[top : top + HEIGHT, left : left + WIDTH] = own[:HEIGHT, :WIDTH]
    return picture


def cost(*arguments: str) -> Cost:
    """Time and peak memory of a Python process of its own."""
    begun, most = time.perf_counter(), 0.0
    process = subprocess.Popen([sys.executable, *arguments], stderr=subprocess.DEVNULL)
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        lines = status.read_text().splitlines()
        peaks = (int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
        most = max(most, next(peaks, 0.0))
        time.sleep(_LOOK)
    if process.returncode:
        raise RuntimeError(f"{arguments} ended with {process.returncode}")
    return Cost(time.perf_counter() - begun, most)


def comparison(together: list[Frame], fields: list[Path], columns: int) -> dict[str, str]:
    """The cells of a mosaic against those of its fields alone, and against BCCD's boxes."""
    own: dict[Path, list[Frame]] = {path: _frames(path) for path in dict.fromkeys(fields)}
    count = hits = boxed = met = 0
    sides: list[int] = []
    corners = _corners(len(fields), columns)
    for path, (top, left) in zip(fields, corners, strict=True):
        here = [
            (frame[0] - top, frame[1] - left, frame[2] - top, frame[3] - left)
            for frame in together
            if -HEIGHT < frame[0] - top < HEIGHT and -WIDTH < frame[1] - left < WIDTH
        ]
        for frame in own[path]:
            count += 1
            best = max(here, key=lambda one, frame=frame: overlap(one, frame), default=None)
            if best is not None and overlap(best, frame) >= HIT:
                hits += 1
                sides.append(int(np.abs(np.subtract(best, frame)).max()))
        for box in boxes(path):
            boxed += 1
            met += any(overlap(one, box) >= HIT for one in here)
    return {
        "together": f"{len(together):,}",
        "alone": f"{count:,}",
        "again": _share(hits, count),
        "sides": f"{np.median(sides):.0f}",
        "boxes": _share(met, boxed),
    }


def with_section(page: str, section: str) -> str:
    """A page with a section in place of the one of the same heading, or at its end."""
    heading = section.split("\n", 1)[0]
    before, found, rest = page.partition(f"{heading}\n")
    after = rest[rest.index("\n## ") + 1 :] if found and "\n## " in rest else ""
    parts = (before.rstrip(), section.rstrip(), after.rstrip())
    return "\n\n".join(part for part in parts if part) + "\n"


def section_of(page: Path) -> str:
    """The section of a page, so that the rest can be written anew; empty where there is none."""
    heading = TEXT.read_text(encoding="utf-8").split("\n", 1)[0]
    _, found, rest = page.read_text(encoding="utf-8").partition(f"{heading}\n")
    return f"{heading}\n{rest}".split("\n## ")[0] if found else ""


_READ = (
    "from pathlib import Path; from allcore.inference import upload; "
    "upload.decode_field(Path({!r}).read_bytes())"
)


def _corners(count: int, columns: int) -> list[tuple[int, int]]:
    return [(place // columns * HEIGHT, place % columns * WIDTH) for place in range(count)]


def _frames(path: Path) -> list[Frame]:
    try:
        return [cell.frame for cell in white_cells.candidates(decoding.decode_file(path))]
    except BadImage:
        return []


def _frame(box: str) -> Frame:
    left, top, right, bottom = map(int, box.split())
    return top, left, bottom, right


def _table(costs: dict[str, tuple[Cost, float]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "": name,
            "seconds": f"{own.seconds:.0f}",
            "seconds a megapixel": f"{own.seconds / megapixels:.2f}" if megapixels else "",
            "peak memory, MB": f"{own.megabytes:,.0f}",
        }
        for name, (own, megapixels) in costs.items()
    )


def _share(some: int, of: int) -> str:
    known = intervals.wilson(some, of)
    return f"{some:,} of {of:,} ({100 * known.low:.1f} % to {100 * known.high:.1f} %)"


if __name__ == "__main__":
    typer.run(main)
