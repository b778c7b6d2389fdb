"""Each setting is read by something."""

import ast
import functools
from pathlib import Path

import pytest

from allcore.settings import Settings

ROOT = Path(__file__).parents[1]
SETTINGS_NAMES = ("settings.load()", "config", "self")
"""How the code calls the settings at hand; `self` in their own module alone."""


@functools.cache
def reads() -> set[str]:
    """Attributes of the settings that any module reads."""
    paths = [*(ROOT / "allcore").rglob("*.py"), *(ROOT / "pages").glob("*.py")]
    return {
        node.attr
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and (owner := ast.unparse(node.value)) in SETTINGS_NAMES
        and (owner != "self" or path.name == "settings.py")
    }


@pytest.mark.parametrize("field", list(Settings.model_fields))
def test_setting__is_read(field: str) -> None:
    assert field in reads()
