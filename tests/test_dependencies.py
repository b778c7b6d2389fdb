"""Every import of a package is a requirement, and every requirement is imported."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOT_IMPORTED = {
    "orjson": "plotly writes JSON with it",
    "psycopg": "SQLAlchemy loads it for PostgreSQL addresses",
}
OPTIONAL = {"ray": "the one command that needs it says how to install it"}


def deptry(*arguments: str) -> None:
    command = [sys.executable, "-m", "deptry", "--no-ansi", *arguments]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_app__imports_what_requirements_name() -> None:
    rules = f"DEP002={'|'.join(NOT_IMPORTED)},DEP003={'|'.join(OPTIONAL)}"
    deptry(".", "--extend-exclude", "benchmarks|scripts|setup.py", "--per-rule-ignores", rules)


def test_development__imports_what_either_list_names(tmp_path: Path) -> None:
    config = tmp_path / "pyproject.toml"  # the repository's own would hide the second list
    config.touch()
    files = "requirements.txt,requirements-dev.txt"
    deptry(
        ".", "--config", str(config), "--requirements-files", files, "--exclude", r"\.venv",
        "--ignore", "DEP002",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_requirements__each_line_says_what_it_gives(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    requirements = [line for line in lines if line and not line.startswith(("#", "-r "))]
    assert all(re.fullmatch(r"\S+\s{2,}# \S.*", line) for line in requirements)
