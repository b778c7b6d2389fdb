"""Plan of a training run, and its data."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from allcore.data import decoded_cells, duplicate_cells, readers, sampling, split_files, splits
from allcore.data.decoded_cells import DecodedCells
from allcore.data.manifest import Manifest
from allcore.data.preprocessing import Preprocessing
from allcore.data.splits import EXCLUDED, Split
from allcore.training.fit import TrainingExamples
from allcore.training.recipe import Recipe

INITIAL_CELLS = 256
"""Number of training cells for the initial statistics of unfolded norm layers."""
VALIDATION_STRENGTH = 0.5
"""Subject balance of the validation score; equal for all recipes, so that they are comparable."""


@dataclass(frozen=True)
class TrainingPlan:
    """Inputs of a training run."""

    data: Path  # the data set
    out: Path  # the model folder to write; its name is the model's
    architecture: str  # name in the registry
    config: dict[str, Any]  # arguments of its constructor; missing ones have their defaults
    init: str  # ``none``, ``imagenet`` or a safetensors file
    split: str | Path  # ``subject``, ``image``, or the file of a fixed split
    folds: int  # number of parts of the subjects; one is the test part, the next validation
    fold: int  # index of the test part
    preprocessing: Preprocessing  # crop and normalisation of the cells
    recipe: Recipe  # all hyperparameters
    device: str  # auto, cpu, cuda or cuda:<n>
    command: str  # the command line, for the card


@dataclass(frozen=True)
class TrainingData:
    """Data of a run: N cells and their split."""

    manifest: Manifest  # one row a cell
    cells: DecodedCells  # the same, decoded
    split: Split  # assignment of the cells to training, validation and test
    targets: NDArray[np.float64]  # (N,) 1 for ALL blasts, 0 for normal cells

    def weights(self, part: str, *, subject_strength: float) -> NDArray[np.float64]:
        """Balanced weights of the cells in a part, see ``sampling.sampling_weights``."""
        rows = self.manifest.table[self.split.mask(self.manifest, part)]
        return sampling.sampling_weights(
            rows["label"].tolist(), rows["group"].tolist(), subject_strength=subject_strength
        )

    def examples(self, part: str, *, subject_strength: float) -> TrainingExamples:
        """Examples of a part of the split, for the fit loop."""
        chosen = self.split.mask(self.manifest, part)
        return TrainingExamples(
            pixels=torch.from_numpy(self.cells.pixels[chosen]),
            targets=torch.from_numpy(self.targets[chosen]).float(),
            weights=torch.from_numpy(self.weights(part, subject_strength=subject_strength)),
        )

    def validation_examples(self) -> TrainingExamples | None:
        """Validation cells, or None without any; the weights do not depend on the recipe."""
        if not self.split.mask(self.manifest, "validation").any():
            return None
        return self.examples("validation", subject_strength=VALIDATION_STRENGTH)


def gather(plan: TrainingPlan, *, show: bool = True) -> TrainingData:
    """Read, split and decode the data of a run.

    A split by subject excludes training cells that duplicate a test cell of another subject.

    Raises:
        DataError: the data set or the split's file can't be used, or one class is missing.
    """
    if isinstance(plan.split, Path):
        return _split_by_file(plan, plan.split, show)
    manifest, cells, targets = _decoded(plan, readers.read(plan.data).labelled(), show)
    if plan.split == "image":
        split = splits.image_split(manifest, seed=plan.recipe.seed)
    else:
        split = splits.subject_split(
            manifest, seed=plan.recipe.seed, folds=plan.folds, fold=plan.fold
        )
        split = splits.without_duplicates(
            split, manifest, duplicate_cells.families(manifest, cells)
        )
    return TrainingData(manifest, cells, splits.require_both_classes(split, manifest), targets)


def gather_folds(plan: TrainingPlan, *, show: bool = True) -> list[TrainingData]:
    """Read and decode the data of every fold of a split by subject, once for all folds.

    Raises:
        DataError: the data set can't be used, or has too few subjects for the folds.
    """
    manifest, cells, targets = _decoded(plan, readers.read(plan.data).labelled(), show)
    dealt = splits.subject_folds(manifest, seed=plan.recipe.seed, folds=plan.folds)
    families = duplicate_cells.families(manifest, cells)
    distinct = [splits.without_duplicates(split, manifest, families) for split in dealt]
    return [
        TrainingData(manifest, cells, splits.require_both_classes(split, manifest), targets)
        for split in distinct
    ]


def _split_by_file(plan: TrainingPlan, file: Path, show: bool) -> TrainingData:
    """Read the data of a split from a file; excluded images are not decoded.

    Near-duplicates of test cells stay in their part, and are counted.
    """
    whole = readers.read(plan.data)
    split = split_files.fit_to_manifest(split_files.read_split(file), whole)
    used = whole.table["image_id"].map(split.parts).fillna(EXCLUDED) != EXCLUDED
    table = whole.table[used].reset_index(drop=True)
    manifest, cells, targets = _decoded(plan, Manifest(whole.root, table, whole.name), show)
    train, validation, test = (
        split.mask(manifest, part) for part in ("train", "validation", "test")
    )
    families = duplicate_cells.families(manifest, cells)
    twins = np.isin(families[test], families[train | validation])
    return TrainingData(manifest, cells, replace(split, twins=int(twins.sum())), targets)


def _decoded(
    plan: TrainingPlan, manifest: Manifest, show: bool
) -> tuple[Manifest, DecodedCells, NDArray[np.float64]]:
    with tqdm(total=len(manifest), desc="Decoding", disable=None if show else True) as bar:
        cells = decoded_cells.decode(manifest.paths(), plan.preprocessing, progress=bar.update)
    return manifest, cells, np.where(manifest.table["label"] == "all", 1.0, 0.0)
