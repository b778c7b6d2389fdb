"""Reliability curve with intervals over cells and over subjects."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allcore.evaluation import intervals, metrics
from allcore.evaluation.estimates import Sample
from allcore.evaluation.metrics import Floats


@dataclass(frozen=True)
class ReliabilityCurve:
    """Share of blasts by predicted probability, in B bins of equal width.

    Counts have an entry for every bin; the other arrays are NaN for a bin without cells.
    """

    edges: Floats  # (B + 1,)
    blasts: NDArray[np.intp]  # (B,) counts
    normals: NDArray[np.intp]  # (B,)
    probability: Floats  # (B,) mean predicted probability
    share: Floats  # (B,) of blasts
    cell_low: Floats  # (B,) Wilson, over cells
    cell_high: Floats
    subject_low: Floats  # (B,) over subjects; NaN also for a bin with cells of too few subjects
    subject_high: Floats


def reliability_curve(cells: Sample, *, bins: int = metrics.ECE_BINS) -> ReliabilityCurve:
    """Compute the reliability curve with its histogram and 95 % bands over cells and over subjects.

    For the curve before calibration, pass a sample of `probability(logit, 1.0)`. The band over
    subjects is Student's t from the sample's resamples; its degrees of freedom are those of the
    subjects with cells in the bin.

    Args:
        cells: the labelled cells.
        bins: number of bins of equal width between 0 and 1.
    """
    which = metrics.bin_of(cells.probabilities, bins=bins)
    total = np.bincount(which, minlength=bins)
    blasts = np.bincount(which, weights=cells.labels, minlength=bins).astype(np.intp)
    predicted = np.bincount(which, weights=cells.probabilities, minlength=bins)
    image = [intervals.wilson(int(b), int(n)) for b, n in zip(blasts, total, strict=True)]
    subject = _over_subjects(cells, which, metrics.ratio(blasts, total))
    return ReliabilityCurve(
        edges=np.linspace(0, 1, bins + 1),
        blasts=blasts,
        normals=total - blasts,
        probability=metrics.ratio(predicted, total),
        share=metrics.ratio(blasts, total),
        cell_low=np.array([interval.low for interval in image]),
        cell_high=np.array([interval.high for interval in image]),
        subject_low=np.array([interval.low for interval in subject]),
        subject_high=np.array([interval.high for interval in subject]),
    )


def _over_subjects(
    cells: Sample, which: NDArray[np.intp], share: Floats
) -> list[intervals.Interval]:
    """Intervals over subjects for the share of blasts in each bin; `which` (N,) holds the bins."""
    bins = len(share)
    if cells.groups is None or cells.degrees("accuracy") < 1:
        return [intervals.unknown(float(value)) for value in share]
    column = which + bins * (cells.labels == 1)
    table = np.bincount(
        cells.groups * 2 * bins + column, minlength=2 * bins * cells.weights.shape[1]
    ).reshape(-1, 2 * bins)
    normals, blasts = np.split(cells.weights @ table, 2, axis=1)
    resampled = metrics.ratio(blasts, normals + blasts)
    # Of each bin: number of subjects with cells in it, less the number of their classes.
    present = (table[:, :bins] + table[:, bins:]) > 0
    blast = intervals.majority(labels=cells.labels, groups=cells.groups)
    of_class = np.stack([present[blast].sum(axis=0), present[~blast].sum(axis=0)])
    degrees = of_class.sum(axis=0) - (of_class > 0).sum(axis=0)
    return [
        intervals.student(float(share[i]), resampled[:, i], degrees=int(degrees[i]), share=True)
        for i in range(bins)
    ]
