"""Options that several commands read alike."""

import json
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from allcore.training.recipe import Recipe


def json_object(text: str, option: str) -> dict[str, Any]:
    """The fields of a JSON object given as an option; anything else is wrong usage."""
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise typer.BadParameter('is not a JSON object such as {"key": 1}', param_hint=option)
    return fields


def recipe(fields: dict[str, Any]) -> "Recipe":
    """A recipe with these fields and the defaults of the others; unknown ones are wrong usage."""
    from allcore.data.augmentation import Augmentation
    from allcore.training.recipe import Recipe

    try:
        if "augmentation" in fields:
            fields = fields | {"augmentation": Augmentation(**fields["augmentation"])}
        return Recipe(**fields)
    except TypeError as error:
        raise typer.BadParameter(str(error), param_hint="--recipe") from error


def names(text: str) -> tuple[str, ...]:
    """The parts of a comma-separated list."""
    return tuple(part for each in text.split(",") if (part := each.strip()))
