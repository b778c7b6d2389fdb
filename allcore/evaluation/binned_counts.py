"""Counts of cells in bins of neighbouring probabilities; a resample is a row of counts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from allcore.evaluation import metrics
from allcore.evaluation.metrics import Floats

BINS = 256


@dataclass(frozen=True)
class BinnedCounts:
    """Counts of normal cells and of blasts in K bins by descending probability: 2 K columns.

    The first K columns count normal cells, the last K blasts. With up to `BINS` distinct
    probabilities the counts are exact. With more, cells of one bin count as tied, which moves the
    bounds of an interval in the fourth decimal.
    """

    counts: Floats  # (2 K,)
    by_subject: Floats  # (subjects, 2 K)
    squares: Floats  # (2 K,) mean squared error
    residuals: Floats  # (2 K, bins + 1) mean rows of metrics.residual_table


def bin_counts(
    *,
    labels: NDArray[np.integer],
    probabilities: Floats,
    groups: NDArray[np.intp] | None,
) -> BinnedCounts:
    """Count N cells by bin and subject.

    Args:
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        probabilities: (N,) calibrated probability of an ALL blast.
        groups: (N,) subject number of each cell, from 0; None counts all cells as one subject.
    """
    levels, which, sizes = np.unique(-probabilities, return_inverse=True, return_counts=True)
    bin_of = np.arange(len(levels))
    if len(levels) > BINS:
        bin_of = (np.cumsum(sizes) - sizes) * BINS // len(labels)
    bins = int(bin_of[-1]) + 1
    column, columns = bin_of[which] + bins * (labels == 1), 2 * bins
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
    """(resamples, K) blasts and normal cells called blast at each threshold, descending by bin."""
    normals, blasts = np.split(counts, 2, axis=1)
    return np.cumsum(blasts, axis=1), np.cumsum(normals, axis=1)


def resampled_metrics(table: BinnedCounts, counts: Floats) -> dict[str, Floats]:
    """AUROC (trapezoidal), AUPRC (average precision), Brier score and calibration error of
    resamples.

    Args:
        table: the observed cells.
        counts: (resamples, 2 K) resampled counts.

    Returns:
        (resamples,) values of each metric; NaN where a class that it needs is missing.
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
