"""Calibration and threshold for one laboratory, chosen and evaluated by cross-fitting.

Subjects are dealt into folds. Platt scaling and the threshold for the cells of a fold come from the
other folds, so that no cell is judged by a choice that its subject took part in; the final choice
uses all subjects (Stone, JRSS B 1974).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from allcore.evaluation import estimates, intervals, thresholds
from allcore.evaluation.metrics import Floats
from allcore.training import calibration
from allcore.training.calibration import PlattScaling

FOLDS = 5
"""Most folds that the subjects are dealt into."""
_ROUNDING = 1e-12  # distance of a threshold from 0 and 1, whose log-odds are infinite


@dataclass(frozen=True)
class SiteCalibration:
    """Calibration and threshold of a laboratory."""

    scaling: PlattScaling  # of the model's calibrated log-odds
    threshold: float
    rule: str  # sentence on the choice of the threshold


@dataclass(frozen=True)
class CrossFit:
    """Calibration of all subjects, and the cross-fitted answers by which it is judged."""

    calibration: SiteCalibration  # of all subjects
    probabilities: Floats  # (N,) calibrated without the cell's fold
    # (N,) probabilities moved so that 0.5 is the threshold chosen without the cell's fold
    relative: Floats
    folds: int


def cross_fit(
    log_odds: Floats,
    *,
    labels: NDArray[np.integer],
    subjects: NDArray[np.str_],
    rule: str = "youden",
) -> CrossFit | None:
    """Choose calibration and threshold on all cells, and answer each without its subject's fold.

    Args:
        log_odds: (N,) the model's calibrated log-odds.
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        subjects: (N,) the independent subject of each cell.
        rule: a key of `thresholds.RULES`.

    Returns:
        None where a class has fewer than two subjects.
    """
    fold = deal_folds(labels=labels, subjects=subjects)
    if fold is None:
        return None
    probabilities, relative = np.zeros(len(labels)), np.zeros(len(labels))
    for number in range(int(fold.max()) + 1):
        own = fold == number
        chosen = choose(log_odds[~own], labels[~own], subjects[~own], rule)
        calibrated = chosen.scaling.log_odds(log_odds[own])
        limit = np.clip(chosen.threshold, _ROUNDING, 1 - _ROUNDING)
        probabilities[own] = special.expit(calibrated)
        relative[own] = special.expit(calibrated - special.logit(limit))
    final = choose(log_odds, labels, subjects, rule)
    return CrossFit(final, probabilities, relative, int(fold.max()) + 1)


def choose(
    log_odds: Floats, labels: NDArray[np.integer], subjects: NDArray[np.str_], rule: str
) -> SiteCalibration:
    """Fit Platt scaling, and choose the threshold by a rule; subjects count equally."""
    scaling = calibration.fit_platt(log_odds, labels, subjects)
    choice = thresholds.choose_threshold(rule, labels, scaling.probability(log_odds), subjects)
    sentence = choice.sentence.replace("the validation cells", "this laboratory's cells")
    return SiteCalibration(scaling, choice.value, sentence)


def deal_folds(
    *, labels: NDArray[np.integer], subjects: NDArray[np.str_]
) -> NDArray[np.intp] | None:
    """(N,) fold of each cell; each fold has subjects of both classes.

    Subjects of a class are dealt by their number of cells, in turn. None where a class has fewer
    than two subjects.
    """
    _, groups = estimates.number_groups(subjects)
    blast = intervals.majority(labels=labels, groups=groups)
    folds = min(FOLDS, int(blast.sum()), int((~blast).sum()))
    if folds < 2:
        return None
    cells, fold = np.bincount(groups), np.zeros(len(blast), dtype=np.intp)
    for stratum in (np.flatnonzero(blast), np.flatnonzero(~blast)):
        order = stratum[np.argsort(-cells[stratum], kind="stable")]
        fold[order] = np.arange(len(order)) % folds
    return np.asarray(fold[groups])
