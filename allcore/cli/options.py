"""Shared parsing of command options."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from allcore.training.recipe import Recipe


def json_object(text: str, option: str) -> dict[str, Any]:
    """Parse a JSON object in an option; anything else is a usage error."""
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise typer.BadParameter('is not a JSON object such as {"key": 1}', param_hint=option)
    return fields


def recipe(fields: dict[str, Any]) -> "Recipe":
    """Return a recipe with these fields and defaults; an unknown field is a usage error."""
    from allcore.data.augmentation import Augmentation
    from allcore.training.recipe import Recipe

    try:
        if "augmentation" in fields:
            fields = fields | {"augmentation": Augmentation(**fields["augmentation"])}
        return Recipe(**fields)
    except TypeError as error:
        raise typer.BadParameter(str(error), param_hint="--recipe") from error


def names(text: str) -> tuple[str, ...]:
    """Split a comma-separated list."""
    return tuple(part for each in text.split(",") if (part := each.strip()))


def command_line() -> str:
    """Return the command line, for records in output files."""
    return shlex.join(["python", "-m", "allcore", *sys.argv[1:]])


def data_set(data: Path | None, *, quick_folder: Path | None, quick_size: dict[str, int]) -> Path:
    """Return the given data set, that of the settings, or the demonstration set.

    Args:
        quick_folder: folder of a small synthetic set instead, with ``--quick``; else None.
    """
    from allcore import settings
    from allcore.synthetic import demo

    if data is not None:
        return data
    if quick_folder is not None:
        return demo.ensure_demo(quick_folder, **quick_size).root
    return settings.load().data or demo.ensure_demo().root
