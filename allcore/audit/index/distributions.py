"""Distribution of a measure in each class, over cells and over subjects."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from allcore.data.cell_measurements import Measure
from allcore.evaluation import intervals
from allcore.evaluation.intervals import LEVEL, Interval
from allcore.evaluation.metrics import Floats
from allcore.labels import LABELS

BINS = 40
TAIL = 0.002
"""Share of the cells at either end that the outermost bin collects, so that one outlier does not
compress the others."""


@dataclass(frozen=True)
class Distribution:
    """Distribution of a measure in each class with cells."""

    fact: Measure
    edges: Floats  # (B + 1,) of the bins; the outermost ones include values beyond them
    shares: Mapping[str, Floats]  # by label, (B,) share of the class's cells in each bin
    cells: Mapping[str, int]  # by label, number of cells
    means: Mapping[str, Floats]  # by label, (S,) the mean of each independent subject
    # difference of the means over subjects, blasts minus normal cells, with Welch's interval; no
    # bounds where a class has fewer than two subjects, NaN where a class is missing
    difference: Interval


def measure_distribution(table: pd.DataFrame, fact: Measure) -> Distribution | None:
    """Return the distribution of a measure; None where no labelled cell has a value."""
    known = table["label"].isin(LABELS) & np.isfinite(table[fact.name].astype(float))
    rows = table.loc[known, ["label", "group", fact.name]]
    if rows.empty:
        return None
    values = rows[fact.name].to_numpy(dtype=float)
    low, high = np.quantile(values, (TAIL, 1 - TAIL))
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, BINS + 1)
    shares, cells, means = {}, {}, {}
    for label, own in rows.groupby("label"):
        inside = np.clip(own[fact.name].to_numpy(dtype=float), edges[0], edges[-1])
        cells[str(label)] = len(own)
        shares[str(label)] = np.histogram(inside, edges)[0] / len(own)
        means[str(label)] = own.groupby("group")[fact.name].mean().to_numpy(dtype=float)
    return Distribution(fact, edges, shares, cells, means, _difference(means))


def _difference(means: Mapping[str, Floats]) -> Interval:
    """Welch's t interval of the difference of the classes' means over subjects (Welch, 1947)."""
    if not all(label in means for label in LABELS):
        return intervals.unknown(float("nan"))
    blast, normal = means["all"], means["hem"]
    value = float(blast.mean() - normal.mean())
    if min(len(blast), len(normal)) < 2:
        return intervals.unknown(value)
    from scipy import stats

    interval = stats.ttest_ind(blast, normal, equal_var=False).confidence_interval(LEVEL)
    return Interval(value, float(interval.low), float(interval.high))
