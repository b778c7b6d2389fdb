"""What a training run is asked for, and the data it works on."""

from dataclasses import dataclass, field, replace
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
from allcore.training.fit import Examples
from allcore.training.recipe import Recipe


@dataclass(frozen=True)
class Plan:
    """What a run is asked for.

    Attributes:
        data: the data set.
        out: the model folder to write; its name is the model's.
        architecture: name in the registry.
        config: arguments of its constructor; those not given keep their defaults.
        init: ``none``, ``imagenet`` or a safetensors file.
        split: ``subject``, ``image``, or the file of a split that is taken as it is.
        folds: parts that subjects are dealt into; one is the test part, the next validation.
        fold: which part is tested.
        preprocessing: how cells are cut and normalised.
        recipe: every choice of the training itself.
        device: auto, cpu, cuda or cuda:<n>.
        command: the command line that asked, for the card.
        nested: whether an out-of-fold run calibrates each fold on all subjects outside of it.
    """

    data: Path
    out: Path
    architecture: str
    config: dict[str, Any]
    init: str
    split: str | Path
    folds: int
    fold: int
    preprocessing: Preprocessing
    recipe: Recipe
    device: str
    command: str
    nested: bool = False


@dataclass(frozen=True)
class Material:
    """The data of a run: N rows, their cut cells, the split, and one target (N,) a row.

    ``statistics`` (N, F) is what a body that stays frozen read of each cell, see ``heads``.
    ``learned`` (N,) are the targets of training cells where they are not ``targets``.
    """

    manifest: Manifest
    cells: DecodedCells
    split: Split
    targets: NDArray[np.float64]
    statistics: torch.Tensor | None = field(default=None, kw_only=True)
    learned: NDArray[np.float64] | None = field(default=None, kw_only=True)

    def weights(self, part: str, *, subject_strength: float) -> NDArray[np.float64]:
        """Balanced weights of the cells in a part of the split."""
        rows = self.manifest.table[self.split.mask(self.manifest, part)]
        return sampling.weights(
            rows["label"].tolist(), rows["group"].tolist(), subject_strength=subject_strength
        )

    def examples(self, part: str, *, subject_strength: float) -> Examples:
        """The cells of a part of the split, as the fit loop takes them."""
        chosen = self.split.mask(self.manifest, part)
        targets = self.learned if part == "train" and self.learned is not None else self.targets
        return Examples(
            pixels=self._inputs(chosen),
            targets=torch.from_numpy(targets[chosen]).float(),
            weights=torch.from_numpy(self.weights(part, subject_strength=subject_strength)),
        )

    def _inputs(self, chosen: NDArray[np.bool_]) -> torch.Tensor:
        """Pixels (M, 3, S, S), or what was read of them, (M, F, 1, 1): pictures have four axes."""
        if self.statistics is None:
            return torch.from_numpy(self.cells.pixels[chosen])
        return self.statistics[torch.tensor(chosen)][:, :, None, None]


def gather(plan: Plan, *, show: bool = True) -> Material:
    """Read, split, decode: everything a run knows before it learns.

    A split by subject leaves out what shows a test cell again under another subject.

    Raises:
        DataError: the data set or the split's file can't be used, or one class is missing.
    """
    if isinstance(plan.split, Path):
        return _of_file(plan, plan.split, show)
    manifest, cells, targets = _decoded(plan, readers.read(plan.data).labelled(), show)
    if plan.split == "image":
        split = splits.image_split(manifest, seed=plan.recipe.seed)
    else:
        split = splits.subject_split(
            manifest, seed=plan.recipe.seed, folds=plan.folds, fold=plan.fold
        )
        split = splits.without_twins(split, manifest, duplicate_cells.families(manifest, cells))
    return Material(manifest, cells, split, targets)


def gather_folds(plan: Plan, *, show: bool = True) -> list[Material]:
    """The same for every fold of a split by subject, read and decoded once.

    Raises:
        DataError: the data set can't be used, or has too few subjects for the folds.
    """
    manifest, cells, targets = _decoded(plan, readers.read(plan.data).labelled(), show)
    dealt = splits.subject_folds(manifest, seed=plan.recipe.seed, folds=plan.folds)
    families = duplicate_cells.families(manifest, cells)
    return [
        Material(manifest, cells, splits.without_twins(split, manifest, families), targets)
        for split in dealt
    ]


def _of_file(plan: Plan, file: Path, show: bool) -> Material:
    """The same for a split that a file tells; what that leaves out is not even read.

    Twins of test cells stay where the file puts them, and are counted.
    """
    whole = readers.read(plan.data)
    split = split_files.fitted(split_files.read(file), whole)
    used = whole.table["image_id"].map(split.parts).fillna(EXCLUDED) != EXCLUDED
    table = whole.table[used].reset_index(drop=True)
    kept = Manifest(whole.root, table, whole.name)
    manifest, cells, targets = _decoded(plan, kept, show)
    learned = [split.mask(manifest, part) for part in ("train", "validation", "test")]
    families = duplicate_cells.families(manifest, cells)
    again = np.isin(families[learned[2]], families[learned[0] | learned[1]])
    return Material(manifest, cells, replace(split, twins=int(again.sum())), targets)


def _decoded(
    plan: Plan, manifest: Manifest, show: bool
) -> tuple[Manifest, DecodedCells, NDArray[np.float64]]:
    with tqdm(total=len(manifest), desc="Decoding", disable=None if show else True) as bar:
        cells = decoded_cells.decode(manifest.paths(), plan.preprocessing, progress=bar.update)
    return manifest, cells, np.where(manifest.table["label"] == "all", 1.0, 0.0)
