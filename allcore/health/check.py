"""All checks, one after the other."""

from pathlib import Path
from typing import Protocol

import pandas as pd

from allcore import modelfolder
from allcore.data import readers
from allcore.errors import DataError, ModelError
from allcore.health import copies, quality, study
from allcore.health.findings import Finding, ordered
from allcore.health.material import Material
from allcore.index import store


class Check(Protocol):
    """Looks for one kind of finding."""

    @property
    def kind(self) -> str:
        """Of its findings."""

    def find(self, material: Material) -> list[Finding]:
        """What it finds; an empty list where nothing is wrong."""


CHECKS: tuple[Check, ...] = (
    copies.TwinsAcrossParts(),
    copies.SubjectsAcrossParts(),
    copies.SharedCells(),
    copies.ExactDuplicates(),
    copies.NearDuplicates(),
    *study.CHECKS,
    *quality.CHECKS,
)


def check(material: Material) -> list[Finding]:
    """The findings of all checks, the most severe first."""
    return ordered(finding for each in CHECKS for finding in each.find(material))


def load(
    data: Path, *, split: Path | None = None, model: str | None = None, home: Path | None = None
) -> Material:
    """The material of an indexed data set.

    Args:
        data: its folder or CSV file.
        split: a ``split.csv`` with the columns image_id and split; None takes the manifest's.
        model: installed model whose held-out predictions judge labels; None takes the settings'.
        home: state folder; None takes the settings'.

    Raises:
        DataError: the data set or the split can't be read, or there is no index.
    """
    manifest = readers.read(data)
    parts = None if split is None else _parts(split)
    index = store.read(data, home)
    return Material.of(manifest, index, split=parts, predictions=_predictions(model))


def _parts(path: Path) -> "pd.Series[str]":
    try:
        table = pd.read_csv(path, dtype=str).drop_duplicates("image_id")
        return table.set_index("image_id")["split"]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{path} can't be read as a split: it needs the columns image_id and split."
        ) from error


def _predictions(model: str | None) -> pd.DataFrame | None:
    from allcore import settings

    try:
        return modelfolder.read_predictions(modelfolder.folder(model or settings.load().model))
    except ModelError:
        return None  # the checks do without
