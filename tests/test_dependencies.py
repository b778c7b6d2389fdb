"""Every import of a package is a requirement, and every requirement is imported."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from scripts import dependencies

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


@pytest.mark.parametrize("name", dependencies.locked())
def test_licence__of_each_package_of_the_app_is_acceptable(name: str) -> None:
    packages = [each for each in dependencies.installed() if each.name == name]
    if not packages:
        pytest.skip("not installed on this system and version of Python")
    assert dependencies.objections(packages) == []


@pytest.mark.parametrize(
    ("name", "licence", "acceptable"),
    [
        ("cleanlab", "AGPL-3.0-or-later", False),
        ("cleanlab", "GNU Affero General Public License v3", False),
        ("fpdf2", "GPL-3.0-only", False),  # reviewed under a weaker one
        ("some", "GNU General Public License v2 or later (GPLv2+)", False),
        ("some", "GNU Lesser General Public License v3 (LGPLv3)", False),  # not reviewed
        ("some", "UNKNOWN", False),
        ("some", "", False),
        ("psycopg", "LGPL-3.0-only", True),
        ("some", "Apache-2.0 AND MIT", True),
    ],
)
def test_objections__to_copyleft_and_what_nobody_looked_at(
    name: str, licence: str, acceptable: bool
) -> None:
    package = dependencies.Package(name, "1.0", licence)
    assert (dependencies.objections([package]) == []) is acceptable


def test_document__has_every_direct_dependency_with_its_purpose() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    direct = dependencies.direct()
    assert len(direct) == len([line for line in lines if line and not line.startswith("#")])
    text = dependencies.DOCUMENT.read_text(encoding="utf-8")
    assert [each.name for each in direct if f"| {each.purpose} | {each.drop} |" not in text] == []


@pytest.mark.skipif(
    (sys.platform, sys.version_info[:2]) != ("linux", (3, 11)),
    reason="docs/dependencies.md lists the packages of Linux and Python 3.11",
)
def test_document__is_what_the_script_writes() -> None:
    written = dependencies.document(dependencies.direct(), dependencies.installed())
    text = dependencies.DOCUMENT.read_text(encoding="utf-8")
    assert text == written, "run `make dependencies`"


def test_bill__names_each_installed_package_once() -> None:
    packages = dependencies.installed()
    components = dependencies.bill(packages)["components"]
    assert isinstance(components, list)
    assert {each["purl"] for each in components} >= {
        f"pkg:pypi/{each.name}@{each.version}" for each in packages
    }
    assert len({each["bom-ref"] for each in components}) == len(packages) > 90


@pytest.mark.long
@pytest.mark.timeout(600)
def test_audit__no_package_has_a_known_weakness() -> None:
    if not _index_knows_weaknesses():
        pytest.skip("no package index that knows of weaknesses can be reached from here")
    done = subprocess.run(["scripts/audit.sh"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _index_knows_weaknesses() -> bool:
    """Ask PyPI about an old version that has known ones."""
    try:
        answer = requests.get("https://pypi.org/pypi/urllib3/1.26.0/json", timeout=10)
        return bool(answer.json().get("vulnerabilities"))
    except (requests.RequestException, ValueError):
        return False
