"""15,000 files opened and previewed, in class folders and by a table, against an earlier reader."""

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from allcore.errors import AllScopeError
from benchmarks import servers, timing
from benchmarks.timing import Result, Scale

FILES = 15_000
BEFORE = "410996b"
"""The last commit whose readers knew class folders at one depth and a table of fixed headings."""
SCRIPT = """
import json, sys, time
from pathlib import Path
from allcore.data import readers
try:
    from allcore.data.dataset_inspection import summarize
except ImportError:
    from allcore.data import look
    summarize = lambda found: look.described(found.root, found)
def once():
    start = time.process_time()
    found = readers.read(Path(sys.argv[1]))
    summarize(found).warnings
    assert len(found) == int(sys.argv[2])
    return time.process_time() - start
once()
print(json.dumps(min(once() for _ in range(3))))
"""
"""Prints the processor seconds of one opening, in a tree of either age."""


def run(scale: Scale) -> Result:
    """Processor seconds until layout, counts and warnings of 15,000 files stand.

    Files are empty, for no reader opens a picture. Of class folders and the table, the one with the
    larger ratio is given.

    Raises:
        AllScopeError: this is no clone with the earlier commit.
    """
    with TemporaryDirectory(prefix="allscope-benchmark-") as name:
        earlier = Path(name) / "earlier"
        _extract(earlier)
        data_sets = (_class_folders(Path(name) / "folders"), _table(Path(name) / "table"))
        sides = [
            timing.side_by_side(
                _opening(servers.ROOT, data), _opening(earlier, data), rounds=scale.rounds
            )
            for data in data_sets
        ]
    ours, reference = max(sides, key=lambda side: side[0] / side[1])
    return timing.result("opening", ours=ours, reference=reference, unit="s")


def _opening(tree: Path, data: Path) -> Callable[[], float]:
    def seconds() -> float:
        command = [sys.executable, "-c", SCRIPT, str(data), str(FILES)]
        ran = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=True)
        return float(json.loads(ran.stdout))

    return seconds


def _extract(folder: Path) -> None:
    packed = subprocess.run(
        ["git", "archive", BEFORE, "allcore"], cwd=servers.ROOT, capture_output=True
    )
    if packed.returncode:
        raise AllScopeError(
            f"The commit {BEFORE} is not in this copy of the repository: run it in a full clone."
        )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")


def _names() -> list[tuple[str, str, str]]:
    """Label, subject and name of each file."""
    facts = (("all" if number % 3 else "hem", number) for number in range(FILES))
    return [
        (label, subject, f"UID_{subject}_{number}_1_{label}.bmp")
        for label, number in facts
        for subject in [f"{'H' if label == 'hem' else ''}{number % 97 + 1}"]
    ]


def _class_folders(root: Path) -> Path:
    for label in ("all", "hem"):
        (root / label).mkdir(parents=True)
    for label, _, name in _names():
        (root / label / name).touch()
    return root


def _table(root: Path) -> Path:
    (root / "img").mkdir(parents=True)
    lines = ["image_id,path,label,subject,split"]
    for number, (label, subject, _) in enumerate(_names()):
        (root / "img" / f"c{number}.png").touch()
        part = ("train", "validation", "test")[number % 3]
        lines.append(f"c{number},img/c{number}.png,{label},P{subject},{part}")
    (root / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root
