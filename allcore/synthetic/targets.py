"""What drawn cells are to look like in numbers: measured on real cells, kept in one file.

``synthetic_targets.json`` beside this file is written by the command that stands in it.
"""

import functools
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.errors import DataError
from allcore.synthetic.appearance import BANDS, Field

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


def derive(measured: pd.DataFrame, rims: dict[str, Field], *, command: str, source: str) -> Targets:
    """Targets from cells measured by ``measures.table``.

    Raises:
        DataError: a class has fewer than two subjects with two cells.
    """
    classes = {}
    for label, rows in measured.groupby("label"):
        classes[str(label)] = _class_targets(rows, rims[str(label)])
    return Targets(command, source, len(measured), measured["subject"].nunique(), classes)


def traits_of(measured: pd.DataFrame) -> Matrix:
    """Traits (N, K) of N measured cells."""
    columns = [
        np.log(measured[name].to_numpy().clip(min=1e-3)) if name in LOGARITHMIC else measured[name]
        for name in TRAITS
    ]
    return np.stack(columns, axis=1).astype(float)


def values_of(traits: Matrix) -> dict[str, float]:
    """The measures that one cell's traits (K) stand for."""
    return {
        name: float(np.exp(value) if name in LOGARITHMIC else value)
        for name, value in zip(TRAITS, traits, strict=True)
    }


def save(targets: Targets, path: Path) -> None:
    """Write the targets as JSON, rounded to what is known of them."""
    fields = asdict(targets)
    for values in fields["classes"].values():
        values.update({name: np.round(value, 5).tolist() for name, value in values.items()})
    path.write_text(json.dumps(fields, indent=None, separators=(",", ":")).replace("],", "],\n"))


def _class_targets(rows: pd.DataFrame, rim: Field) -> ClassTargets:
    traits = traits_of(rows)
    subject = rows["subject"].to_numpy()
    names = [name for name in np.unique(subject) if (subject == name).sum() > 1]
    if len(names) < 2:
        raise DataError("Each class needs two subjects with two cells: measure a larger data set.")
    means = np.stack([traits[subject == name].mean(axis=0) for name in names])
    within = np.stack([np.cov(traits[subject == name].T) for name in names]).mean(axis=0)
    return ClassTargets(means.mean(axis=0), np.cov(means.T), within, rim.astype(float))
