"""The file that stands in for the modules says what they give."""

import pytest

from allcore.nets import described


@pytest.mark.parametrize("size", described.SIZES)
def test_read__is_what_the_modules_give_now(size: int) -> None:
    again = "write it again: python -m allcore.nets.described"
    assert described.read(size) == described.describe(size), again
    assert described.read(size)
