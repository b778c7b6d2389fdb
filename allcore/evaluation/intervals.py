"""95 % intervals: Wilson for shares, DeLong for AUROC, percentiles of bootstrap resamples.

Cells of one subject resemble each other, so an interval over cells says how well the figure is
known for these very subjects; only an interval over subjects says what to expect of others.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from allcore.evaluation.metrics import Floats

LEVEL = 0.95
RESAMPLES = 2000
SEED = 20190412
# Below this share of resamples that have an answer, the interval has none.
DEFINED = 0.9


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval; `low` and `high` are NaN where none can be given."""

    value: float
    low: float
    high: float

    @property
    def known(self) -> bool:
        """Whether there are bounds."""
        return bool(np.isfinite(self.low) and np.isfinite(self.high))


def wilson(hits: int, total: int) -> Interval:
    """Share with Wilson's score interval (Wilson, 1927); all NaN where `total` is 0."""
    if total == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    z = float(stats.norm.ppf((1 + LEVEL) / 2))
    share = hits / total
    centre = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    # At 0 and 1 the bound is the share itself, whatever rounding says.
    return Interval(share, float(min(share, centre - half)), float(max(share, centre + half)))


def delong(*, labels: NDArray[np.integer], scores: Floats) -> Interval:
    """AUROC with DeLong's interval, cut to [0, 1].

    DeLong et al., Biometrics 1988, by the midranks of Sun and Xu, IEEE SPL 2014: O(N log N).
    All NaN where a class is missing; no bounds where a class has one cell.
    """
    blast, normal = scores[labels == 1], scores[labels == 0]
    m, n = len(blast), len(normal)
    if m == 0 or n == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    joint = stats.rankdata(np.concatenate([blast, normal]))
    # For each blast, the share of normal cells it outranks; for each normal cell the reverse.
    over = (joint[:m] - stats.rankdata(blast)) / n
    under = 1 - (joint[m:] - stats.rankdata(normal)) / m
    value = float(over.mean())
    if m == 1 or n == 1:
        return Interval(value, float("nan"), float("nan"))
    deviation = np.sqrt(over.var(ddof=1) / m + under.var(ddof=1) / n)
    half = float(stats.norm.ppf((1 + LEVEL) / 2) * deviation)
    return Interval(value, max(0.0, value - half), min(1.0, value + half))


def subject_weights(
    *,
    labels: NDArray[np.integer],
    groups: NDArray[np.intp],
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Floats:
    """(resamples, G) how often each subject was drawn: a bootstrap of whole subjects.

    Subjects are drawn within their class, as the splits are made, so every resample keeps as many
    subjects of each class as the data has (a subject with cells of both classes goes by its
    majority).

    Args:
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        groups: (N,) number of each cell's subject, 0 to G - 1.
        resamples: how many resamples to draw.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    blast = np.bincount(groups, weights=labels) * 2 >= np.bincount(groups)
    weight = np.zeros((resamples, len(blast)))
    for stratum in (np.flatnonzero(blast), np.flatnonzero(~blast)):
        if len(stratum):
            equal = np.full(len(stratum), 1 / len(stratum))
            weight[:, stratum] = rng.multinomial(len(stratum), equal, size=resamples)
    return weight


def percentile(value: float, resampled: Floats, *, units: int | None = None) -> Interval:
    """Bootstrap percentile interval around `value`.

    Args:
        value: the figure itself.
        resampled: (resamples,) the figure in each resample, NaN where undefined.
        units: how many independent units were drawn. With few of them the percentile interval is
            too narrow; it is widened as Hesterberg ("What Teachers Should Know About the
            Bootstrap", The American Statistician 2015) does, by Student's t and the factor
            n / (n - 1). None leaves the plain percentiles.
    """
    defined = resampled[np.isfinite(resampled)]
    if not np.isfinite(value) or len(defined) < DEFINED * len(resampled) or units == 1:
        return Interval(value, float("nan"), float("nan"))
    tail = (1 - LEVEL) / 2
    if units is not None:
        wide = np.sqrt(units / (units - 1)) * stats.t.ppf(tail, units - 1)
        tail = float(special.ndtr(wide))
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(value, float(low), float(high))


def reflected(interval: Interval) -> Interval:
    """The same bootstrap read as the basic interval, 2 value - percentile, not below 0.

    For figures that resampling itself drives up, as it does the calibration error, the percentile
    interval may lie wholly above the value; reflecting it takes that drift out again. The value
    itself stays inside.
    """
    if not interval.known:
        return interval
    low, high = 2 * interval.value - interval.high, 2 * interval.value - interval.low
    return Interval(interval.value, min(max(0.0, low), interval.value), max(high, interval.value))
