"""Estimates of all metrics for a set of cells, with intervals over cells and over subjects.

The metrics at a threshold (`at_threshold`) take milliseconds, so that a page can compute them at
every move of the threshold. The threshold-free metrics (`threshold_free`) are computed once.
"""

import dataclasses
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.evaluation import binned_counts, intervals, metrics
from allcore.evaluation.binned_counts import BinnedCounts
from allcore.evaluation.intervals import Interval
from allcore.evaluation.metrics import Confusion, Floats


@dataclass(frozen=True)
class Estimate:
    """Value of one metric with its intervals."""

    name: str  # a key of metrics.TITLES
    value: float
    over_cells: Interval  # precision for these subjects
    over_subjects: Interval  # precision for new subjects


@dataclass(frozen=True)
class Sample:
    """Labelled cells with their resamples of subjects.

    `groups` numbers each cell's independent subject from 0. It is None where subjects are unknown;
    there are then no intervals over subjects.
    """

    labels: NDArray[np.integer]
    probabilities: Floats
    groups: NDArray[np.intp] | None
    resamples: int
    weights: Floats  # (resamples, subjects) the weight of each subject in each resample

    def confusion(self, threshold: float) -> Confusion:
        """Counts of the cells at a threshold."""
        return metrics.confusion(
            labels=self.labels, probabilities=self.probabilities, threshold=threshold
        )

    def binned(self) -> BinnedCounts:
        """Counts of the cells by bin and subject."""
        return binned_counts.bin_counts(
            labels=self.labels, probabilities=self.probabilities, groups=self.groups
        )

    def degrees(self, name: str) -> int:
        """Degrees of freedom of a metric's interval over subjects; below 1 there is no interval.

        Sensitivity depends on the subjects with blasts, specificity on those with normal cells, the
        other metrics on all subjects. A class with one subject leaves these without an interval.
        """
        return self._degrees.get(name, self._degrees["others"])

    @functools.cached_property
    def _degrees(self) -> dict[str, int]:
        """Degrees of freedom by metric; cached, because `at_threshold` reads them nine times."""
        if self.groups is None:
            return {"others": 0}
        blast = intervals.majority(labels=self.labels, groups=self.groups)
        of_class = [n for n in (int(blast.sum()), int((~blast).sum())) if n]
        with_cells = {
            name: int((np.bincount(self.groups[self.labels == label]) > 0).sum()) - 1
            for name, label in _CLASS_OF.items()
        }
        return with_cells | {"others": 0 if min(of_class) == 1 else sum(of_class) - len(of_class)}


THRESHOLD_FREE = ("auroc", "auprc", "brier", "ece")
"""Names of the threshold-free metrics."""

_CLASS_OF = {"sensitivity": 1, "specificity": 0}
# Minimum of the metrics that can be negative.
_LEAST = {"mcc": -1.0, "kappa": -1.0}
_SHARES = frozenset({"accuracy", "sensitivity", "specificity", "ppv", "npv"})


