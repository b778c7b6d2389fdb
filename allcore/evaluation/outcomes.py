"""Outcome of each cell at a threshold, and ranked lists of cells for review."""

import numpy as np
from numpy.typing import NDArray
from scipy import special

from allcore.errors import DataError
from allcore.evaluation import metrics
from allcore.evaluation.label_errors import LabelErrors
from allcore.evaluation.metrics import Floats

# Errors come first in every list of outcomes.
OUTCOMES = {
    "fp": "Normal cells predicted ALL blast",
    "fn": "ALL blasts predicted normal",
    "tp": "ALL blasts predicted ALL blast",
    "tn": "Normal cells predicted normal",
}
LISTS = {
    "confident_errors": "Most confident errors",
    "least_certain": "Least certain",
    "near_threshold": "Nearest to the threshold",
    "suspicious": "Most suspicious labels",
}
# Probabilities are clipped to [_LEAST, 1 - _LEAST], so that their log-odds are finite.
_LEAST = 1e-12


def cell_outcomes(
    labels: NDArray[np.integer], probabilities: Floats, threshold: float
) -> NDArray[np.str_]:
    """(N,) a key of `OUTCOMES` for each cell; arguments as for `rank_cells`.

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
    label_errors: LabelErrors | None = None,
) -> NDArray[np.intp]:
    """Indices of the cells of a list, most relevant first; ties keep their order.

    Confident errors and suspicious labels are subsets of the cells; the others order all N cells.

    Args:
        key: key of `LISTS`.
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        probabilities: (N,) calibrated probability of an ALL blast.
        threshold: probability at or above which a cell is called a blast.
        label_errors: label errors of the same cells, for "suspicious".

    Raises:
        DataError: an unknown list, invalid labels or probabilities, or missing `label_errors`.
    """
    if key not in LISTS:
        raise DataError(f"There is no list '{key}': choose one of {', '.join(LISTS)}.")
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=float)
    metrics.check_predictions(labels=labels, probabilities=probabilities)
    # In log-odds 0.98 and 0.99 are far apart.
    distance = np.abs(_log_odds(probabilities) - _log_odds(threshold))
    match key:
        case "confident_errors":
            return _sorted(-distance, (probabilities >= threshold) != (labels == 1))
        case "least_certain":
            return _sorted(np.abs(probabilities - 0.5))
        case "near_threshold":
            return _sorted(distance)
    if label_errors is None:
        raise DataError(
            "Suspicious labels need out-of-fold probabilities of labelled cells of both classes."
        )
    if len(label_errors.flagged) != len(labels):
        raise DataError(
            f"The label_errors is of {len(label_errors.flagged)} cells, but there are "
            f"{len(labels)}: compute it for these."
        )
    return _sorted(label_errors.quality, label_errors.flagged)


def _log_odds(probabilities: Floats | float) -> Floats:
    """Log-odds of probabilities, finite for 0 and 1."""
    return np.asarray(special.logit(np.clip(probabilities, _LEAST, 1 - _LEAST)))


def _sorted(by: Floats, chosen: NDArray[np.bool_] | None = None) -> NDArray[np.intp]:
    places = np.arange(len(by)) if chosen is None else np.flatnonzero(chosen)
    return places[np.argsort(by[places], kind="stable")]
