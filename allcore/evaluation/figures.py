"""Every figure of a set of cells, each with an interval over cells and one over subjects.

What moves with the threshold (`at_threshold`) takes milliseconds, so that a page can call it at every
move; what doesn't (`threshold_free`) is computed once.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from allcore.evaluation import intervals, metrics
from allcore.evaluation.intervals import Interval
from allcore.evaluation.metrics import Confusion, Floats


@dataclass(frozen=True)
class Figure:
    """One figure of the evaluation."""

    name: str  # a key of metrics.TITLES
    value: float
    image: Interval  # how well it is known for these subjects
    subject: Interval  # what to expect of other subjects


@dataclass(frozen=True)
class Sample:
    """Labelled cells with what their resamples need, prepared once.

    `groups` numbers each cell's independent subject from 0; None where subjects are unknown, and
    then no interval over subjects is given.
    """

    labels: NDArray[np.integer]
    probabilities: Floats
    groups: NDArray[np.intp] | None
    weights: Floats  # (resamples, subjects) how often each subject was drawn

    @property
    def units(self) -> int:
        """Independent subjects of the class that has fewer of them; 0 where they are unknown."""
        if self.groups is None:
            return 0
        of_class = [np.unique(self.groups[self.labels == label]).size for label in (0, 1)]
        return min(n for n in of_class if n)


def sample(
    *,
    labels: NDArray[np.integer],
    probabilities: Floats,
    subjects: NDArray[np.str_] | None,
    resamples: int = intervals.RESAMPLES,
    seed: int = intervals.SEED,
) -> Sample:
    """Check the cells and draw the resamples of subjects.

    Args:
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        probabilities: (N,) calibrated probability of an ALL blast.
        subjects: (N,) the independent subject of each cell, or None where unknown.

    Raises:
        DataError: no cells, or values that are no labels or no probabilities.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=float)
    metrics.check(labels=labels, probabilities=probabilities)
    if subjects is None:
        return Sample(labels, probabilities, None, np.zeros((0, 0)))
    groups = np.unique(np.asarray(subjects, dtype=str), return_inverse=True)[1]
    weights = intervals.subject_weights(
        labels=labels, groups=groups, resamples=resamples, seed=seed
    )
    return Sample(labels, probabilities, groups, weights)


def at_threshold(cells: Sample, threshold: float) -> tuple[Figure, ...]:
    """The figures that follow from the confusion matrix at `threshold`.

    Over cells: Wilson for shares; for the others a bootstrap, drawn as what it is, a multinomial of
    the four counts. Over subjects: their counts, resampled by `cells.weights`.
    """
    counts = metrics.confusion(
        labels=cells.labels, probabilities=cells.probabilities, threshold=threshold
    )
    value = metrics.count_figures(counts)
    by_cell = metrics.count_figures(_redrawn(counts))
    shares = _shares(counts)
    by_subject = metrics.count_figures(_by_subject(cells, threshold))
    return tuple(
        Figure(
            name=name,
            value=float(figure),
            image=shares.get(name) or intervals.percentile(float(figure), by_cell[name]),
            subject=_over_subjects(cells, float(figure), by_subject[name]),
        )
        for name, figure in value.items()
    )


def threshold_free(cells: Sample) -> tuple[Figure, ...]:
    """AUROC, AUPRC, Brier score and calibration error.

    Over cells: DeLong for the AUROC, bootstrap for the others. Over subjects: bootstrap.
    """
    whole = np.ones((1, len(cells.labels)), dtype=np.float32)
    value = {name: float(v[0]) for name, v in _resampled(cells, [whole]).items()}
    by_cell = _resampled(cells, intervals.cell_weights(len(cells.labels)))
    by_subject = _resampled(cells, _subject_blocks(cells))
    image = {name: intervals.percentile(value[name], by_cell[name]) for name in value}
    image["auroc"] = intervals.delong(labels=cells.labels, scores=cells.probabilities)
    image["ece"] = intervals.reflected(image["ece"])
    subject = {name: _over_subjects(cells, value[name], by_subject[name]) for name in value}
    subject["ece"] = intervals.reflected(subject["ece"])
    return tuple(Figure(name, value[name], image[name], subject[name]) for name in value)