def make_sample(
    *,
    labels: NDArray[np.integer],
    probabilities: Floats,
    subjects: NDArray[np.str_] | None,
    resamples: int = intervals.RESAMPLES,
) -> Sample:
    """Check the cells and draw the resamples of subjects.

    Args:
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        probabilities: (N,) calibrated probability of an ALL blast.
        subjects: (N,) the independent subject of each cell, or None where unknown.
        resamples: number of resamples.

    Raises:
        DataError: no cells, or invalid labels or probabilities.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=float)
    metrics.check_predictions(labels=labels, probabilities=probabilities)
    if subjects is None:
        return Sample(labels, probabilities, None, resamples, np.zeros((0, 0)))
    _, groups = number_groups(subjects)
    weights = intervals.subject_weights(labels=labels, groups=groups, resamples=resamples)
    return Sample(labels, probabilities, groups, resamples, weights)


def number_groups(subjects: NDArray[np.str_]) -> tuple[NDArray[np.str_], NDArray[np.intp]]:
    """(G,) sorted names and (N,) the number of each cell's name, as `np.unique` returns them.

    Hashing is used instead of sorting, which on strings would take most of the time of
    `make_sample`.
    """
    codes, names = pd.factorize(np.asarray(subjects, dtype=object), use_na_sentinel=False)
    names, place = np.unique(np.asarray(names, dtype=str), return_inverse=True)
    return names, place[codes]


def at_threshold(cells: Sample, threshold: float) -> tuple[Estimate, ...]:
    """Estimate the metrics of the confusion matrix at `threshold`.

    Intervals over cells are Wilson's for shares, and otherwise a bootstrap drawn as a multinomial
    of the four counts. Intervals over subjects use the subjects' counts, resampled by
    `cells.weights`.
    """
    counts = cells.confusion(threshold)
    value = metrics.confusion_metrics(counts)
    observed = np.array(dataclasses.astuple(counts))
    by_cell = metrics.confusion_metrics(Confusion(*_redrawn(observed, cells.resamples).T))
    shares = _shares(counts)
    by_subject = metrics.confusion_metrics(resampled_confusion(cells, threshold))
    return tuple(
        Estimate(
            name=name,
            value=float(estimate),
            over_cells=shares.get(name) or intervals.percentile(float(estimate), by_cell[name]),
            over_subjects=_over_subjects(cells, name, float(estimate), by_subject[name]),
        )
        for name, estimate in value.items()
    )


def resampled_confusion(cells: Sample, threshold: float) -> Confusion:
    """Confusion counts of bootstrap resamples of subjects, (resamples,); empty where unknown."""
    if cells.groups is None:
        return Confusion(*np.zeros((4, 0)))
    called = cells.probabilities >= threshold
    which = cells.groups * 4 + 2 * (cells.labels == 1) + called
    table = np.bincount(which, minlength=4 * cells.weights.shape[1]).reshape(-1, 4)
    tn, fp, fn, tp = (cells.weights @ table).T
    return Confusion(tp=tp, fp=fp, fn=fn, tn=tn)


def resampled_ranking(cells: Sample) -> dict[str, Floats]:
    """The threshold-free metrics, (resamples,) each, in bootstrap resamples of subjects."""
    table = cells.binned()
    counts = cells.weights @ table.by_subject[: cells.weights.shape[1]]
    return binned_counts.resampled_metrics(table, counts)


def threshold_free(cells: Sample) -> tuple[Estimate, ...]:
    """Estimate AUROC, AUPRC, Brier score and calibration error.

    Intervals over cells are DeLong's for the AUROC and a bootstrap for the others. Intervals over
    subjects are a bootstrap. AUROC and AUPRC are NaN where a class is missing.
    """
    exact = metrics.scores(labels=cells.labels, probabilities=cells.probabilities, threshold=0.5)
    table = cells.binned()
    by_cell = binned_counts.resampled_metrics(table, _redrawn(table.counts, cells.resamples))
    by_subject = resampled_ranking(cells)
    rows = []
    for name in by_cell:
        value = float(getattr(exact, name))
        image = intervals.percentile(value, by_cell[name])
        if name == "auroc":
            image = intervals.delong(labels=cells.labels, scores=cells.probabilities)
        if name == "ece":
            image = intervals.recentred(value, by_cell[name], degrees=len(cells.labels) - 1)
        subject = _over_subjects(cells, name, value, by_subject[name])
        rows.append(Estimate(name, value, image, subject))
    return tuple(rows)


def all_estimates(cells: Sample, threshold: float) -> tuple[Estimate, ...]:
    """Estimates of `at_threshold` and `threshold_free`."""
    return at_threshold(cells, threshold) + threshold_free(cells)


def by_name(estimates: Iterable[Estimate]) -> dict[str, Estimate]:
    """Return the estimates by their names."""
    return {estimate.name: estimate for estimate in estimates}


def _shares(counts: Confusion) -> dict[str, Interval]:
    tp, fp, fn, tn = (int(n) for n in dataclasses.astuple(counts))
    return {
        "accuracy": intervals.wilson(tp + tn, tp + fp + fn + tn),
        "sensitivity": intervals.wilson(tp, tp + fn),
        "specificity": intervals.wilson(tn, tn + fp),
        "ppv": intervals.wilson(tp, tp + fp),
        "npv": intervals.wilson(tn, tn + fn),
    }


def _redrawn(counts: NDArray[Any], resamples: int) -> Floats:
    """(resamples, K) counts of bootstrap resamples of single cells from observed counts (K,)."""
    rng = np.random.default_rng(intervals.SEED)
    cells = int(counts.sum())
    return rng.multinomial(cells, counts / cells, size=resamples).astype(float)


def _over_subjects(cells: Sample, name: str, value: float, resampled: Floats) -> Interval:
    degrees = cells.degrees(name)
    if name == "ece":
        return intervals.recentred(value, resampled, degrees=degrees)
    return intervals.student(
        value,
        resampled,
        degrees=degrees,
        least=_LEAST.get(name, 0.0),
        share=name in _SHARES,
    )
