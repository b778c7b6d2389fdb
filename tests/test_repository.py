"""What the repository promises: its size, its pictures, and a README that holds."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from allcore.settings import Settings

ROOT = Path(__file__).parents[1]
PROSE = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """Give the files git holds; skip where the sources came without a history."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def commands_of(path: Path) -> list[list[str]]:
    """Give the command lines of a document's code blocks and tables, split into words."""
    text = re.sub(r"^```python\n.*?^```", "", path.read_text(encoding="utf-8"), flags=re.S | re.M)
    blocks = re.findall(r"^```(?:sh)?\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    quoted = re.findall(r"`((?:make|python -m) [^`\n]+)`", text)
    return [shlex.split(line) for line in (*lines, *quoted) if line.startswith(("make", "python"))]


def test_repository__holds_no_large_file(tracked: list[Path]) -> None:
    large = {path.name: path.stat().st_size for path in tracked}
    assert {name: size for name, size in large.items() if size > 30 * MEGABYTE} == {}


def test_repository__models_stay_small(tracked: list[Path]) -> None:
    models = [path for path in tracked if path.is_relative_to(ROOT / "models")]
    assert sum(path.stat().st_size for path in models) < 120 * MEGABYTE


def test_repository__holds_no_data_set_image(tracked: list[Path]) -> None:
    cells = re.compile(r"(UID_)?H?\d+_\d+_\d+_(all|hem)\.(bmp|jpe?g|png|webp|tiff?)", re.IGNORECASE)
    assert [path.name for path in tracked if cells.fullmatch(path.name)] == []


def test_docs__list_every_setting() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(ALLSCOPE_\w+)` \|", text, flags=re.MULTILINE))
    assert listed == {f"ALLSCOPE_{name.upper()}" for name in Settings.model_fields}


def test_docs__list_every_command() -> None:
    from allcore.__main__ import COMMANDS

    commands = commands_of(ROOT / "docs" / "commands.md")
    written = {" ".join(words[3:]) for words in commands if words[:1] == ["python"]}
    missing = [name for name in COMMANDS if not any(line.startswith(name) for line in written)]
    assert missing == []


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.name)
def test_docs__name_only_commands_there_are(path: Path) -> None:
    from allcore.__main__ import COMMANDS

    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for words in commands_of(path):
        if words[0] == "make":
            assert words[1] in targets, words
        elif words[:3] == ["python", "-m", "allcore"] and len(words) > 3:
            names = {part for name in COMMANDS for part in (name, name.split()[0])}
            assert {words[3], " ".join(words[3:5])} & names, words


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.name)
def test_docs__links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[\w-]+)?\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_readme__shows_the_whole_tree() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    tree = text[text.index("## Where things are") :]
    packages = {path.parent.name for path in ROOT.glob("allcore/*/__init__.py")}
    assert {name for name in packages if f"\n  {name}/" not in tree} == set()
