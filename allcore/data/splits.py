"""Splits of a manifest into training, validation and test images.

``image`` is the paper's protocol: 8:1:1 over images, stratified by class. Cells of one subject are
then in several parts, so that recognising the subject reveals the label. ``subject`` keeps every
group of subjects (``Manifest`` column ``group``) in one part, which avoids this leak.
"""

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore import formats
from allcore.data.manifest import Manifest, originals
from allcore.errors import DataError
from allcore.labels import CLASS_NAMES, CLASS_PLURALS, LABELS

PARTS = ("train", "validation", "test")
SPLIT_ALIASES = {
    "test": "test", "testing": "test", "tst": "test", "holdout": "test", "hold out": "test",
    "validation": "validation", "val": "validation", "valid": "validation", "dev": "validation",
    "train": "train", "training": "train", "trn": "train",
}  # fmt: skip
"""Accepted names of the parts, in lower case; "set" or "data" may follow (``parse_part``)."""
FOLDS = 10
"""Number of folds of the paper's split, one each for validation and test."""
FEWEST_FOLDS = 3
"""Training, validation and test."""
EXCLUDED = "excluded"
"""Part of images that a split leaves out."""


def parse_part(text: object) -> str | None:
    """Return the part of a word as people write it; None where it is unknown.

    >>> parse_part("Valid"), parse_part("training_set"), parse_part("fold 2")
    ('validation', 'train', None)
    """
    word = re.sub(r"[\s_-]*(?:set|data|split)$", "", str(text).strip().casefold())
    return SPLIT_ALIASES.get(re.sub(r"[\s_-]+", " ", word))


@dataclass(frozen=True)
class Split:
    """Assignment of images to parts."""

    kind: str  # ``image``, ``subject`` or ``file``
    seed: int  # of the draw
    parts: "pd.Series[str]"  # one of ``PARTS`` or ``EXCLUDED`` per image, indexed by image id
    fold: int = 0  # number of the test fold
    folds: int = 10

    def mask(self, manifest: Manifest, part: str) -> np.ndarray:
        """Return a boolean mask (N,) of the manifest's rows in ``part``."""
        return (self.parts.reindex(manifest.table["image_id"]) == part).to_numpy()

    def subjects(self, manifest: Manifest, part: str) -> list[str]:
        """Return the subjects with at least one image in ``part``, sorted."""
        return sorted(set(manifest.table["subject"][self.mask(manifest, part)].dropna()))

    @property
    def keeps_subjects_apart(self) -> bool:
        """True if no subject is in two parts."""
        return self.kind == "subject"

    def record(self) -> dict[str, Any]:
        """Return the parameters of the draw for model.json."""
        return {"kind": self.kind, "seed": self.seed, "folds": self.folds, "fold": self.fold}


def image_split(manifest: Manifest, *, seed: int) -> Split:
    """Draw the paper's split: 8:1:1 over images, stratified by label; copies of a cell together.

    Raises:
        DataError: a class has fewer images than there are folds.
    """
    for label, number in _of_both_classes(manifest).items():
        if number < FOLDS:
            raise DataError(
                f"Only {formats.count(number, 'image')} of {CLASS_PLURALS[label]}, too few for "
                f"{FOLDS} parts: add some."
            )
    from sklearn.model_selection import StratifiedKFold

    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    numbers, labels = np.empty(len(manifest), dtype=int), manifest.table["label"]
    for number, (_, held_out) in enumerate(folds.split(labels, labels)):
        numbers[held_out] = number
    first = pd.Series(originals(manifest.table)).drop_duplicates()
    number_of = dict(zip(first, numbers[first.index], strict=True))
    numbers = np.array([number_of[cell] for cell in originals(manifest.table)])
    return _from_folds(manifest, numbers, kind="image", seed=seed, fold=0)


def subject_split(manifest: Manifest, *, seed: int, folds: int = 10, fold: int = 0) -> Split:
    """Draw a split by groups of subjects: one fold of ``folds`` for test, the next for validation.

    Ten folds give 8:1:1; five give 3:1:1 with twice the test subjects. Every fold gets a similar
    number of subjects of each class, then of cells.

    Raises:
        DataError: a class is missing or has fewer groups than there are folds.
    """
    numbers = _deal_groups(manifest, seed=seed, folds=folds)
    return _from_folds(manifest, numbers, kind="subject", seed=seed, fold=fold)


