"""A power law through a learning curve, and how many subjects it says an aim needs.

Cortes et al., "Learning Curves: Asymptotic Values and Rate of Convergence", NIPS 1993, with the
error going to 0: a handful of points can't tell an asymptote as well, so that the counts given
here are the least that are needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from allcore.evaluation import intervals, metrics
from allcore.evaluation.experiments import AIMS
from allcore.evaluation.metrics import Floats
from allcore.evaluation.paired import Resampled

ENDLESS = 100_000
"""More subjects than this are said to be out of sight."""


@dataclass(frozen=True)
class Growth:
    """A figure's error as ``scale * subjects ** -power``, and what follows for the aim.

    Attributes:
        metric: key of ``AIMS``.
        counts: training subjects of each point.
        power: how fast the error falls; 0 or less where it does not.
        needed: subjects at which the law reaches the aim; infinite where it never does.
        low: lower end of the 95 % interval of ``needed``.
        high: its upper end, infinite where the resamples don't exclude it.
    """

    metric: str
    counts: tuple[float, ...]
    power: float
    needed: float
    low: float
    high: float

    @property
    def falls(self) -> bool:
        """Whether the error falls with more subjects."""
        return self.power > 0


def fit(counts: Sequence[float], points: Sequence[Resampled], metric: str) -> Growth:
    """The law through the points, with the interval of bootstrap resamples over subjects.

    Args:
        counts: (K,) training subjects, K at least 2.
        points: (K,) of the same cells, so that resamples go together.
        metric: key of ``AIMS``.
    """
    value = np.array([[point.value[metric] for point in points]])
    draws = np.stack([point.draws[metric] for point in points], axis=1)
    draws = draws[np.isfinite(draws).all(axis=1)]
    power, scale = _law(np.asarray(counts), value)
    needed = _needed(power, scale, metric)
    tail = (1 - intervals.LEVEL) / 2
    low, high = float("nan"), float("nan")
    if len(draws):
        each = _needed(*_law(np.asarray(counts), draws), metric)
        # Of infinities no mean can be taken, so that the nearest resample is.
        low, high = np.quantile(each, [tail, 1 - tail], method="nearest")
    return Growth(metric, tuple(counts), float(power[0]), float(needed[0]), float(low), float(high))


def sentence(growth: Growth, *, reached: bool) -> str:
    """What the law says of the aim."""
    title, aim = metrics.TITLES[growth.metric], AIMS[growth.metric]
    if reached:
        return f"{title} reaches the aim of {aim:.2f} with the subjects there are."
    if growth.needed > ENDLESS:
        return f"{title} does not rise towards the aim of {aim:.2f} by this law."
    return (
        f"By this law {title} needs about {count(growth.needed)} training subjects for the aim of "
        f"{aim:.2f} (interval {count(growth.low)} to {count(growth.high)})."
    )


def count(subjects: float) -> str:
    """A number of subjects to two digits; more cannot be meant."""
    if np.isnan(subjects):
        return "unknown"
    if subjects > ENDLESS:
        return "out of sight"
    return f"{float(f'{subjects:.2g}'):,.0f}"


def _law(counts: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Power and logarithm of the scale (R,) by least squares on logarithms, of values (R, K)."""
    x = np.log(counts)
    y = np.log(np.maximum(1 - values, 1e-6))
    centred = x - x.mean()
    slope = (y @ centred) / (centred @ centred)
    return -slope, y.mean(axis=1) - slope * x.mean()


def _needed(power: Floats, scale: Floats, metric: str) -> Floats:
    """Subjects (R,) at which the law reaches the aim; infinite where the error does not fall."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        log_count = (scale - np.log(1 - AIMS[metric])) / power
        return np.asarray(np.where(power > 0, np.exp(np.minimum(log_count, 50)), np.inf))
