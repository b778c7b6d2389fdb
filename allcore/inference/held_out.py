"""Training images of a model, and the held-out images of a data set for its evaluation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from allcore import model_folder
from allcore.data import subjects
from allcore.data.manifest import Manifest
from allcore.errors import DataError
from allcore.model_folder import ModelInfo

TrainingExposure = Literal["cell", "subject", "no", "unknown"]
"""Exposure of a network to a cell in training: to itself, to its subject, to neither."""

# Where two parts have images of one subject group, the later part here wins: training taints.
PARTS = ("test", "validation", "train")


@dataclass(frozen=True)
class TrainingSet:
    """Images and subjects of a network's training."""

    images: frozenset[str]  # names of the images, as ``subjects.original_id`` gives them
    groups: frozenset[str]  # independent subjects
    complete: bool  # whether the subject of every image of the split is recorded

    @classmethod
    def of(cls, folder: Path, info: ModelInfo) -> "TrainingSet":
        """Read the training set of the network in a model folder.

        Raises:
            ModelError: split.csv is missing or damaged, or model.json doesn't say how it was split.
        """
        separation = info.separation
        split = model_folder.read_split(folder)
        people = info.training["split"].get("train", ())
        return cls(
            frozenset(map(subjects.original_id, split.index[split == "train"])),
            frozenset(map(subjects.group_of, people)),
            complete=separation.groups > 0 and not separation.unknown,
        )

    def exposure(self, image_id: str, group: str | None) -> TrainingExposure:
        """Exposure of the training to a cell; `group` is its independent subject, if known."""
        if subjects.original_id(image_id) in self.images:
            return "cell"
        if group in self.groups:
            return "subject"
        return "no" if group is not None and self.complete else "unknown"


@dataclass(frozen=True)
class Selection:
    """Labelled images with their `split`, 'validation' or 'test'."""

    manifest: Manifest
    trained_on: int  # images excluded because they or their subjects were in the training
    unknown: int  # images excluded because the model's split does not contain them


def select(data: Manifest, info: ModelInfo, folder: Path) -> Selection:
    """Select the labelled images of `data` that were not in the training of `info`.

    Images are looked up by name in the model's split.csv and, unless a subject is in two parts, by
    their subject's group in model.json. A data set without any match is test as a whole; without
    subjects nobody knows whether it shares some with the training data.

    Raises:
        DataError: no image has a label, or the model was trained on all labelled images.
        ModelError: split.csv is missing or damaged, or model.json doesn't say how it was split.
    """
    labelled = data.labelled()
    part = parts(labelled.table, info, folder)
    if part.isna().all():
        part = pd.Series("test", index=part.index)
    chosen = part.isin(("validation", "test"))
    if not chosen.any():
        raise DataError(
            f"{info.name} was trained on every labelled image of {data.root}: evaluate it on "
            "images that it hasn't seen; its out-of-fold figures, if any, are in its card."
        )
    table = labelled.table.assign(split=part)[chosen].reset_index(drop=True)
    return Selection(
        Manifest(data.root, table, data.name),
        trained_on=int((part == "train").sum()),
        unknown=int(part.isna().sum()),
    )


def parts(table: pd.DataFrame, info: ModelInfo, folder: Path) -> "pd.Series[str]":
    """Part of the model's split for each image of a manifest's table; missing where unknown.

    Raises:
        ModelError: split.csv is missing or damaged, or model.json doesn't say how it was split.
    """
    part = _by_image(table, folder)
    if info.separation.state != "shared":
        part = part.fillna(_by_subject(table, info))
    return part


def _by_image(table: pd.DataFrame, folder: Path) -> "pd.Series[str]":
    """Part of each image, or of its original, by id or C-NMC name; missing without either."""
    split = model_folder.read_split(folder)
    part_of = dict(zip(split.index.map(subjects.canonical_id), split, strict=True))
    part = table["image_id"].map(subjects.canonical_id).map(part_of)
    original = {subjects.original_id(name): part_of[name] for name in part_of}
    return part.fillna(table["image_id"].map(subjects.original_id).map(original))


def _by_subject(table: pd.DataFrame, info: ModelInfo) -> "pd.Series[str]":
    """Part of each image by its group of subjects; missing where the group is unknown."""
    split = info.training["split"]
    part_of = {
        subjects.group_of(subject): part for part in PARTS for subject in split.get(part, ())
    }
    return table["group"].map(part_of)
