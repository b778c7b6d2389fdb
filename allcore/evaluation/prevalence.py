"""Likelihood ratios, and the predictive values at any prevalence.

The prevalence in the data differs from a clinic's, so predictive values are computed by Bayes'
rule: the odds of a blast after a call are the odds before it times the call's likelihood ratio. An
interval of the ratio on the log scale is an interval of the predictive value on the logit scale at
every prevalence, so that a slider needs no further resamples.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from allcore.errors import DataError
from allcore.evaluation import estimates, intervals, metrics
from allcore.evaluation.estimates import Estimate, Sample
from allcore.evaluation.intervals import Interval
from allcore.evaluation.metrics import Floats


@dataclass(frozen=True)
class PredictiveCurve:
    """A predictive value at P prevalences with its 95 % bands; each array is (P,)."""

    value: Floats
    cell_low: Floats  # over cells
    cell_high: Floats
    subject_low: Floats  # over subjects, NaN where there is no interval
    subject_high: Floats


@dataclass(frozen=True)
class PredictiveValues:
    """Predictive values of the calls at one threshold, as a function of the prevalence."""

    observed: float  # prevalence in these cells
    prevalences: Floats  # (P,)
    ppv: PredictiveCurve
    npv: PredictiveCurve
    positive: Estimate  # likelihood ratios
    negative: Estimate

    def at(self, prevalence: float) -> tuple[Estimate, Estimate]:
        """Return the positive and negative predictive value at one prevalence, above 0 and below 1.

        Raises:
            DataError: a prevalence out of range.
        """
        where = _checked(np.array([prevalence]))
        values = _predicted(self.positive, where, _ppv), _predicted(self.negative, where, _npv)
        return _only("ppv", values[0]), _only("npv", values[1])


@dataclass(frozen=True)
class _Share:
    """Share of one class's cells, with the inputs of its intervals."""

    hits: int
    total: int
    resampled: Floats  # (resamples,) over subjects
    degrees: int  # of freedom of its interval over subjects

    @property
    def value(self) -> float:
        return float(metrics.ratio(self.hits, self.total))


def predictive_values(cells: Sample, threshold: float, prevalences: Floats) -> PredictiveValues:
    """Compute the positive and negative predictive values at each of P prevalences.

    Args:
        cells: the labelled cells.
        threshold: probability at or above which a cell is called a blast.
        prevalences: (P,) shares of blasts, each above 0 and below 1.

    Returns:
        Values are NaN where a class is missing or where no cell has the call. The positive
        predictive value is 1 where no normal cell is called a blast, with a lower bound only;
        likewise the negative one where no blast is missed.

    Raises:
        DataError: a prevalence out of range.
    """
    checked = _checked(np.asarray(prevalences, dtype=float))
    positive, negative = likelihood_ratios(cells, threshold)
    return PredictiveValues(
        observed=float(np.mean(cells.labels)),
        prevalences=checked,
        ppv=_predicted(positive, checked, _ppv),
        npv=_predicted(negative, checked, _npv),
        positive=positive,
        negative=negative,
    )


def likelihood_ratios(cells: Sample, threshold: float) -> tuple[Estimate, Estimate]:
    """Positive and negative likelihood ratio: the factor by which a call changes the odds of a
    blast.

    The positive ratio is sensitivity / (1 - specificity), the negative one (1 - sensitivity) /
    specificity. The interval over cells is Simel's (J. Clin. Epidemiol. 1991), over subjects
    Student's t with the bootstrap's error; both on the log scale.

    A ratio is NaN where a class is missing or where no cell has the call. It is 0 where only its
    numerator is 0, and infinite where only its denominator is 0. The bound on the other side is
    then the quotient of the bounds of the two shares, which is conservative. An infinite ratio
    therefore has an `Interval.low` although its interval is not `known`.
    """
    counts = cells.confusion(threshold)
    resampled = estimates.resampled_confusion(cells, threshold)
    blasts, normals = cells.degrees("sensitivity"), cells.degrees("specificity")
    detected, missed, false, passed = (
        _Share(int(hit), int(hit + miss), metrics.ratio(hits, hits + misses), degrees)
        for hit, miss, hits, misses, degrees in (
            (counts.tp, counts.fn, resampled.tp, resampled.fn, blasts),
            (counts.fn, counts.tp, resampled.fn, resampled.tp, blasts),
            (counts.fp, counts.tn, resampled.fp, resampled.tn, normals),
            (counts.tn, counts.fp, resampled.tn, resampled.fp, normals),
        )
    )
    return _figure("lr_positive", detected, false), _figure("lr_negative", missed, passed)


