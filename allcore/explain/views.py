"""One cell asked about again: turned and mirrored, and put to every model.

A cell on a slide has no upright, so an honest answer is the same for all eight ways to lay it
down (the dihedral group of the square). No pixel is interpolated by these: what moves the
probability is the network alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from allcore import model_folder
from allcore.data import subjects
from allcore.data.cells import Rgb
from allcore.errors import ModelError
from allcore.inference.results import Prediction

if TYPE_CHECKING:
    from torch import Tensor

    from allcore.inference.predictor import Predictor

NAMES = (
    "as it is", "turned by 90°", "turned by 180°", "turned by 270°",
    "mirrored", "mirrored, 90°", "mirrored, 180°", "mirrored, 270°",
)  # fmt: skip
"""The views in the order of `turned`; turns run anticlockwise, after mirroring left to right."""

Learned = Literal["cell", "subject", "no", "unknown"]
"""What of a cell was in a network's training: itself, others of its subject, nothing."""


@dataclass(frozen=True)
class Views:
    """The answers to one cell, turned and mirrored.

    Attributes:
        names: of the views.
        probabilities: (8,) calibrated probability of an ALL blast in each.
    """

    names: tuple[str, ...]
    probabilities: NDArray[np.float64]

    @property
    def mean(self) -> float:
        """Mean probability."""
        return float(self.probabilities.mean())

    @property
    def spread(self) -> float:
        """Highest minus lowest probability: 0 where turning changes nothing."""
        return float(np.ptp(self.probabilities))

    def blasts(self, threshold: float) -> int:
        """How many of the views are called ALL blast."""
        return int((self.probabilities >= threshold).sum())

    def agree(self, threshold: float) -> bool:
        """Whether all views are called the same."""
        return self.blasts(threshold) in (0, len(self.probabilities))


def turned(cell: "Tensor") -> "Tensor":
    """The eight views (8, 3, S, S) of a cut cell (3, S, S), in the order of ``NAMES``."""
    import torch

    return torch.stack(
        [
            torch.rot90(start, turns, dims=(1, 2))
            for start in (cell, cell.flip(2))
            for turns in range(4)
        ]
    )


def views(predictor: "Predictor", cell: "Tensor") -> Views:
    """The probabilities of a cut cell (3, S, S) uint8 in its eight views, in one pass."""
    logits = predictor.logits(turned(cell)).double().numpy()
    return Views(NAMES, expit(logits / predictor.info.temperature))


def answers(models: "Sequence[Predictor]", rgb: Rgb) -> tuple[tuple[str, Prediction], ...]:
    """What each model says of a picture (H, W, 3) uint8, by the model's name and in their order.

    A picture that shows no cell on black is refused.
    """
    return tuple((model.info.name, model.predict([rgb])[0]) for model in models)


@dataclass(frozen=True)
class Trained:
    """What a network was trained on.

    Attributes:
        images: names of the images, C-NMC's without folders and suffix.
        groups: independent subjects.
    """

    images: frozenset[str]
    groups: frozenset[str]

    @classmethod
    def of(cls, folder: Path) -> "Trained":
        """What the network in a model folder was trained on.

        Raises:
            ModelError: model.json or split.csv is missing or damaged, or doesn't say.
        """
        info = model_folder.read_info(folder)
        _ = info.split_kind  # raises where model.json does not say it
        try:
            split = pd.read_csv(folder / model_folder.SPLIT, dtype=str)
            images = split.loc[split["split"] == "train", "image_id"]
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(
                f"{folder / model_folder.SPLIT} can't be read, so nobody knows which images the "
                "model was trained on: restore the model folder."
            ) from error
        people = info.training["split"].get("train", ())
        return cls(frozenset(map(_name, images)), frozenset(map(subjects.group_of, people)))

    def learned(self, image_id: str, group: str | None) -> Learned:
        """What of a cell was in the training; `group` is its independent subject."""
        if _name(image_id) in self.images:
            return "cell"
        return "subject" if group in self.groups else "no"


def _name(image_id: str) -> str:
    """The id; a C-NMC name without folders and suffix, which readers keep differently."""
    return PurePosixPath(image_id).stem if subjects.parse_name(image_id) else image_id
