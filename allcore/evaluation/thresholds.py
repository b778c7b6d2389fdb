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


def weighted_f1_optimal(
    labels: NDArray[np.integer], probabilities: Floats, groups: NDArray[np.str_] | None = None
) -> ThresholdChoice:
    """Select the threshold with the highest weighted F1, the metric of the challenge.

    Args:
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        probabilities: (N,) calibrated probability of an ALL blast.
        groups: (N,) the subject of each cell, or None for equal weight of all cells.

    Raises:
        DataError: no cells, or only one class.
    """
    value = _best(labels, probabilities, groups, figure="weighted_f1")
    return ThresholdChoice(value, f"Highest weighted F1 on the validation cells{_how(groups)}.")


def youden(
    labels: NDArray[np.integer], probabilities: Floats, groups: NDArray[np.str_] | None = None
) -> ThresholdChoice:
    """Select the threshold with the highest sensitivity + specificity - 1 (Youden, 1950)."""
    value = _best(labels, probabilities, groups, figure="balanced_accuracy")
    rule = "Highest sum of sensitivity and specificity (Youden) on the validation cells"
    return ThresholdChoice(value, f"{rule}{_how(groups)}.")


def target_sensitivity(
    labels: NDArray[np.integer],
    probabilities: Floats,
    groups: NDArray[np.str_] | None = None,
    *,
    target: float = 0.95,
) -> ThresholdChoice:
    """Select the highest threshold with a sensitivity of at least `target`.

    Raises:
        DataError: no cells, only one class, or a target outside (0, 1].
    """
    if not 0 < target <= 1:
        raise DataError(f"A target sensitivity lies above 0 and up to 1, not at {target}.")
    cuts, counts = sweep_thresholds(labels, probabilities, groups)
    reached = metrics.confusion_metrics(counts)["sensitivity"] >= target - 1e-12
    return ThresholdChoice(
        float(cuts[reached].max()),
        f"Highest threshold with a sensitivity of {target:.2f} or more on the validation "
        f"cells{_how(groups)}.",
    )


def cost_ratio(
    labels: NDArray[np.integer],
    probabilities: Floats,
    groups: NDArray[np.str_] | None = None,
    *,
    missed_blast: float,
) -> ThresholdChoice:
    """Select the threshold with the lowest expected cost for unequal costs of the two errors.

    The cost is computed at the prevalence of these cells, so at a lower prevalence a missed blast
    has less weight. Perfectly calibrated probabilities would give 1 / (1 + missed_blast).

    Args:
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        probabilities: (N,) calibrated probability of an ALL blast.
        groups: (N,) the subject of each cell, or None for equal weight of all cells.
        missed_blast: cost of a missed blast in false alarms, above 0.

    Raises:
        DataError: no cells, only one class, or a cost that is no number above 0.
    """
    if not 0 < missed_blast < np.inf:
        raise DataError(f"A missed ALL blast costs a number of false alarms, not {missed_blast}.")
    cuts, counts = sweep_thresholds(labels, probabilities, groups)
    cost = (missed_blast * counts.fn + counts.fp) / ((1 + missed_blast) * len(labels))
    return ThresholdChoice(
        _middle(cuts, -np.asarray(cost)),
        f"Lowest expected cost on the validation cells where a missed ALL blast costs "
        f"{missed_blast:g} times a false alarm{_how(groups)}.",
    )


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
    match rule:
        case "weighted_f1":
            return weighted_f1_optimal(labels, probabilities, groups)
        case "youden":
            return youden(labels, probabilities, groups)
        case "sensitivity":
            return target_sensitivity(labels, probabilities, groups, target=target)
        case "cost":
            return cost_ratio(labels, probabilities, groups, missed_blast=missed_blast)
    raise DataError(f"There is no rule '{rule}' for a threshold: choose one of {', '.join(RULES)}.")


def sweep_thresholds(
    labels: NDArray[np.integer], probabilities: Floats, groups: NDArray[np.str_] | None = None
) -> tuple[Floats, Confusion]:
    """Return every distinct threshold, ascending, with the weighted counts at each.

    The thresholds lie half-way between neighbouring probabilities, below and above all of them.

    Raises:
        DataError: no cells, invalid values, or only one class.
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
    fn, tn = _before(blast), _before(normal)
    counts = Confusion(tp=_from(blast), fp=_from(normal), fn=fn, tn=tn)
    below = np.concatenate([[0.0], levels[:-1]])
    cuts = np.maximum((below + levels) / 2, np.nextafter(below, 1))  # never the level below
    return np.minimum(cuts, levels), counts


def _before(weight: Floats) -> Floats:
    """Weight of all levels below each level."""
    return np.concatenate([[0.0], np.cumsum(weight)[:-1]])


def _from(weight: Floats) -> Floats:
    """Weight of each level and all levels above it."""
    return np.asarray(np.cumsum(weight[::-1])[::-1])


def _best(
    labels: NDArray[np.integer],
    probabilities: Floats,
    groups: NDArray[np.str_] | None,
    *,
    figure: str,
) -> float:
    """The threshold with the highest value of a metric."""
    cuts, counts = sweep_thresholds(labels, probabilities, groups)
    return _middle(cuts, metrics.confusion_metrics(counts)[figure])


def _middle(cuts: Floats, value: Floats) -> float:
    """The threshold with the highest value; the middle one of several ties."""
    best = np.flatnonzero(value >= np.nanmax(value) - 1e-12)
    return float(cuts[best[(len(best) - 1) // 2]])


def _how(groups: NDArray[np.str_] | None) -> str:
    return "" if groups is None else ", subjects counting equally within their class"
