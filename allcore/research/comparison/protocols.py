"""The two protocols: splits of the cells into training, validation and test parts.

``paper`` splits images 8:1:1, as the publications do: cells of one subject, and images of one cell,
may be in both training and test part. ``unseen`` divides groups of subjects into folds; each is
tested once by a network trained without its subjects and without other images of its cells.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allcore import formats
from allcore.data import splits
from allcore.data.manifest import Manifest
from allcore.data.splits import Split
from allcore.errors import DataError

FEWEST_CELLS = 10
"""Minimum cells of each class for a split of images in tenths."""


@dataclass(frozen=True)
class ProtocolSplit:
    """A split on which every network is trained and tested once."""

    protocol: str  # key of ``PROTOCOLS``
    split: Split  # training, validation and test cells
    twins: int  # number of test cells with another image in the training part
    excluded: int  # number of cells in no part because they duplicate a test cell

    @property
    def fold(self) -> int:
        """Index of the test part."""
        return self.split.fold

    def digest(self) -> str:
        """Short digest of the split."""
        parts = self.split.parts.sort_index()
        text = "\n".join(f"{image}\t{part}" for image, part in parts.items())
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def protocol_splits(
    manifest: Manifest, families: NDArray[np.intp], *, protocol: str, folds: int, seed: int
) -> list[ProtocolSplit]:
    """Return the splits of a protocol: one for ``paper``, one a fold for ``unseen``.

    Args:
        manifest: N labelled images.
        families: (N,) equal for images of one cell, see ``allcore.data.duplicate_cells``.
        protocol: key of ``PROTOCOLS``.
        folds: of ``unseen``.
        seed: of the split.

    Raises:
        DataError: as ``check``.
    """
    check(manifest, protocol=protocol, folds=folds)
    if protocol == "paper":
        return [_protocol_split(manifest, families, splits.image_split(manifest, seed=seed))]
    dealt = splits.subject_folds(manifest, seed=seed, folds=folds)
    return [_protocol_split(manifest, families, split) for split in dealt]


def check(manifest: Manifest, *, protocol: str, folds: int) -> None:
    """Raise a DataError where a class has too few cells, or too few groups of subjects."""
    if protocol == "paper":
        _check_cells(manifest)
    else:
        _check_groups(manifest, folds)


def _check_cells(manifest: Manifest) -> None:
    counts = manifest.table["label"].value_counts()
    if len(counts) < 2 or counts.min() < FEWEST_CELLS:
        raise DataError(
            f"The paper's split needs {FEWEST_CELLS} cells with each of the labels 'all' and "
            "'hem': add some, or choose --protocols unseen."
        )


def _check_groups(manifest: Manifest, folds: int) -> None:
    unknown = int(manifest.table["subject"].isna().sum())
    if unknown:
        raise DataError(
            f"The subject of {formats.count(unknown, 'image')} is unknown, so no network can be "
            "judged on unseen subjects: give a CSV table with a column subject, or choose "
            "--protocols paper."
        )
    groups = manifest.table.groupby("label")["group"].nunique()
    fewest = int(groups.min()) if len(groups) == 2 else 0
    if fewest < folds:
        able = f"use --folds {fewest}" if fewest >= 3 else "add subjects"
        raise DataError(
            f"A class has only {fewest} groups of subjects, too few for {folds} folds: {able}, "
            "or choose --protocols paper."
        )


def _protocol_split(manifest: Manifest, families: NDArray[np.intp], split: Split) -> ProtocolSplit:
    protocol = "paper" if split.kind == "image" else "unseen"
    excluded = 0
    if protocol == "unseen":
        split = splits.without_duplicates(split, manifest, families)
        excluded = int((split.parts == splits.EXCLUDED).sum())
    trained, tested = (split.mask(manifest, part) for part in ("train", "test"))
    twins = int(np.isin(families[tested], families[trained]).sum())
    return ProtocolSplit(protocol, split, twins, excluded)
