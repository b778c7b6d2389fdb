"""Splits of a manifest into training, validation and test images.

``image`` is the paper's protocol: 8:1:1 over images, stratified by class. Cells of one subject
then stand on both sides, so whoever recognises the subject knows the label. ``subject`` keeps
every group of subjects (``Manifest`` column ``group``) on one side, and is the honest one.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.data.manifest import Manifest
from allcore.errors import DataError
from allcore.labels import LABELS

PARTS = ("train", "validation", "test")
SPLIT_ALIASES = {
    "test": "test", "testing": "test",
    "validation": "validation", "val": "validation", "valid": "validation", "dev": "validation",
    "train": "train", "training": "train",
}  # fmt: skip
"""What tables call the parts, in lower case."""
FOLDS = 10
"""Parts of the paper's split, one each to validation and test."""
EXCLUDED = "excluded"
"""Part of the images that a split leaves out."""


@dataclass(frozen=True)
class Split:
    """Which part each image belongs to.

    Attributes:
        kind: ``image``, ``subject`` or, told by a file, ``file``.
        seed: what the split was drawn with.
        parts: one of ``PARTS`` or ``EXCLUDED`` per image, indexed by image id.
        fold: which of ``folds`` the test part is.
        folds: number of equal parts the groups were dealt into.
    """

    kind: str
    seed: int
    parts: "pd.Series[str]"
    fold: int = 0
    folds: int = 10

    def mask(self, manifest: Manifest, part: str) -> np.ndarray:
        """Boolean (N,): which rows of the manifest are in ``part``."""
        return (self.parts.reindex(manifest.table["image_id"]) == part).to_numpy()

    def subjects(self, manifest: Manifest, part: str) -> list[str]:
        """Subjects with at least one image in ``part``, sorted."""
        return sorted(set(manifest.table["subject"][self.mask(manifest, part)].dropna()))

    @property
    def keeps_subjects_apart(self) -> bool:
        """Whether no subject is in two parts."""
        return self.kind == "subject"

    def record(self) -> dict[str, Any]:
        """How it was drawn, as in model.json."""
        return {"kind": self.kind, "seed": self.seed, "folds": self.folds, "fold": self.fold}


def image_split(manifest: Manifest, *, seed: int) -> Split:
    """The paper's split: 8:1:1 over images, stratified by label.

    Raises:
        DataError: a class has fewer images than there are parts.
    """
    for label, number in _of_both_classes(manifest).items():
        if number < FOLDS:
            raise DataError(
                f"Only {number} images are labelled '{label}', too few for {FOLDS} parts: add some."
            )
    from sklearn.model_selection import StratifiedKFold

    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    return _from_folds(manifest, _fold_numbers(manifest, folds), kind="image", seed=seed, fold=0)


def subject_split(manifest: Manifest, *, seed: int, folds: int = 10, fold: int = 0) -> Split:
    """A split by groups of subjects: one fold of ``folds`` to test, the next to validation.

    Ten folds give 8:1:1; five give 3:1:1 with twice the subjects to test on. Groups are dealt so
    that every fold has a like number of subjects of each class and, among those, of cells.

    Raises:
        DataError: a class is missing or has fewer groups than there are folds.
    """
    numbers = _deal_groups(manifest, seed=seed, folds=folds)
    return _from_folds(manifest, numbers, kind="subject", seed=seed, fold=fold)


def subject_folds(manifest: Manifest, *, seed: int, folds: int) -> list[Split]:
    """All ``folds`` splits of one dealing: every image is in the test part exactly once."""
    numbers = _deal_groups(manifest, seed=seed, folds=folds)
    return [
        _from_folds(manifest, numbers, kind="subject", seed=seed, fold=fold)
        for fold in range(folds)
    ]


def without_duplicates(
    split: Split, manifest: Manifest, families: NDArray[np.intp], *, of: str = "test"
) -> Split:
    """The split without the images of earlier parts that show a cell of one part again.

    Args:
        split: of the manifest.
        manifest: N images.
        families: (N,) equal for images of one cell, as ``duplicate_cells.families`` gives.
        of: the part whose cells are looked for. Twins of ``test`` are left out of training and
            validation, twins of ``validation`` out of training alone.
    """
    earlier = [split.mask(manifest, part) for part in PARTS[: PARTS.index(of)]]
    again = np.isin(families, families[split.mask(manifest, of)]) & np.any(earlier, axis=0)
    parts = split.parts.copy()
    parts[manifest.table["image_id"].to_numpy()[again]] = EXCLUDED
    return replace(split, parts=parts)


def _deal_groups(manifest: Manifest, *, seed: int, folds: int) -> np.ndarray:
    """Fold number (N,) of each image.

    Groups of a class are shuffled, ordered by size and dealt in rounds of ``folds``: each round
    gives every fold one group, and the fold that holds the fewest cells gets the largest. Cells
    alone would put one large subject against many small ones, and figures would rest on few
    people.
    """
    _of_both_classes(manifest)
    table = manifest.table
    random = np.random.default_rng(seed)
    number_of: dict[str, int] = {}
    for label, rows in table.groupby("label"):
        sizes = rows["group"].value_counts()
        if len(sizes) < folds:
            raise DataError(
                f"Only {len(sizes)} groups of subjects are labelled '{label}', too few for "
                f"{folds} parts: split by image, or use fewer folds."
            )
        sizes = sizes.iloc[random.permutation(len(sizes))].sort_values(
            ascending=False, kind="stable"
        )
        number_of.update(_deal(sizes, folds=folds, random=random))
    return table["group"].map(number_of).to_numpy(dtype=int)


def _of_both_classes(manifest: Manifest) -> dict[str, int]:
    """Images of each class, of which none may be missing."""
    counts = manifest.table["label"].value_counts()
    for label in LABELS:
        if label not in counts:
            raise DataError(
                f"No image is labelled '{label}': a split needs labelled cells of both classes."
            )
    return {str(label): int(number) for label, number in counts.items()}


def _deal(sizes: "pd.Series[int]", *, folds: int, random: np.random.Generator) -> dict[str, int]:
    held = np.zeros(folds)
    number_of = {}
    for start in range(0, len(sizes), folds):
        hand = sizes.iloc[start : start + folds]
        order = np.lexsort((random.random(folds), held))
        for (group, size), fold in zip(hand.items(), order, strict=False):
            number_of[str(group)] = int(fold)
            held[fold] += size
    return number_of


def _fold_numbers(manifest: Manifest, splitter: object) -> np.ndarray:
    numbers = np.empty(len(manifest), dtype=int)
    labels = manifest.table["label"]
    for number, (_, held_out) in enumerate(splitter.split(labels, labels)):  # type: ignore[attr-defined]
        numbers[held_out] = number
    return numbers


def _from_folds(
    manifest: Manifest, numbers: np.ndarray, *, kind: str, seed: int, fold: int
) -> Split:
    folds = int(numbers.max()) + 1
    if not 0 <= fold < folds:
        raise DataError(f"There is no fold {fold}: choose 0 to {folds - 1}.")
    parts = np.full(len(numbers), PARTS[0], dtype=object)
    parts[numbers == (fold + 1) % folds] = PARTS[1]
    parts[numbers == fold] = PARTS[2]
    series = pd.Series(parts, index=manifest.table["image_id"].to_numpy(), name="split")
    return Split(kind, seed, series, fold, folds)
