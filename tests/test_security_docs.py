"""docs/security.md names tests that exist, and says of every line of its list where it stands."""

import re

import pytest

from allcore.settings import REPOSITORY

LINES = [
    line.split("|")[1:-1]
    for line in (REPOSITORY / "docs" / "security.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| \d+\.\d+\.\d+ ", line)
]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_checklist__is_there() -> None:
    assert len(LINES) > 40
    numbers = [line[0].strip() for line in LINES]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0].strip())
def test_checklist__each_line_has_a_test_or_a_reason(line: list[str]) -> None:
    [_, _, state] = line
    named = NAMED.findall(state)
    assert named or state.strip().startswith(("not applicable: ", "not met: ", "untested: "))
    for path, name in named:
        assert f"def {name}(" in (REPOSITORY / path).read_text(encoding="utf-8"), (path, name)
