"""The budget that all networks of a comparison share."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allcore import model_folder
from allcore.data.preprocessing import Preprocessing
from allcore.errors import ModelError
from allcore.training.recipe import Recipe

WORDS = ("none", "imagenet")
"""Initialisations that are not a file."""


@dataclass(frozen=True)
class Budget:
    """Every choice that the networks share; two comparisons of one budget may be merged.

    Attributes:
        preprocessing: how cells are cut and normalised.
        recipe: of the training; its seed also draws the splits.
        init: ``none``, ``imagenet`` or a safetensors file.
        folds: parts that subjects are dealt into.
    """

    preprocessing: Preprocessing
    recipe: Recipe
    init: str
    folds: int

    def fields(self) -> dict[str, Any]:
        """The fields for JSON; a file of weights by its digest.

        Raises:
            ModelError: there is no such file.
        """
        return {
            "preprocessing": self.preprocessing.to_dict(),
            "recipe": self.recipe.to_dict(),
            "init": init_digest(self.init),
            "folds": self.folds,
        }


def digest(fields: dict[str, Any]) -> str:
    """Short digest of fields that JSON can hold."""
    text = json.dumps(fields, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def init_digest(init: str) -> str:
    """An initialisation by its name, or a file of weights by its digest.

    Raises:
        ModelError: there is no such file.
    """
    if init in WORDS:
        return init
    weights = Path(init)
    try:
        return model_folder.sha256(weights)
    except OSError as error:
        raise ModelError(
            f"The initial weights {weights} can't be read: give a safetensors file, or use "
            "--init imagenet or --init none."
        ) from error
