"""A move of the threshold: everything that hangs on it, against scikit-learn's bare figures."""

from collections.abc import Callable
from functools import partial

import numpy as np
from sklearn import metrics as peer

from allcore.evaluation import figures, metrics, outcomes, subjects
from allcore.evaluation.figures import Sample
from allcore.evaluation.metrics import Floats
from benchmarks import predicted, timing
from benchmarks.predicted import Predicted
from benchmarks.timing import Result, Scale

MOVES = 50


def run(scale: Scale) -> Result:
    """95th percentile, in milliseconds, of what follows a move at 15,000 cells of 50 subjects.

    Ours computes what the page shows anew: figures with both intervals, confusion matrix, outcome
    of each cell, list of errors and a row a subject. The reference computes figures alone, for
    this one threshold and without any interval.
    """
    cells = predicted.draw()
    sample = figures.sample(
        labels=cells.labels, probabilities=cells.probabilities, subjects=cells.subjects
    )
    moves = np.linspace(0.05, 0.95, min(scale.images, MOVES))
    mine, theirs = timing.side_by_side(
        _slow_end(lambda threshold: panels(sample, cells, threshold), moves),
        _slow_end(lambda threshold: plain(cells, threshold), moves),
        rounds=scale.rounds,
    )
    return timing.result("threshold", ours=1000 * mine, reference=1000 * theirs, unit="ms/move")


def panels(sample: Sample, cells: Predicted, threshold: float) -> None:
    """Compute everything that a move changes."""
    labels, probabilities = cells.labels, cells.probabilities
    figures.at_threshold(sample, threshold)
    metrics.confusion(labels=labels, probabilities=probabilities, threshold=threshold)
    outcomes.of(labels, probabilities, threshold)
    outcomes.ranked(
        "confident_errors", labels=labels, probabilities=probabilities, threshold=threshold
    )
    subjects.rows(
        labels=labels, probabilities=probabilities, subjects=cells.subjects, threshold=threshold
    )


def plain(cells: Predicted, threshold: float) -> None:
    """Compute the figures with scikit-learn."""
    called = cells.probabilities >= threshold
    peer.confusion_matrix(cells.labels, called)
    peer.accuracy_score(cells.labels, called)
    peer.balanced_accuracy_score(cells.labels, called)
    peer.f1_score(cells.labels, called, average="weighted")
    peer.matthews_corrcoef(cells.labels, called)
    peer.roc_auc_score(cells.labels, cells.probabilities)


def _slow_end(move: Callable[[float], None], moves: Floats) -> Callable[[], float]:
    """Give the 95th percentile of the seconds that the moves take."""

    def timed() -> float:
        taken = [timing.seconds(partial(move, float(threshold)))() for threshold in moves]
        return float(np.quantile(taken, 0.95))

    return timed
