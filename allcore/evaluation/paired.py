"""Paired comparison of two networks: McNemar's test, and differences on the same resamples.

McNemar's test assumes independent cells, which those of one subject are not. Under unseen subjects
it tests the difference on these cells only; the interval over subjects extends to new subjects.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from allcore.evaluation import estimates, intervals, metrics
from allcore.evaluation.intervals import Interval
from allcore.evaluation.metrics import Floats

COMPARED_METRICS = ("accuracy", "weighted_f1", "auroc")
"""The resampled metrics, keys of ``metrics.TITLES``."""
EXACT_BELOW = 25
"""Number of discordant cells below which McNemar's test is exact."""


@dataclass(frozen=True)
class McNemarTest:
    """Numbers of cells that only one of two networks classifies correctly, and the p-value."""

    only_a: int
    only_b: int
    p: float


@dataclass(frozen=True)
class ResampledMetrics:
    """The ``COMPARED_METRICS`` of one network, in the sample and in each resample."""

    value: dict[str, float]  # value of each metric
    # (resamples,) value of each metric in each resample, NaN where undefined
    draws: dict[str, Floats]
    degrees: int  # degrees of freedom, of independent units; below 1 there is no interval


def mcnemar_test(*, a_right: NDArray[np.bool_], b_right: NDArray[np.bool_]) -> McNemarTest:
    """McNemar's test (Psychometrika, 1947) of two networks on the same N cells.

    Two-sided: exact binomial below ``EXACT_BELOW`` discordant cells, else chi-square with Edwards'
    continuity correction.

    Args:
        a_right: (N,) whether the first network classifies the cell correctly.
        b_right: (N,) the same of the second network.
    """
    only_a, only_b = int((a_right & ~b_right).sum()), int((~a_right & b_right).sum())
    discordant = only_a + only_b
    if discordant < EXACT_BELOW:
        fewer = range(min(only_a, only_b) + 1)
        p = 2 * sum(math.comb(discordant, k) for k in fewer) / 2**discordant
    else:
        square = max(0, abs(only_a - only_b) - 1) ** 2 / discordant
        p = math.erfc(math.sqrt(square / 2))  # the tail of chi-square with one degree
    return McNemarTest(only_a, only_b, min(1.0, p))


def holm(p: Floats) -> Floats:
    """P-values (P,) adjusted for the family-wise error rate (Holm, Scand. J. Statist. 1979)."""
    p = np.asarray(p, dtype=float)
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, raised)
    return adjusted


def resample_metrics(
    *,
    labels: NDArray[np.integer],
    probabilities: Floats,
    subjects: NDArray[np.str_] | None,
    threshold: float = 0.5,
    resamples: int = intervals.RESAMPLES,
) -> ResampledMetrics:
    """Compute the metrics of N cells in bootstrap resamples of subjects, or of single cells.

    The resamples depend only on labels and subjects. Two networks on the same cells in the
    same order therefore share them, and their differences are paired.

    Args:
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        probabilities: (N,) calibrated probability of an ALL blast.
        subjects: (N,) the independent subject of each cell, or None to resample single cells.
        threshold: probability at or above which a cell is called a blast.
        resamples: number of resamples.

    Raises:
        DataError: as `estimates.make_sample`.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=float)
    cells = estimates.make_sample(
        labels=labels, probabilities=probabilities, subjects=subjects, resamples=resamples
    )
    degrees = cells.degrees("accuracy")
    if cells.groups is None:
        share = np.full(len(labels), 1 / len(labels))
        rng = np.random.default_rng(intervals.SEED)
        weights = rng.multinomial(len(labels), share, size=resamples).astype(float)
        cells = replace(cells, groups=np.arange(len(labels)), weights=weights)
        degrees = len(labels) - 1
    value = metrics.scores(labels=labels, probabilities=probabilities, threshold=threshold)
    by_count = metrics.confusion_metrics(estimates.resampled_confusion(cells, threshold))
    draws = by_count | estimates.resampled_ranking(cells)
    return ResampledMetrics(
        value={name: float(getattr(value, name)) for name in COMPARED_METRICS},
        draws={name: draws[name] for name in COMPARED_METRICS},
        degrees=degrees,
    )


def metric_interval(metrics: ResampledMetrics, name: str) -> Interval:
    """One metric of a network."""
    return _student(metrics.value[name], metrics.draws[name], metrics.degrees)


def paired_difference(a: ResampledMetrics, b: ResampledMetrics, name: str) -> Interval:
    """One metric of ``a`` minus that of ``b``, on the same resamples."""
    return _student(
        a.value[name] - b.value[name], a.draws[name] - b.draws[name], min(a.degrees, b.degrees)
    )


def unpaired_difference(a: ResampledMetrics, b: ResampledMetrics, name: str) -> Interval:
    """One metric of ``a`` minus that of ``b`` where the two have different cells.

    Their resamples are independent, so the variances add up in any order of the draws.
    """
    shuffled = np.random.default_rng(intervals.SEED).permutation(b.draws[name])
    return _student(
        a.value[name] - b.value[name], a.draws[name] - shuffled, min(a.degrees, b.degrees)
    )


def _student(value: float, draws: Floats, degrees: int) -> Interval:
    """Student's t interval with the bootstrap's standard error, cut to [-1, 1].

    Without bounds where all resamples are equal: the bootstrap error is then undefined.
    """
    known = np.isfinite(draws).mean() >= intervals.DEFINED if len(draws) else False
    if degrees < 1 or not known or not np.isfinite(value):
        return intervals.unknown(value)
    error = float(np.nanstd(draws))
    if error == 0:
        return intervals.unknown(value)
    half = error * float(stats.t.ppf((1 + intervals.LEVEL) / 2, degrees))
    return Interval(value, max(-1.0, value - half), min(1.0, value + half))
