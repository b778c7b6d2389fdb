"""Two networks on the same cells: McNemar's test, and differences on the same resamples.

McNemar's test takes cells as independent, which those of one subject are not: under unseen
subjects it asks whether the two differ on these very cells, and only the interval over subjects
says whether they would on others.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from allcore.evaluation import binned_counts, estimates, intervals, metrics
from allcore.evaluation.intervals import Interval
from allcore.evaluation.metrics import Floats

COMPARED_METRICS = ("accuracy", "weighted_f1", "auroc")
"""The figures that are resampled, keys of ``metrics.TITLES``."""
EXACT_BELOW = 25
"""With fewer discordant cells McNemar's test is exact."""


@dataclass(frozen=True)
class McNemarTest:
    """Cells that only one of two networks gets right, and the p-value of that being chance."""

    only_a: int
    only_b: int
    p: float


@dataclass(frozen=True)
class ResampledMetrics:
    """The ``COMPARED`` figures of one network, in the sample and in each resample of it.

    Attributes:
        value: each figure.
        draws: (resamples,) each figure in each resample, NaN where undefined.
        degrees: of freedom, of independent units; below 1 there can be no interval.
    """

    value: dict[str, float]
    draws: dict[str, Floats]
    degrees: int


def mcnemar_test(*, a_right: NDArray[np.bool_], b_right: NDArray[np.bool_]) -> McNemarTest:
    """McNemar's test (Psychometrika, 1947) of two networks on the same N cells.

    Two-sided: exact binomial below ``EXACT_BELOW`` discordant cells, else chi-square with Edwards'
    continuity correction.

    Args:
        a_right: (N,) whether one network calls the cell by its label.
        b_right: (N,) whether the other does.
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
    """P-values (P,) held to one error rate together (Holm, Scand. J. Statist. 1979)."""
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
    seed: int = intervals.SEED,
) -> ResampledMetrics:
    """The figures of N cells in bootstrap resamples of subjects, or of single cells.

    The draw hangs on labels, subjects and seed alone: two networks on the same cells in the same
    order get the same resamples, so that their differences are paired.

    Args:
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        probabilities: (N,) calibrated probability of an ALL blast.
        subjects: (N,) the independent subject of each cell, or None to draw single cells.
        threshold: probability from which a cell is called a blast.
        resamples: how many to draw.
        seed: of the draw.

    Raises:
        DataError: as `estimates.make_sample`.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=float)
    cells = estimates.make_sample(
        labels=labels, probabilities=probabilities, subjects=subjects, resamples=resamples,
        seed=seed,
    )  # fmt: skip
    groups, weights, degrees = cells.groups, cells.weights, cells.degrees("accuracy")
    if groups is None:
        groups, degrees = np.arange(len(labels)), len(labels) - 1
        weights = _cell_weights(len(labels), resamples=resamples, seed=seed)
    value = metrics.scores(labels=labels, probabilities=probabilities, threshold=threshold)
    return ResampledMetrics(
        value={name: float(getattr(value, name)) for name in COMPARED_METRICS},
        draws=_draws(labels, probabilities, groups, weights, threshold=threshold),
        degrees=degrees,
    )


def paired_difference(a: ResampledMetrics, b: ResampledMetrics, name: str) -> Interval:
    """One metric of ``a`` less that of ``b``, on the same resamples."""
    return _student(
        a.value[name] - b.value[name], a.draws[name] - b.draws[name], min(a.degrees, b.degrees)
    )


def unpaired_difference(a: ResampledMetrics, b: ResampledMetrics, name: str) -> Interval:
    """One metric of ``a`` less that of ``b`` where the two hold different cells.

    Their resamples are drawn apart, so the variances add up whatever order the draws are in.
    """
    shuffled = np.random.default_rng(intervals.SEED).permutation(b.draws[name])
    return _student(
        a.value[name] - b.value[name], a.draws[name] - shuffled, min(a.degrees, b.degrees)
    )


def _cell_weights(cells: int, *, resamples: int, seed: int) -> Floats:
    """(resamples, N) how often each cell is drawn in each bootstrap of single cells."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(cells, np.full(cells, 1 / cells), size=resamples).astype(float)


def _draws(
    labels: NDArray[np.integer],
    probabilities: Floats,
    groups: NDArray[np.intp],
    weights: Floats,
    *,
    threshold: float,
) -> dict[str, Floats]:
    called = probabilities >= threshold
    table = np.bincount(
        groups * 4 + 2 * (labels == 1) + called, minlength=4 * weights.shape[1]
    ).reshape(-1, 4)
    tn, fp, fn, tp = (weights @ table).T
    by_count = metrics.confusion_metrics(metrics.Confusion(tp=tp, fp=fp, fn=fn, tn=tn))
    tabled = binned_counts.bin_counts(labels=labels, probabilities=probabilities, groups=groups)
    ranking = binned_counts.resampled_metrics(tabled, weights @ tabled.by_subject)
    return {name: (by_count | ranking)[name] for name in COMPARED_METRICS}


def _student(value: float, draws: Floats, degrees: int) -> Interval:
    """Student's t interval by the bootstrap's standard error, cut to [-1, 1].

    None where no resample differs from another: there the bootstrap knows nothing.
    """
    known = np.isfinite(draws).mean() >= intervals.DEFINED if len(draws) else False
    if degrees < 1 or not known or not np.isfinite(value):
        return intervals.unknown(value)
    error = float(np.nanstd(draws))
    if error == 0:
        return intervals.unknown(value)
    half = error * float(stats.t.ppf((1 + intervals.LEVEL) / 2, degrees))
    return Interval(value, max(-1.0, value - half), min(1.0, value + half))
