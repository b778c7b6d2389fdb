"""Outcome of each cell at a threshold, and ranked lists of cells for review."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from allcore.errors import DataError
from allcore.evaluation import metrics
from allcore.evaluation.label_errors import LabelErrors
from allcore.evaluation.metrics import Floats

# Errors come first in every list of outcomes.
OUTCOMES = {
    "fp": "Normal cells called ALL blast",
    "fn": "ALL blasts called normal",
    "tp": "ALL blasts called ALL blast",
    "tn": "Normal cells called normal",
}
LISTS = {
    "false_positives": "Normal cells called ALL blast",
    "false_negatives": "ALL blasts called normal",
    "confident_errors": "Most confident errors",
    "least_certain": "Least certain",
    "near_threshold": "Nearest to the threshold",
    "disagreed": "Most disagreed between two models",
    "suspicious": "Most suspicious labels",
}
# Probabilities are clipped to [_LEAST, 1 - _LEAST], so that their log-odds are finite.
_LEAST = 1e-12


class _Cells(NamedTuple):
    labels: NDArray[np.integer]
    probabilities: Floats
    threshold: float
    other: Floats | None
    other_threshold: float
    label_errors: LabelErrors | None

    @property
    def called(self) -> NDArray[np.bool_]:
        return self.probabilities >= self.threshold

    @property
    def wrong(self) -> NDArray[np.bool_]:
        return np.asarray(self.called != (self.labels == 1))


def cell_outcomes(
    labels: NDArray[np.integer], probabilities: Floats, threshold: float
) -> NDArray[np.str_]:
    """(N,) a key of `OUTCOMES` for each cell.

    Args:
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        probabilities: (N,) calibrated probability of an ALL blast.
        threshold: probability at or above which a cell is called a blast.

    Raises:
        DataError: no cells, or invalid labels or probabilities.
    """
    metrics.check_predictions(labels=labels, probabilities=probabilities)
    keys = np.array(["tn", "fp", "fn", "tp"])
    return np.asarray(keys[2 * (labels == 1) + (probabilities >= threshold)])


def rank_cells(
    key: str,
    *,
    labels: NDArray[np.integer],
    probabilities: Floats,
    threshold: float,
    other: Floats | None = None,
    other_threshold: float | None = None,
    label_errors: LabelErrors | None = None,
) -> NDArray[np.intp]:
    """Indices of the cells of a list, most relevant first; ties keep their order.

    False positives, false negatives, confident errors and suspicious labels are subsets of the
    cells; the other lists order all N cells.

    Args:
        key: key of `LISTS`.
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        probabilities: (N,) calibrated probability of an ALL blast.
        threshold: probability at or above which a cell is called a blast.
        other: (N,) probabilities of a second model, for "disagreed".
        other_threshold: threshold of the second model; `threshold` by default.
        label_errors: label errors of the same cells, for "suspicious".

    Raises:
        DataError: an unknown list, invalid labels or probabilities, or a missing argument `other`
            or `label_errors` of the list.
    """
    if key not in LISTS:
        raise DataError(f"There is no list '{key}': choose one of {', '.join(LISTS)}.")
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=float)
    metrics.check_predictions(labels=labels, probabilities=probabilities)
    second = threshold if other_threshold is None else other_threshold
    return _RANKINGS[key](_Cells(labels, probabilities, threshold, other, second, label_errors))


def log_odds(probabilities: Floats | float) -> Floats:
    """Log-odds of probabilities, finite for 0 and 1."""
    return np.asarray(special.logit(np.clip(probabilities, _LEAST, 1 - _LEAST)))


def _false_positives(cells: _Cells) -> NDArray[np.intp]:
    return _sorted(-cells.probabilities, cells.called & (cells.labels == 0))


def _false_negatives(cells: _Cells) -> NDArray[np.intp]:
    return _sorted(cells.probabilities, ~cells.called & (cells.labels == 1))


def _confident_errors(cells: _Cells) -> NDArray[np.intp]:
    return _sorted(-_from_threshold(cells), cells.wrong)


def _least_certain(cells: _Cells) -> NDArray[np.intp]:
    return _sorted(np.abs(cells.probabilities - 0.5))


def _near_threshold(cells: _Cells) -> NDArray[np.intp]:
    return _sorted(_from_threshold(cells))


def _disagreed(cells: _Cells) -> NDArray[np.intp]:
    if cells.other is None:
        raise DataError("A second model is needed to list where two disagree: choose one.")
    other = np.asarray(cells.other, dtype=float)
    metrics.check_predictions(labels=cells.labels, probabilities=other)
    apart = np.abs(log_odds(cells.probabilities) - log_odds(other))
    alike = cells.called == (other >= cells.other_threshold)
    return np.lexsort((-apart, alike))


def _suspicious(cells: _Cells) -> NDArray[np.intp]:
    if cells.label_errors is None:
        raise DataError(
            "Suspicious labels need out-of-fold probabilities of labelled cells of both classes."
        )
    if len(cells.label_errors.flagged) != len(cells.labels):
        raise DataError(
            f"The label_errors is of {len(cells.label_errors.flagged)} cells, but there are "
            f"{len(cells.labels)}: compute it for these."
        )
    return _sorted(cells.label_errors.quality, cells.label_errors.flagged)


_RANKINGS: dict[str, Callable[[_Cells], NDArray[np.intp]]] = {
    "false_positives": _false_positives,
    "false_negatives": _false_negatives,
    "confident_errors": _confident_errors,
    "least_certain": _least_certain,
    "near_threshold": _near_threshold,
    "disagreed": _disagreed,
    "suspicious": _suspicious,
}


def _from_threshold(cells: _Cells) -> Floats:
    """(N,) distance from the threshold in log-odds: 0.98 and 0.99 are far apart."""
    return np.abs(log_odds(cells.probabilities) - log_odds(cells.threshold))


def _sorted(by: Floats, chosen: NDArray[np.bool_] | None = None) -> NDArray[np.intp]:
    places = np.arange(len(by)) if chosen is None else np.flatnonzero(chosen)
    return places[np.argsort(by[places], kind="stable")]
