"""Rules for the threshold on validation cells, each with a sentence that describes it.

A threshold is selected on validation subjects and then applied unchanged to test subjects. With
`groups`, subjects have equal weight within their class (`sampling.equal_subject_weights`): the
threshold is for a new subject, so the largest validation subject must not dominate it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allcore.data import sampling
from allcore.errors import DataError
from allcore.evaluation import metrics
from allcore.evaluation.metrics import Confusion, Floats

# The rules of `choose_threshold`, with their titles on pages.
RULES = {
    "weighted_f1": "Highest weighted F1",
    "youden": "Highest sensitivity + specificity (Youden)",
    "sensitivity": "A target sensitivity",
    "cost": "Lowest expected cost",
}


class ThresholdChoice(NamedTuple):
    """A threshold and a sentence on its rule, as in model.json."""

    value: float
    sentence: str


def choose_threshold(
    rule: str,
    labels: NDArray[np.integer],
    probabilities: Floats,
    groups: NDArray[np.str_] | None = None,
    *,
    target: float = 0.95,
    missed_blast: float = 5.0,
) -> ThresholdChoice:
    """Select the threshold by one of `RULES`.

    Weighted F1 is the metric of the challenge; Youden's index (1950) is sensitivity + specificity
    - 1. The expected cost is computed at the prevalence of these cells, so at a lower prevalence a
    missed blast has less weight; perfectly calibrated probabilities would give a threshold of
    1 / (1 + missed_blast).

    Args:
        rule: a key of `RULES`.
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        probabilities: (N,) calibrated probability of an ALL blast.
        groups: (N,) the subject of each cell, or None for equal weight of all cells.
        target: minimum sensitivity, for the rule "sensitivity".
        missed_blast: cost of a missed blast in false alarms, for the rule "cost".

    Raises:
        DataError: no such rule, no cells, only one class, or a target or cost out of range.
    """
    if rule not in RULES:
        known = ", ".join(RULES)
        raise DataError(f"There is no rule '{rule}' for a threshold: choose one of {known}.")
    if not 0 < target <= 1:
        raise DataError(f"A target sensitivity lies above 0 and up to 1, not at {target}.")
    if not 0 < missed_blast < np.inf:
        raise DataError(f"A missed ALL blast costs a number of false alarms, not {missed_blast}.")
    cuts, counts = _sweep_thresholds(labels, probabilities, groups)
    by_cut = metrics.confusion_metrics(counts)
    on = "on the validation cells"
    if rule == "weighted_f1":
        value, sentence = _best(cuts, by_cut["weighted_f1"]), f"Highest weighted F1 {on}"
    elif rule == "youden":
        value = _best(cuts, by_cut["balanced_accuracy"])
        sentence = f"Highest sum of sensitivity and specificity (Youden) {on}"
    elif rule == "sensitivity":
        value = float(cuts[by_cut["sensitivity"] >= target - 1e-12].max())
        sentence = f"Highest threshold with a sensitivity of {target:.2f} or more {on}"
    else:
        cost = (missed_blast * counts.fn + counts.fp) / ((1 + missed_blast) * len(labels))
        value = _best(cuts, -np.asarray(cost))
        sentence = (
            f"Lowest expected cost {on} where a missed ALL blast costs {missed_blast:g} times a "
            "false alarm"
        )
    how = "" if groups is None else ", subjects counting equally within their class"
    return ThresholdChoice(value, f"{sentence}{how}.")


def _sweep_thresholds(
    labels: NDArray[np.integer], probabilities: Floats, groups: NDArray[np.str_] | None = None
) -> tuple[Floats, Confusion]:
    """Every distinct threshold, ascending, with the weighted counts at each.

    The thresholds lie half-way between neighbouring probabilities, below and above all of them.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=float)
    metrics.check_predictions(labels=labels, probabilities=probabilities)
    if labels.min() == labels.max():
        raise DataError("A threshold needs validation cells of both classes; there is only one.")
    share = sampling.equal_subject_weights(labels=labels, groups=groups)
    levels = np.unique(np.append(probabilities, 1.0))  # above all cells no cell is called blast
    which = np.searchsorted(levels, probabilities)
    blast = np.bincount(which, weights=share * (labels == 1), minlength=len(levels)).astype(float)
    normal = np.bincount(which, weights=share * (labels == 0), minlength=len(levels)).astype(float)
    # Cells at a level and above it are called blasts.
    tp, fp = (np.cumsum(weight[::-1])[::-1] for weight in (blast, normal))
    fn, tn = (np.append(0.0, np.cumsum(weight)[:-1]) for weight in (blast, normal))
    counts = Confusion(tp=tp, fp=fp, fn=fn, tn=tn)
    below = np.concatenate([[0.0], levels[:-1]])
    cuts = np.maximum((below + levels) / 2, np.nextafter(below, 1))  # never the level below
    return np.minimum(cuts, levels), counts


def _best(cuts: Floats, value: Floats) -> float:
    """The threshold with the highest value; the middle one of several ties."""
    best = np.flatnonzero(value >= np.nanmax(value) - 1e-12)
    return float(cuts[best[(len(best) - 1) // 2]])
