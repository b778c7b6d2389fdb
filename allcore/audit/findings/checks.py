"""All checks, one after the other."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from allcore import model_folder
from allcore.audit.findings import duplicates, label_errors, quality, study
from allcore.audit.findings.audit_inputs import Material
from allcore.audit.findings.finding import Finding, ordered
from allcore.audit.index import store
from allcore.data import readers, split_files
from allcore.errors import ModelError


class Check(Protocol):
    """Looks for one kind of finding."""

    @property
    def kind(self) -> str:
        """Of its findings."""

    def find(self, material: Material) -> list[Finding]:
        """What it finds; an empty list where nothing is wrong."""


LEAKS: tuple[Check, ...] = (duplicates.TwinsAcrossParts(), duplicates.SubjectsAcrossParts())
"""What hangs on the split that is looked at; the others hang on the data set alone."""
LASTING: tuple[Check, ...] = (
    duplicates.SharedCells(),
    duplicates.ExactDuplicates(),
    duplicates.NearDuplicates(),
    *study.CHECKS,
    *label_errors.CHECKS,
    *quality.CHECKS,
)
CHECKS = LEAKS + LASTING


@dataclass(frozen=True)
class Judge:
    """An installed model whose held-out predictions judge labels.

    Attributes:
        name: of the model; empty where there is none.
        sha256: of its weights.
        predictions: as ``modelfolder.read_predictions`` gives them; None where there are none.
    """

    name: str = ""
    sha256: str = ""
    predictions: pd.DataFrame | None = None


def check(material: Material, checks: Iterable[Check] = CHECKS) -> list[Finding]:
    """The findings of all checks, the most severe first."""
    return ordered(finding for each in checks for finding in each.find(material))


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
    parts = None if split is None else split_files.read(split).parts
    index = store.read(data, home)
    chosen = judge(model)
    return Material.of(
        manifest, index, split=parts, predictions=chosen.predictions, judge=chosen.name
    )


def judge(model: str | None = None, *, named_only: bool = False) -> Judge:
    """The model that judges labels; an empty one where it is not installed or can't be read.

    Args:
        model: its name; None takes the settings'.
        named_only: do without its predictions, which take some reading.
    """
    from allcore import settings

    try:
        folder = model_folder.folder(model or settings.load().model)
        info = model_folder.read_info(folder)
        predictions = None if named_only else model_folder.read_predictions(folder)
    except ModelError:
        return Judge()  # the checks do without
    return Judge(info.name, info.weights_sha256, predictions)
