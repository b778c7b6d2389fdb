"""Training budget shared by all networks of a comparison."""

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
"""Initialisations other than a file."""


@dataclass(frozen=True)
class Budget:
    """Settings shared by all networks; only comparisons of one budget may be merged."""

    preprocessing: Preprocessing  # crop and normalisation of the cells
    recipe: Recipe  # of the training; its seed also seeds the splits
    init: str  # ``none``, ``imagenet`` or a safetensors file
    folds: int  # number of folds of the subjects

    def fields(self) -> dict[str, Any]:
        """Return the fields for JSON; a file of weights is represented by its digest.

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
    """Short digest of JSON-compatible fields."""
    text = json.dumps(fields, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def init_digest(init: str) -> str:
    """Identify an initialisation by its name, or a file of weights by its digest.

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
