"""Shrinking the directions in which subjects of one class differ.

Within-class covariance normalisation (Hatch, Kajarekar and Stolcke, "Within-class covariance
normalization for SVM-based speaker recognition", Interspeech 2006), where a class is what all
subjects of it share: what differs among subjects of one class can't tell the class of a new one.
Our reading: as there are far fewer subjects than features, the covariance of subject means is added
to the identity instead of being inverted alone.
"""

import torch
from torch import Tensor


def matrix(values: Tensor, *, labels: Tensor, groups: Tensor, strength: float) -> Tensor:
    """The symmetric matrix (F, F) that shrinks features of unit variance.

    A direction in which the means of subjects, less the mean of their class, have variance v is
    multiplied by (1 + strength * v) ** -0.5.

    Args:
        values: (N, F) features of training cells, each of mean 0 and deviation 1.
        labels: (N,) class of each cell.
        groups: (N,) number of the independent subject of each cell, 0 to G - 1, all of them used.
        strength: 0 shrinks nothing.
    """
    means = _of_subjects(values, groups)
    subject_label = _of_subjects(labels[:, None].to(values.dtype), groups).round().squeeze(1)
    for label in subject_label.unique():
        own = subject_label == label
        means[own] -= means[own].mean(0)
    _, deviations, directions = torch.linalg.svd(means / len(means) ** 0.5, full_matrices=False)
    less = (1 + strength * deviations.square()).rsqrt() - 1
    found: Tensor = directions.T @ (less[:, None] * directions)
    return found + torch.eye(values.shape[1], dtype=values.dtype)


def _of_subjects(values: Tensor, groups: Tensor) -> Tensor:
    """(G, F) the mean of each subject's rows."""
    counts = torch.bincount(groups)
    total = values.new_zeros(len(counts), values.shape[1]).index_add_(0, groups, values)
    return total / counts[:, None]
