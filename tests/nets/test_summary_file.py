"""The file that stands in for the modules says what they give."""

import pytest

from allcore.nets import summary_file


@pytest.mark.parametrize("size", summary_file.SIZES)
def test_read__is_what_the_modules_give_now(size: int) -> None:
    again = "write it again: python -m allcore.nets.summary_file"
    assert summary_file.read(size) == summary_file.describe(size), again
    assert summary_file.read(size)
