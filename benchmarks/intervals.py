"""All intervals of an evaluation, against a loop over resamples with scikit-learn."""

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as peer

from allcore.evaluation import curves, estimates, intervals
from benchmarks import simulated_predictions, timing
from benchmarks.simulated_predictions import Predicted
from benchmarks.timing import Result, Scale

TRIED = 20  # resamples of the reference that are timed; their time is scaled up


def run(scale: Scale) -> Result:
    """Seconds for every interval of 15,000 cells of 50 subjects, by 2,000 resamples.

    Ours gives each figure an interval over cells and one over subjects, and the curves of ROC,
    precision and calibration their bands. The reference resamples subjects alone, and has neither
    bands nor calibration error.
    """
    cells = simulated_predictions.draw()
    tried = min(scale.images, TRIED)
    rng = np.random.default_rng(simulated_predictions.SEED)

    def ours() -> None:
        sample = estimates.make_sample(
            labels=cells.labels, probabilities=cells.probabilities, subjects=cells.subjects
        )
        estimates.at_threshold(sample, 0.5)
        estimates.threshold_free(sample)
        curves.roc_curve(sample)
        curves.precision_recall_curve(sample)
        curves.reliability_curve(sample)

    def reference() -> None:
        by_class = _by_class(cells)
        resampled = [plain(cells, _resample(by_class, rng)) for _ in range(tried)]
        np.nanquantile(np.array(resampled), [0.025, 0.975], axis=0)

    mine, theirs = timing.side_by_side(
        timing.seconds(ours), timing.seconds(reference), rounds=scale.rounds
    )
    return timing.result(
        "intervals", ours=mine, reference=theirs * intervals.RESAMPLES / tried, unit="s"
    )


def plain(cells: Predicted, chosen: NDArray[np.intp]) -> tuple[float, ...]:
    """Compute the figures of the chosen cells with scikit-learn."""
    labels, probabilities = cells.labels[chosen], cells.probabilities[chosen]
    called = (probabilities >= 0.5).astype(int)
    return (
        peer.accuracy_score(labels, called),
        peer.balanced_accuracy_score(labels, called),
        peer.f1_score(labels, called, average="weighted"),
        peer.recall_score(labels, called, pos_label=1),
        peer.recall_score(labels, called, pos_label=0),
        peer.precision_score(labels, called, pos_label=1, zero_division=np.nan),
        peer.precision_score(labels, called, pos_label=0, zero_division=np.nan),
        peer.matthews_corrcoef(labels, called),
        peer.roc_auc_score(labels, probabilities),
        peer.average_precision_score(labels, probabilities),
        peer.brier_score_loss(labels, probabilities),
    )


def _by_class(cells: Predicted) -> list[list[NDArray[np.intp]]]:
    """The places of each subject's cells, subjects of one class together."""
    groups: list[list[NDArray[np.intp]]] = [[], []]
    for subject in np.unique(cells.subjects):
        places = np.flatnonzero(cells.subjects == subject)
        groups[cells.labels[places[0]]].append(places)
    return groups


def _resample(by_class: list[list[NDArray[np.intp]]], rng: np.random.Generator) -> NDArray[np.intp]:
    """The places of all cells of subjects drawn with replacement within their class."""
    places_drawn = [
        group[number] for group in by_class for number in rng.integers(len(group), size=len(group))
    ]
    return np.concatenate(places_drawn)
