"""Which images of a data set a model may be judged on: those that its training never saw."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from allcore import model_folder
from allcore.data import subjects
from allcore.data.manifest import Manifest
from allcore.errors import DataError, ModelError
from allcore.model_folder import ModelInfo

# Where two parts claim a subject's group, the last one here has it: training taints.
PARTS = ("test", "validation", "train")


@dataclass(frozen=True)
class Selection:
    """Labelled images with their `split`, 'validation' or 'test'."""

    manifest: Manifest
    trained_on: int  # images left out because the model learned from them or their subjects
    unknown: int  # images left out because the model's split says nothing of them


def select(data: Manifest, info: ModelInfo, folder: Path) -> Selection:
    """The labelled images of `data` that `info`'s training never saw.

    Images are looked up by name in the model's split.csv and, where it was split by subject, by
    their subject's group in model.json. A data set of which neither knows a single image shares
    nothing with the training data: all of it is test.

    Raises:
        DataError: no image has a label, or the model was trained on all that have one.
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
    """The part of the model's split that each image of a manifest's table is in, or missing.

    Raises:
        ModelError: split.csv is missing or damaged, or model.json doesn't say how it was split.
    """
    part = _by_image(table, folder)
    if info.split_kind == "subject":
        part = part.fillna(_by_subject(table, info))
    return part


def _by_image(table: pd.DataFrame, folder: Path) -> "pd.Series[str]":
    """The part of each image by its id or C-NMC name, missing where split.csv has neither."""
    path = folder / model_folder.SPLIT
    try:
        split = pd.read_csv(path, dtype=str)[["image_id", "split"]]
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"{path} can't be read, so nobody knows which images the model was trained on: "
            "restore the model folder."
        ) from error
    part_of = dict(zip(split["image_id"].map(_name), split["split"], strict=True))
    return table["image_id"].map(_name).map(part_of)


def _by_subject(table: pd.DataFrame, info: ModelInfo) -> "pd.Series[str]":
    """The part that each image's group of subjects is in, missing where it is in none."""
    split = info.training["split"]
    part_of = {
        subjects.group_of(subject): part for part in PARTS for subject in split.get(part, ())
    }
    return table["group"].map(part_of)


def _name(image_id: str) -> str:
    """The id; a C-NMC name without folders and suffix, which readers keep differently."""
    return PurePosixPath(image_id).stem if subjects.parse_name(image_id) else image_id
