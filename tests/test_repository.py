"""What the repository promises: its size, its pictures, and a README that holds."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from allcore.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCES = re.findall(r"^```\w*\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
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


def commands_of_readme() -> list[list[str]]:
    """Give the command lines of the README's code blocks and tables, split into words."""
    quoted = re.findall(r"`((?:make|python -m) [^`\n]+)`", README)
    blocks = [line.split("#")[0] for block in FENCES for line in block.splitlines()]
    return [shlex.split(line) for line in (*blocks, *quoted) if line.strip()]


def test_repository__holds_no_large_file(tracked: list[Path]) -> None:
    large = {path.name: path.stat().st_size for path in tracked}
    assert {name: size for name, size in large.items() if size > 30 * MEGABYTE} == {}


def test_repository__models_stay_small(tracked: list[Path]) -> None:
    models = [path for path in tracked if path.is_relative_to(ROOT / "models")]
    assert sum(path.stat().st_size for path in models) < 120 * MEGABYTE


def test_repository__holds_no_data_set_image(tracked: list[Path]) -> None:
    cells = re.compile(r"(UID_)?H?\d+_\d+_\d+_(all|hem)\.(bmp|jpe?g|png|webp|tiff?)", re.IGNORECASE)
    assert [path.name for path in tracked if cells.fullmatch(path.name)] == []


def test_readme__lists_every_setting() -> None:
    listed = set(re.findall(r"^\| `(ALLSCOPE_\w+)` \|", README, flags=re.MULTILINE))
    assert listed == {f"ALLSCOPE_{name.upper()}" for name in Settings.model_fields}


def test_readme__lists_every_command() -> None:
    from allcore.__main__ import COMMANDS

    written = {" ".join(words[3:]) for words in commands_of_readme() if words[:1] == ["python"]}
    missing = [name for name in COMMANDS if not any(line.startswith(name) for line in written)]
    assert missing == []


def test_readme__names_only_commands_there_are() -> None:
    from allcore.__main__ import COMMANDS

    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for words in commands_of_readme():
        if words[0] == "make":
            assert words[1] in targets, words
        elif words[:3] == ["python", "-m", "allcore"]:
            assert {words[3], " ".join(words[3:5])} & COMMANDS.keys(), words


def test_readme__links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []
