"""docs/security.md has every requirement of level 1, and says of each where it stands."""

import ast
import functools
import re
from collections.abc import Iterator

import pytest

from allcore.settings import REPOSITORY
from allcore.store.models import Base

TEXT = (REPOSITORY / "docs" / "security.md").read_text(encoding="utf-8")
LINES = [
    line.split("|")[1:-1] for line in TEXT.splitlines() if re.match(r"\| \d+\.\d+\.\d+ ", line)
]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
LEVEL_1 = (
    "2.1.1-12 2.2.1-3 2.3.1 2.5.1-6 2.7.1-4 2.8.1 3.1.1 3.2.1-3 3.3.1-2 3.4.1-5 3.7.1 4.1.1-3 "
    "4.1.5 4.2.1-2 4.3.1-2 5.1.1-5 5.2.1-8 5.3.1-10 5.5.1-4 6.2.1 7.1.1-2 7.4.1 8.2.1-3 8.3.1-4 "
    "9.1.1-3 10.3.1-3 11.1.1-5 12.1.1 12.3.1-5 12.4.1-2 12.5.1-2 12.6.1 13.1.1 13.1.3 13.2.1-3 "
    "13.3.1 14.2.1-3 14.3.2-3 14.4.1-7 14.5.1-3"
)
"""The numbers of the standard's level 1 from chapter 2 on, in version 4.0.3; 1.x has none."""


def required() -> Iterator[str]:
    for each in LEVEL_1.split():
        section, _, places = each.rpartition(".")
        first, _, last = places.partition("-")
        yield from (f"{section}.{place}" for place in range(int(first), int(last or first) + 1))


@functools.cache
def _defined_in(path: str) -> set[str]:
    tree = ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_checklist__has_every_requirement_once_and_in_order() -> None:
    assert [line[0].strip() for line in LINES] == list(required())
    assert len(LINES) == 128


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0].strip())
def test_checklist__each_line_has_a_test_or_a_reason(line: list[str]) -> None:
    [_, _, state] = line
    named = NAMED.findall(state)
    assert named or state.strip().startswith(("not applicable: ", "not met: "))
    for path, name in named:
        assert name in _defined_in(path), (path, name)


def test_stored_data__lists_every_table() -> None:
    """Each table with personal data has a line with its retention."""
    section = TEXT.partition("## Stored personal data")[2].partition("\n## ")[0]
    cells = " ".join(line.split("|")[1] for line in section.splitlines() if line.startswith("| "))
    assert set(re.findall(r"`(\w+)`", cells)) == set(Base.metadata.tables)