def _shares(counts: Confusion) -> dict[str, Interval]:
    tp, fp, fn, tn = (int(n) for n in dataclasses.astuple(counts))
    return {
        "accuracy": intervals.wilson(tp + tn, tp + fp + fn + tn),
        "sensitivity": intervals.wilson(tp, tp + fn),
        "specificity": intervals.wilson(tn, tn + fp),
        "ppv": intervals.wilson(tp, tp + fp),
        "npv": intervals.wilson(tn, tn + fn),
    }


def _redrawn(counts: Confusion) -> Confusion:
    """Counts of bootstrap resamples of single cells."""
    observed = np.array(dataclasses.astuple(counts))
    cells = int(observed.sum())
    rng = np.random.default_rng(intervals.SEED)
    drawn = rng.multinomial(cells, observed / cells, size=intervals.RESAMPLES).astype(float)
    return Confusion(*drawn.T)


def _by_subject(cells: Sample, threshold: float) -> Confusion:
    """Counts of bootstrap resamples of whole subjects."""
    if cells.groups is None:
        return Confusion(*np.zeros((4, 0)))
    called = cells.probabilities >= threshold
    which = cells.groups * 4 + 2 * (cells.labels == 1) + called
    table = np.bincount(which, minlength=4 * cells.weights.shape[1]).reshape(-1, 4)
    tn, fp, fn, tp = (cells.weights @ table).T
    return Confusion(tp=tp, fp=fp, fn=fn, tn=tn)


def _over_subjects(cells: Sample, value: float, resampled: Floats) -> Interval:
    if cells.units < 2:
        return Interval(value, float("nan"), float("nan"))
    return intervals.percentile(value, resampled, units=cells.units)


def _subject_blocks(cells: Sample, chunk: int = 100) -> Iterable[NDArray[np.float32]]:
    if cells.groups is None:
        return
    for start in range(0, len(cells.weights), chunk):
        yield cells.weights[start : start + chunk].astype(np.float32)[:, cells.groups]


def _resampled(cells: Sample, blocks: Iterable[NDArray[np.float32]]) -> dict[str, Floats]:
    """The threshold-free figures under each row of weights (rows, N) in `blocks`."""
    table = metrics.residuals(labels=cells.labels, probabilities=cells.probabilities)
    # 17 columns, of which a row fills 2: sparse is faster to multiply than dense.
    errors = sparse.csr_array(table.astype(np.float32))
    squares = ((cells.probabilities - cells.labels) ** 2).astype(np.float32)
    order, ends = _descending(cells.probabilities)
    blast = (cells.labels[order] == 1).astype(np.float32)
    rows = [
        (
            *_ranking(weight[:, order], blast, ends),
            metrics.ratio(weight @ squares, weight.sum(axis=1)),
            metrics.calibration_error(weight @ errors),
        )
        for weight in blocks
    ]
    columns = [np.concatenate(c) for c in zip(*rows, strict=True)] or [np.zeros(0)] * 4
    return dict(zip(("auroc", "auprc", "brier", "ece"), columns, strict=True))


def _descending(scores: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Order of falling scores, and the places in it where a run of equal scores ends."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    return order, ends


def _ranking(
    weight: NDArray[np.float32], blast: NDArray[np.float32], ends: NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """AUROC (trapezia) and AUPRC (average precision) of weighted cells in falling order.

    Weights are whole numbers, so that float32 sums stay exact up to 16 million.
    """
    called = np.cumsum(weight, axis=1)[:, ends]
    hits = np.cumsum(weight * blast, axis=1)[:, ends]
    alarms = called - hits
    new_hits = np.diff(hits, axis=1, prepend=0)
    new_alarms = np.diff(alarms, axis=1, prepend=0)
    area = np.einsum("ij,ij->i", new_alarms, hits - new_hits / 2, dtype=float)
    precision = hits / np.maximum(called, 1)
    average = np.einsum("ij,ij->i", new_hits, precision, dtype=float)
    blasts, normals = hits[:, -1].astype(float), alarms[:, -1].astype(float)
    both = np.where((blasts > 0) & (normals > 0), 1.0, np.nan)
    return metrics.ratio(area, blasts * normals), metrics.ratio(average, blasts) * both