def subject_folds(manifest: Manifest, *, seed: int, folds: int) -> list[Split]:
    """Return all ``folds`` splits of one draw; every image is in the test part exactly once."""
    numbers = _deal_groups(manifest, seed=seed, folds=folds)
    return [
        _from_folds(manifest, numbers, kind="subject", seed=seed, fold=fold)
        for fold in range(folds)
    ]


def most_folds(manifest: Manifest) -> int:
    """Return the largest number of folds by subjects: that of the groups of the smaller class."""
    groups = manifest.table.groupby("label")["group"].nunique()
    return int(groups.reindex(list(LABELS), fill_value=0).min())


def without_duplicates(
    split: Split, manifest: Manifest, families: NDArray[np.intp], *, of: str = "test"
) -> Split:
    """Exclude images of earlier parts that duplicate a cell of one part.

    Args:
        split: of the manifest.
        manifest: N images.
        families: (N,) equal for images of one cell, as ``duplicate_cells.families`` returns.
        of: the part that must be free of duplicates. Duplicates of ``test`` cells are excluded from
            training and validation, those of ``validation`` cells from training.
    """
    earlier = [split.mask(manifest, part) for part in PARTS[: PARTS.index(of)]]
    again = np.isin(families, families[split.mask(manifest, of)]) & np.any(earlier, axis=0)
    parts = split.parts.copy()
    parts[manifest.table["image_id"].to_numpy()[again]] = EXCLUDED
    return replace(split, parts=parts)


def _deal_groups(manifest: Manifest, *, seed: int, folds: int) -> np.ndarray:
    """Return the fold number (N,) of each image.

    Groups of a class are shuffled, sorted by size and assigned in rounds of ``folds``. Each round
    gives every fold one group; the fold with the fewest cells gets the largest. Balancing cells
    alone would put one large subject against many small ones, and estimates would rest on few
    subjects.
    """
    _of_both_classes(manifest)
    table = manifest.table
    random = np.random.default_rng(seed)
    number_of: dict[str, int] = {}
    if most_folds(manifest) < folds:
        raise _too_few(table, folds)
    for _, rows in table.groupby("label"):
        sizes = rows["group"].value_counts()
        sizes = sizes.iloc[random.permutation(len(sizes))].sort_values(
            ascending=False, kind="stable"
        )
        held = np.zeros(folds)
        for start in range(0, len(sizes), folds):
            order = np.lexsort((random.random(folds), held))
            hand = sizes.iloc[start : start + folds]
            for (group, size), fold in zip(hand.items(), order, strict=False):
                number_of[str(group)] = int(fold)
                held[fold] += size
    return table["group"].map(number_of).to_numpy(dtype=int)


def require_both_classes(split: Split, manifest: Manifest) -> Split:
    """Return the split; raise a DataError where a part lacks a class.

    A network is trained on the first part, its threshold is chosen on the second, and it is judged
    on the third. A subject with cells of both classes, or twins left out, may leave one without.
    """
    for part in PARTS:
        labels = set(manifest.table["label"][split.mask(manifest, part)])
        for label, words in CLASS_PLURALS.items():
            if label not in labels:
                raise DataError(
                    f"The split leaves no {words[:-1]} in the part '{part}', and every part needs "
                    "both classes: use another --seed or --fold, or add cells."
                )
    return split


def _too_few(table: pd.DataFrame, folds: int) -> DataError:
    """The error for a class with fewer groups than folds, with an advice that works."""
    groups = table.groupby("label")["group"].nunique()
    fewest = int(groups.min())
    unit = "subject" if table["subject"].notna().all() else "cell or subject"
    unit = unit if table["subject"].notna().any() else "cell"
    advice = "add some"
    if fewest >= FEWEST_FOLDS:
        advice = f"use --folds {fewest}"
    elif int(table["label"].value_counts().min()) >= FOLDS:
        advice = "add some, or use --split image"
    return DataError(
        f"The class {CLASS_NAMES[str(groups.idxmin())]} has only {formats.count(fewest, unit)}, "
        f"too few for {folds} folds: {advice}."
    )


def _of_both_classes(manifest: Manifest) -> dict[str, int]:
    """Count the images of each class; raise where one is missing."""
    manifest.require_decided()
    counts = manifest.table["label"].value_counts()
    for label in LABELS:
        if label not in counts:
            raise DataError(
                f"No image is labelled {CLASS_NAMES[label]}: a split needs labelled cells of both "
                "classes."
            )
    return {label: int(counts[label]) for label in LABELS}


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
