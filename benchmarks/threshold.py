"""A change of the threshold with all that depends on it, against scikit-learn's metrics alone."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn import metrics as peer

from allcore.evaluation import (
    estimates,
    metrics,
    outcomes,
    prevalence,
    slices,
    subjects,
    thresholds,
)
from allcore.evaluation.estimates import Sample
from allcore.evaluation.metrics import Floats
from allcore.evaluation.slices import Slice
from benchmarks import simulated_predictions, timing
from benchmarks.simulated_predictions import Predicted
from benchmarks.timing import Result, Scale

MOVES = 50
PREVALENCES = np.linspace(0.01, 0.99, 99)


@dataclass(frozen=True)
class Page:
    """What a page holds before the threshold moves."""

    cells: Predicted
    sample: Sample
    tried: tuple[Slice, ...]


def run(scale: Scale) -> Result:
    """95th percentile, in milliseconds, of what follows a move at 15,000 cells of 50 subjects.

    Ours computes all that the page may show anew: the threshold by a rule, figures with both
    intervals, confusion matrix, each cell's outcome, a list of errors, subjects with their calls,
    predictive values over prevalences, and every slice against the rest. The reference computes
    figures alone, for this one threshold and without any interval.
    """
    page = _page()
    moves = np.linspace(0.05, 0.95, min(scale.images, MOVES))
    mine, theirs = timing.side_by_side(
        _slow_end(partial(panels, page), moves),
        _slow_end(partial(plain, page.cells), moves),
        rounds=scale.rounds,
    )
    return timing.result("threshold", ours=1000 * mine, reference=1000 * theirs, unit="ms/move")


def panels(page: Page, threshold: float) -> None:
    """Compute everything that a move changes."""
    names = page.cells.subjects
    labels, probabilities = page.cells.labels, page.cells.probabilities
    thresholds.choose_threshold("cost", labels, probabilities, names, missed_blast=1 / threshold)
    estimates.at_threshold(page.sample, threshold)
    metrics.confusion(labels=labels, probabilities=probabilities, threshold=threshold)
    outcome = outcomes.cell_outcomes(labels, probabilities, threshold)
    outcomes.rank_cells(
        "confident_errors", labels=labels, probabilities=probabilities, threshold=threshold
    )
    rows = subjects.subject_rows(
        labels=labels, probabilities=probabilities, subjects=names, threshold=threshold
    )
    subjects.call_subjects(rows, cutoff=0.5, least_cells=20)
    prevalence.predictive_values(page.sample, threshold, PREVALENCES)
    right = ~np.isin(outcome, ("fp", "fn"))
    counted = slices.count_slices(page.tried, labels=labels, groups=names)
    slices.compare_slices(counted, right=right)


def plain(cells: Predicted, threshold: float) -> None:
    """Compute the figures with scikit-learn."""
    called = cells.probabilities >= threshold
    peer.confusion_matrix(cells.labels, called)
    peer.accuracy_score(cells.labels, called)
    peer.balanced_accuracy_score(cells.labels, called)
    peer.f1_score(cells.labels, called, average="weighted")
    peer.matthews_corrcoef(cells.labels, called)
    peer.roc_auc_score(cells.labels, cells.probabilities)


def _page() -> Page:
    cells = simulated_predictions.draw()
    sample = estimates.make_sample(
        labels=cells.labels, probabilities=cells.probabilities, subjects=cells.subjects
    )
    return Page(cells, sample, simulated_predictions.slices(cells))


def _slow_end(move: Callable[[float], None], moves: Floats) -> Callable[[], float]:
    """Give the 95th percentile of the seconds that the moves take."""

    def timed() -> float:
        durations = [timing.seconds(partial(move, float(threshold)))() for threshold in moves]
        return float(np.quantile(durations, 0.95))

    return timed
