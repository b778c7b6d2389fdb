"""The distribution of measures that synthetic cells are drawn to, as measured on real cells.

``targets.json`` beside this file is written by ``python -m allcore data measure``.
"""

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from allcore.synthetic.appearance import BANDS

FILE = Path(__file__).with_name("targets.json")

LOGARITHMIC = ("elongation", "red_sd", "green_sd", "blue_sd", *BANDS)
TRAITS = (*LOGARITHMIC, "area", "red", "green", "blue")
"""The measures a cell is drawn to; those of ``LOGARITHMIC`` are held as their logarithm."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class ClassTargets:
    """How cells of one class spread, K traits in the order of ``TRAITS``.

    Attributes:
        mean: (K) mean over subjects of their mean.
        between: (K, K) covariance of the subjects' means.
        within: (K, K) covariance of a subject's cells around its mean, pooled over subjects.
        rim: (RIM, 3) colour by distance from the outline minus the cell's mean colour.
    """

    mean: Matrix
    between: Matrix
    within: Matrix
    rim: Matrix


@dataclass(frozen=True)
class Targets:
    """The file: how it was made and the targets by class label.

    Attributes:
        command: the command that wrote it.
        source: name of the data set measured.
        cells: number of cells measured.
        subjects: number of subjects they are of.
        classes: targets by label.
    """

    command: str
    source: str
    cells: int
    subjects: int
    classes: dict[str, ClassTargets]


@functools.cache
def load() -> Targets:
    """The targets that the package brings."""
    fields = json.loads(FILE.read_text())
    classes = {
        label: ClassTargets(**{name: np.array(value) for name, value in targets.items()})
        for label, targets in fields.pop("classes").items()
    }
    return Targets(**fields, classes=classes)


def values_of(traits: Matrix) -> dict[str, float]:
    """The measures that one cell's traits (K) stand for."""
    return {
        name: float(np.exp(value) if name in LOGARITHMIC else value)
        for name, value in zip(TRAITS, traits, strict=True)
    }
