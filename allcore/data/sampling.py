"""Class- and subject-balanced sampling: weights of training images, and samples of cells."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from allcore.data.manifest import Manifest
from allcore.errors import DataError


def sampling_weights(
    labels: Sequence[str], groups: Sequence[str], *, subject_strength: float = 0.5
) -> NDArray[np.float64]:
    """Return the probability (N,) of drawing each image; both classes are equally likely.

    Args:
        labels: class of each image.
        groups: group of subjects of each image.
        subject_strength: 0 draws the images of a class uniformly, 1 its groups uniformly. In
            between, a group of n images is drawn n ** (1 - strength) times as often as a group of
            one image.
    """
    label_of, group_of = np.asarray(labels, dtype=str), np.asarray(groups, dtype=str)
    _, group_index, group_sizes = np.unique(group_of, return_inverse=True, return_counts=True)
    chance = group_sizes[group_index] ** -float(subject_strength)
    for label in np.unique(label_of):
        chance[label_of == label] /= chance[label_of == label].sum()
    result: NDArray[np.float64] = chance / chance.sum()
    return result


def draw_sample(manifest: Manifest, *, cells: int, seed: int = 0) -> Manifest:
    """Draw at most ``cells`` cells, half of each class, spread evenly over subjects."""
    table = manifest.table.iloc[np.random.default_rng(seed).permutation(len(manifest))]
    turn = table.groupby("group").cumcount()  # the first of each subject, then the second, ...
    chosen = [
        turn[table["label"] == label].sort_values(kind="stable").index[: cells // 2]
        for label in sorted(set(table["label"]))
    ]
    rows = sorted(int(row) for part in chosen for row in part)
    return Manifest(manifest.root, manifest.table.loc[rows].reset_index(drop=True), manifest.name)


def equal_subject_weights(
    *, labels: NDArray[np.integer], groups: NDArray[np.str_] | None
) -> NDArray[np.float64]:
    """Weights (N,) of validation cells, summing to N: subjects count equally within their class.

    Each class keeps its total weight, so that the prevalence and the support weights of the
    weighted F1 stay those of the data.

    Args:
        labels: (N,) class of each cell.
        groups: (N,) independent subject of each cell, or None for a weight of 1 each.

    Raises:
        DataError: no cells.
    """
    labels = np.asarray(labels)
    if len(labels) == 0:
        raise DataError("There are no validation cells to choose on.")
    if groups is None:
        return np.ones(len(labels))
    weight = np.zeros(len(labels))
    for label in np.unique(labels):
        of_class = labels == label
        _, which, cells = np.unique(
            np.asarray(groups, dtype=str)[of_class], return_inverse=True, return_counts=True
        )
        weight[of_class] = of_class.sum() / len(cells) / cells[which]
    return weight
