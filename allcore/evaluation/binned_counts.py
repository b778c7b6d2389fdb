"""Cells as counts in blocks of neighbouring probabilities: a resample is a row of counts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from allcore.evaluation import metrics
from allcore.evaluation.metrics import Floats

BINS = 256


@dataclass(frozen=True)
class BinnedCounts:
    """K blocks by falling probability, normal cells and blasts apart: 2 K columns.

    The first K columns count normal cells, the last K blasts. Up to `BLOCKS` different
    probabilities this is exact; beyond, cells of one block count as tied, which moves an interval's
    bounds in the fourth decimal.
    """

    counts: Floats  # (2 K,)
    by_subject: Floats  # (subjects, 2 K)
    squares: Floats  # (2 K,) mean squared error
    residuals: Floats  # (2 K, bins + 1) mean rows of metrics.residuals


def bin_counts(
    *,
    labels: NDArray[np.integer],
    probabilities: Floats,
    groups: NDArray[np.intp] | None,
) -> BinnedCounts:
    """Sort N cells into blocks.

    Args:
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        probabilities: (N,) calibrated probability of an ALL blast.
        groups: (N,) number of each cell's subject from 0, or None to count all as one.
    """
    column, columns = _columns(labels=labels, probabilities=probabilities)
    rows = np.zeros(len(labels), dtype=np.intp) if groups is None else groups
    size = (int(rows.max()) + 1) * columns
    by_subject = np.bincount(rows * columns + column, minlength=size).reshape(-1, columns)
    counts = by_subject.sum(axis=0)
    cell = np.arange(len(labels))
    belongs = sparse.csr_array((np.ones(len(cell)), (column, cell)), shape=(columns, len(cell)))
    residuals = metrics.residual_table(labels=labels, probabilities=probabilities)
    divisor = np.maximum(counts, 1)
    return BinnedCounts(
        counts=counts.astype(float),
        by_subject=by_subject.astype(float),
        squares=belongs @ (probabilities - labels) ** 2 / divisor,
        residuals=belongs @ residuals / divisor[:, None],
    )


def cumulative_counts(counts: Floats) -> tuple[Floats, Floats]:
    """(resamples, K) blasts and normal cells called blast as the threshold falls block by block."""
    normals, blasts = np.split(counts, 2, axis=1)
    return np.cumsum(blasts, axis=1), np.cumsum(normals, axis=1)


def resampled_metrics(table: BinnedCounts, counts: Floats) -> dict[str, Floats]:
    """AUROC (trapezia), AUPRC (average precision), Brier and calibration error of resamples.

    Args:
        table: the observed cells.
        counts: (resamples, 2 K) resampled.

    Returns:
        (resamples,) for each figure, NaN where a class is missing that it needs.
    """
    new_alarms, new_hits = np.split(counts, 2, axis=1)
    hits, alarms = cumulative_counts(counts)
    blasts, normals = counts[:, counts.shape[1] // 2 :].sum(1), new_alarms.sum(1)
    precision = hits / np.maximum(hits + alarms, 1)
    area = np.einsum("ij,ij->i", new_alarms, hits - new_hits / 2)
    average = metrics.ratio(np.einsum("ij,ij->i", new_hits, precision), blasts)
    return {
        "auroc": metrics.ratio(area, blasts * normals),
        "auprc": np.where(normals > 0, average, np.nan),
        "brier": metrics.ratio(counts @ table.squares, blasts + normals),
        "ece": metrics.calibration_error(counts @ table.residuals),
    }


def _columns(*, labels: NDArray[np.integer], probabilities: Floats) -> tuple[NDArray[np.intp], int]:
    """(N,) each cell's column, and how many columns there are."""
    levels, which, sizes = np.unique(-probabilities, return_inverse=True, return_counts=True)
    of_level = np.arange(len(levels))
    if len(levels) > BINS:
        of_level = (np.cumsum(sizes) - sizes) * BINS // len(labels)
    return of_level[which] + (of_level[-1] + 1) * (labels == 1), 2 * (int(of_level[-1]) + 1)
