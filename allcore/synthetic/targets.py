"""Target distribution of the measures of synthetic cells, estimated on real cells.

``python -m allcore data measure`` writes ``targets.json`` beside this file.
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
"""Measures with a target; those of ``LOGARITHMIC`` are stored as logarithms."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class ClassTargets:
    """Distribution of K traits of one class, in the order of ``TRAITS``."""

    mean: Matrix  # (K) mean of the subjects' means
    between: Matrix  # (K, K) covariance of the subjects' means
    within: Matrix  # (K, K) covariance of a subject's cells around its mean, pooled over subjects
    rim: Matrix  # (RIM, 3) colour by distance from the outline minus the cell's mean colour


@dataclass(frozen=True)
class Targets:
    """The content of ``targets.json``."""

    command: str
    source: str
    cells: int
    subjects: int
    classes: dict[str, ClassTargets]


@functools.cache
def load() -> Targets:
    """Return the packaged targets."""
    fields = json.loads(FILE.read_text())
    classes = {
        label: ClassTargets(**{name: np.array(value) for name, value in targets.items()})
        for label, targets in fields.pop("classes").items()
    }
    return Targets(**fields, classes=classes)


def values_of(traits: Matrix) -> dict[str, float]:
    """Convert the traits (K) of one cell to measures."""
    return {
        name: float(np.exp(value) if name in LOGARITHMIC else value)
        for name, value in zip(TRAITS, traits, strict=True)
    }