def _figure(name: str, above: _Share, below: _Share) -> Estimate:
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(np.divide(above.value, below.value))
    return Estimate(
        name=name,
        value=value,
        over_cells=_over_cells(value, above, below),
        over_subjects=_over_subjects(value, above, below),
    )


def _over_cells(value: float, above: _Share, below: _Share) -> Interval:
    if not 0 < value < np.inf:
        bounds = (intervals.wilson(share.hits, share.total) for share in (above, below))
        return _at_edge(value, *bounds)
    variance = sum(1 / share.hits - 1 / share.total for share in (above, below))
    z = float(special.ndtri((1 + intervals.LEVEL) / 2))
    return _on_log_scale(value, z * float(np.sqrt(variance)))


def _over_subjects(value: float, above: _Share, below: _Share) -> Interval:
    """Student's t with the degrees of freedom of Welch and Satterthwaite.

    The error is the larger of two. The spread of the log ratios is too narrow where some resamples
    have no error of one kind and so no logarithm. Their linearisation is always defined, but too
    narrow where the errors are those of a few subjects. In simulations like those of the tests
    either alone covered the true value in as few as 67 and 85 % of the cases.
    """
    if min(above.degrees, below.degrees) < 1:
        return intervals.unknown(value)
    if not 0 < value < np.inf:
        bounds = (
            intervals.student(share.value, share.resampled, degrees=share.degrees, share=True)
            for share in (above, below)
        )
        return _at_edge(value, *bounds)
    moved = [share.resampled / share.value for share in (above, below)]
    if np.isfinite(moved[0] - moved[1]).mean() < intervals.DEFINED:  # a class is missing from many
        return intervals.unknown(value)
    positive = (moved[0] > 0) & (moved[1] > 0)
    logs = np.log(moved[0][positive]) - np.log(moved[1][positive])
    error = max(np.nanstd(moved[0] - moved[1]), np.std(logs) if len(logs) else 0.0)
    half = float(stats.t.ppf((1 + intervals.LEVEL) / 2, _degrees(moved, above, below)) * error)
    return _on_log_scale(value, half)


def _degrees(moved: list[Floats], above: _Share, below: _Share) -> float:
    """Degrees of freedom of a difference of two means with variances estimated from few subjects.

    NaN, and so no interval, where all resamples are equal.
    """
    first, second = (float(np.nanvar(ratios)) for ratios in moved)
    spread = first**2 / above.degrees + second**2 / below.degrees
    return float(metrics.ratio((first + second) ** 2, spread))


def _on_log_scale(value: float, half: float) -> Interval:
    return Interval(value, float(value * np.exp(-half)), float(value * np.exp(half)))


def _at_edge(value: float, above: Interval, below: Interval) -> Interval:
    """Bounds of a ratio of 0 or of infinity; no bounds where it is undefined."""
    if np.isnan(value) or not (above.known and below.known):
        return intervals.unknown(value)
    if value == 0:
        return Interval(value, 0.0, above.high / below.low)
    return Interval(value, above.low / below.high, float("inf"))


def _checked(prevalences: Floats) -> Floats:
    if not ((prevalences > 0) & (prevalences < 1)).all():
        raise DataError("A prevalence is a share of blasts above 0 and below 1.")
    return prevalences


def _ppv(ratio: float, prevalences: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        against = np.divide(1.0, ratio)  # infinite at a ratio of 0, 0 at an infinite ratio
    return np.asarray(1 / (1 + against * (1 - prevalences) / prevalences))


def _npv(ratio: float, prevalences: Floats) -> Floats:
    return np.asarray(1 / (1 + ratio * prevalences / (1 - prevalences)))


def _predicted(
    figure: Estimate, prevalences: Floats, carry: Callable[[float, Floats], Floats]
) -> PredictiveCurve:
    """One predictive value and its bands from a likelihood ratio.

    The transformation may be decreasing (a small negative ratio is a large negative predictive
    value), so each pair of bounds is sorted.
    """
    image, subject = (
        np.sort([carry(end, prevalences) for end in (interval.low, interval.high)], axis=0)
        for interval in (figure.over_cells, figure.over_subjects)
    )
    return PredictiveCurve(carry(figure.value, prevalences), *image, *subject)


def _only(name: str, curve: PredictiveCurve) -> Estimate:
    value = float(curve.value[0])
    return Estimate(
        name=name,
        value=value,
        over_cells=Interval(value, float(curve.cell_low[0]), float(curve.cell_high[0])),
        over_subjects=Interval(value, float(curve.subject_low[0]), float(curve.subject_high[0])),
    )
