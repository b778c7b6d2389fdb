"""Index and Dataset page over drawn features of up to a million cells: time and memory.

``python -m benchmarks.scale [CELLS]...`` measures each size in processes of its own and writes
``docs/scale.json`` and the tables of ``docs/scale.md``. The files are empty and their features
drawn (``drawn_features``); all else is the code of ``python -m allcore index``: the table and the
state of each file are read, parts written and assembled, near duplicates searched, the map made.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from allcore.audit.index import build
from allcore.audit.index.features import NUMBERS, MeasuredCell
from allcore.audit.index.files import FileState
from allcore.audit.index.shards import Cell
from allcore.data import manifest
from benchmarks import dataset_page, drawn_features, memory, timing
from benchmarks.drawn_features import DrawnBlock
from benchmarks.timing import Result, Scale

PAGE_STEPS = dataset_page.STEPS | dataset_page.VIEWS
SIZES = (10_000, 100_000, 1_000_000)
SUBJECTS, FOLDER = 120, 1000
DOCS = Path(__file__).parents[1] / "docs"
RESULTS, PAGE, MARK = DOCS / "scale.json", DOCS / "scale.md", "<!-- measured -->"


INDEX_COLUMNS = {
    "seconds": "s", "processor": "processor s", "megabytes": "peak MB",
    "again": "processor s of a run that finds nothing new",
}  # fmt: skip
TITLES = {
    "index": "A run of `index` over new cells:",
    "pages": "Milliseconds of the processor of a run of the Dataset page, with caches warm:",
}


def run(scale: Scale) -> Result:
    """Peak megabytes of indexing 80 drawn cells an image, against those of a tenth of them."""
    large, small = (_in_process("index", max(2, n * scale.images)) for n in (80, 8))
    return timing.result("scale", ours=large["megabytes"], reference=small["megabytes"], unit="MB")


def index(cells: int) -> dict[str, float]:
    """Index drawn cells in this process; give times and the peak of memory."""
    with TemporaryDirectory(prefix="allscope-benchmark-") as name:
        data, home = Path(name) / "data", Path(name) / "home"
        draw_files(data, cells)
        memory.reset_peak()
        wall, processor = time.perf_counter(), time.process_time()
        changes = build.build_index(data, home=home, read_groups=read_groups)
        assert changes.added == cells
        seconds, used = time.perf_counter() - wall, time.process_time() - processor
        peak, processor = memory.peak(), time.process_time()
        assert build.build_index(data, home=home, read_groups=read_groups).nothing
        again = time.process_time() - processor
    return {"seconds": seconds, "processor": used, "megabytes": peak, "again": again}


def draw_files(data: Path, cells: int) -> None:
    """Write a table of cells, and an empty file for each, ``FOLDER`` in a folder."""
    numbers = np.arange(cells)
    for number in range(0, cells, FOLDER):
        folder = data / str(number // FOLDER)
        folder.mkdir(parents=True)
        for name in range(number, min(number + FOLDER, cells)):
            (folder / f"{name}.png").touch()
    subjects = numbers % SUBJECTS
    table = pd.DataFrame(
        {
            "image_id": [f"cell {number}" for number in numbers],
            "path": [f"{number // FOLDER}/{number}.png" for number in numbers],
            "label": np.where(subjects % 2, "all", "hem"),
            "subject": [f"s{number}" for number in subjects],
        }
    )
    table.to_csv(data / manifest.FILE_NAME, index=False)


def read_groups(groups: Iterable[Sequence[FileState]]) -> Generator[list[Cell]]:
    """Give each file of ``draw_files`` its drawn features, in place of reading a picture."""
    total = 10**9  # more than any set: blocks are drawn when they are reached
    drawn = drawn_features.blocks(total)
    block = next(drawn)
    for group in groups:
        cells: list[Cell] = []
        for state in group:
            number = int(Path(state.path).stem)
            while number >= block.first + len(block):
                block = next(drawn)
            cells.append(_cell(state, block, number - block.first))
        yield cells


def _cell(state: FileState, block: DrawnBlock, row: int) -> Cell:
    rings = block.rings[row]
    grid = np.resize(rings, (32, 32))
    values: dict[str, object] = dict.fromkeys(NUMBERS, float(rings.mean()))
    values |= {"width": 450, "height": 450, "objects": 1, "border": False, "phash": "0" * 16}
    digest = f"{block.first + row:064x}"
    return state, MeasuredCell(digest, values=values, grid=grid, rings=rings), block.embeddings[row]


def _pages(cells: int) -> dict[str, float]:
    steps = dataset_page.steps(cells, rounds=3, acts=PAGE_STEPS)
    return {name: 1000 * statistics.median(taken.processor) for name, taken in steps.items()}


def _in_process(part: str, cells: int) -> dict[str, float]:
    ran = subprocess.run(
        [sys.executable, "-m", __name__ if __spec__ is None else __spec__.name, part, str(cells)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    answer: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return answer


def main(sizes: Sequence[int]) -> None:
    """Measure sizes, and write what is measured after each part."""
    for part in ("index", "pages"):
        for cells in sizes:
            measured = _in_process(part, cells)
            print(part, cells, measured, flush=True)
            _record(cells, {part: measured, f"{part}_machine": timing.machine()})


def _record(cells: int, measured: dict[str, object]) -> None:
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    known.setdefault(str(cells), {}).update(measured)
    rows = dict(sorted(known.items(), key=lambda item: int(item[0])))
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    before, _, after = PAGE.read_text(encoding="utf-8").split(MARK)
    PAGE.write_text(f"{before}{MARK}\n{tables(rows)}{MARK}{after}", encoding="utf-8")


def tables(rows: dict[str, dict[str, Any]]) -> str:
    """The tables of ``docs/scale.md``."""
    parts = {"index": INDEX_COLUMNS, "pages": {name: name for name in PAGE_STEPS}}
    texts = []
    for part, columns in parts.items():
        if not any(part in measured for measured in rows.values()):
            continue
        lines = [
            f"| cells | {' | '.join(columns.values())} |",
            f"| ---: |{' ---: |' * len(columns)}",
        ]
        for cells, measured in rows.items():
            if part in measured:
                figures = (f"{measured[part][name]:,.0f}" for name in columns)
                lines.append(f"| {int(cells):,} | {' | '.join(figures)} |")
        machines = {measured.get(f"{part}_machine"): "" for measured in rows.values()}
        where = "; ".join(text for text in machines if text)
        texts.append("\n".join([f"{TITLES[part]}\n", *lines, f"\nOn {where}.\n"]))
    return "\n".join(texts)


if __name__ == "__main__":
    if sys.argv[1:2] in (["index"], ["pages"]):
        part = index if sys.argv[1] == "index" else _pages
        print(json.dumps(part(int(sys.argv[2]))))
    else:
        main([int(text) for text in sys.argv[1:]] or SIZES)
