"""CONTRIBUTING.md, followed to the letter in a copy of the repository, works."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import draw_folders
from tests.test_repository import tracked

__all__ = ["tracked"]

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FILE = re.compile(r"^`([\w/]+\.py)`:\n\n```python\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
LINE = re.compile(r"One line in `(\w+)` of `([\w/]+\.py)`[^\n]*:\n\n```\n(.*?)^```", re.S | re.M)
IMPORT = re.compile(r"with its import, `([^`]+)`, at the top")

OPEN_PAGE = """
from streamlit.testing.v1 import AppTest
from allcore.web import accounts
from allcore.web.accounts import Visitor
accounts.visitor = lambda: Visitor("ada", "Ada", "user")
page = AppTest.from_file("pages/versions.py", default_timeout=60).run()
assert not page.exception, page.exception
print(page.title[0].value, page.metric[0].label)
"""
READ_FOLDER = """
import sys
from pathlib import Path
from allcore.data import readers
print(sorted(set(readers.read(Path(sys.argv[1])).table["subject"])))
"""


@pytest.fixture(scope="module")
def copy(tracked: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources with the additions of every recipe."""
    folder = tmp_path_factory.mktemp("copy")
    for path in tracked:
        if path.suffix in {".py", ".json", ".toml", ".css", ".js", ".svg", ".parquet", ".txt"}:
            place = folder / path.relative_to(ROOT)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    for name, source in FILE.findall(TEXT):
        assert not (folder / name).exists(), f"the example {name} is there already"
        (folder / name).write_text(source, encoding="utf-8")
    for table, name, line in LINE.findall(TEXT):
        source = (folder / name).read_text(encoding="utf-8")
        opened = re.sub(rf"^({table}\b.*[({{])$", rf"\1\n{line}", source, count=1, flags=re.M)
        assert opened != source, f"{name} has no table {table}"
        (folder / name).write_text(opened, encoding="utf-8")
    readers = folder / "allcore" / "data" / "readers.py"
    source = readers.read_text(encoding="utf-8")
    first = "from allcore.data.layouts.plain_folder"
    imported = IMPORT.findall(TEXT)[0]
    readers.write_text(source.replace(first, f"{imported}\n{first}", 1), encoding="utf-8")
    return folder


def python(copy: Path, *arguments: str) -> str:
    """What Python prints in the copy; a failure shows what it said."""
    ran = subprocess.run(
        [sys.executable, *arguments], cwd=copy, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return ran.stdout


def test_examples__one_of_each_kind() -> None:
    folders = [name.rpartition("/")[0] for name, _ in FILE.findall(TEXT)]
    assert folders == ["allcore/nets", "pages", "allcore/data/layouts", "allcore/cli"]
    assert len(LINE.findall(TEXT)) == 4


def test_examples__keep_the_style(copy: Path) -> None:
    names = [name for name, _ in FILE.findall(TEXT)]
    python(copy, "-m", "ruff", "check", *names)
    python(copy, "-m", "ruff", "format", "--check", *names)


def test_architecture__trains(copy: Path, home: Path, tmp_path: Path) -> None:
    data = draw_folders(tmp_path / "cells", subjects=12, cells=2)
    out = tmp_path / "small"
    python(
        copy, "-m", "allcore", "train", "--data", str(data), "--arch", "small_cnn",
        "--init", "none", "--folds", "3", "--size", "32", "--epochs", "1", "--out", str(out),
    )  # fmt: skip
    assert (out / "model.json").is_file()


def test_page__opens(copy: Path, home: Path) -> None:
    assert "Versions ALLScope" in python(copy, "-c", OPEN_PAGE)


def test_reader__reads(copy: Path, home: Path, tmp_path: Path) -> None:
    cell = next(draw_folders(tmp_path / "cells", subjects=2, cells=1).rglob("*.png"))
    for name in ("patient-7_all", "patient-8_hem"):
        (tmp_path / "set" / name).mkdir(parents=True)
        shutil.copyfile(cell, tmp_path / "set" / name / "1.png")
    assert "['7', '8']" in python(copy, "-c", READ_FOLDER, str(tmp_path / "set"))


def test_command__runs(copy: Path) -> None:
    assert python(copy, "-m", "allcore", "classes").split("\n")[:2] == ["ALL blast", "normal"]
