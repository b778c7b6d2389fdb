"""Out-of-fold probabilities of labelled cells, in folds that share no subject."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from allcore.audit.findings.audit_inputs import AuditInputs
from allcore.data import splits
from allcore.data.decoded_cells import DecodedCells
from allcore.data.manifest import Manifest
from allcore.errors import DataError
from allcore.evaluation import estimates
from allcore.evaluation.intervals import Interval
from allcore.labels import LABELS

FOLDS = 5
SEED = 0
MATCHED = 0.9
"""Share of the labelled images that must have held-out predictions for these to be taken."""
FACTS = ("area", "brightness", "focus", "redness", "elongation", "contrast")
STRENGTH, ROUNDS = 0.1, 3
"""Of the regression: how little it is held back, and how often it learns."""
BOUNDED, LARGEST = 5, 6.0
"""Percentile at which columns are bounded where the regression learns; robust deviations at which
they are bounded where it is asked."""
CLEARLY = 0.02
"""AUROC by which embeddings must do better to be taken."""
TRIMMED = 2.2
"""Robust deviations from which a cell is left out when the regression learns again."""
LEAST = 1e-6
"""Probabilities are included this far from 0 and 1 before log-odds are taken."""
HELD_OUT, REGRESSION = "held-out", "cross-validated regression"
"""Whose probabilities labels are judged by."""


@dataclass(frozen=True)
class LabelledCells:
    """Labelled, measured cells: rows of the inputs, labels, subjects and folds of subjects."""

    rows: NDArray[np.intp]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    folds: NDArray[np.intp]

    @classmethod
    def of(cls, inputs: AuditInputs) -> "LabelledCells | None":
        """None where a class has less than two subjects, so that none can be held out."""
        known = inputs.usable & np.isin(inputs.labels.astype(str), LABELS)
        rows = np.flatnonzero(known)
        table = inputs.manifest.table.iloc[rows].reset_index(drop=True)
        people = table.groupby("label")["group"].nunique()
        if len(people) < len(LABELS) or people.min() < 2:
            return None
        some = Manifest(inputs.root, table, inputs.manifest.name)
        folds = np.zeros(len(rows), dtype=np.intp)
        try:
            dealt = splits.subject_folds(some, seed=SEED, folds=min(FOLDS, int(people.min())))
        except DataError:
            return None
        for split in dealt:
            folds[split.mask(some, "test")] = split.fold
        labels = np.where(table["label"] == "all", 1, 0)
        return cls(rows, labels, table["group"].to_numpy(dtype=str), folds)


def out_of_fold_probabilities(
    inputs: AuditInputs, cells: LabelledCells
) -> tuple[NDArray[np.float64], str]:
    """Probability (n,) of a blast by a model that saw neither cell nor subject, and whose it is.

    The installed model's held-out predictions where they are of these images, else a logistic
    regression on facts and chromatin, cross-validated by subject; with embeddings as well where
    that tells the classes of unseen subjects apart clearly better. Else they only make room to
    learn what is peculiar to a few cells, wrong labels among it.
    """
    known = held_out_probabilities(inputs, cells)
    if known is not None:
        return known, HELD_OUT
    plain = _plain(inputs, cells)
    probabilities = regression_probabilities(plain, cells)
    vectors = inputs.index.embeddings[cells.rows].astype(float)
    if vectors.shape[1]:
        with_embeddings = regression_probabilities(
            _filled(np.column_stack([plain, vectors])), cells
        )
        if _area(cells, with_embeddings) > _area(cells, probabilities) + CLEARLY:
            probabilities = with_embeddings
    return probabilities, REGRESSION


def held_out_probabilities(inputs: AuditInputs, cells: LabelledCells) -> NDArray[np.float64] | None:
    """The installed model's held-out probabilities (n,); None where they are of other images."""
    if inputs.predictions is None:
        return None
    known = inputs.predictions.drop_duplicates("image_id").set_index("image_id")
    rows = known.reindex(inputs.ids[cells.rows])
    agreed = (rows["label"] == inputs.labels[cells.rows]).to_numpy(dtype=bool)
    probabilities = rows["probability"].to_numpy(dtype=float)
    finite = np.isfinite(probabilities)
    if min(agreed.mean(), finite.mean()) < MATCHED:
        return None
    return np.where(finite, probabilities, np.nanmedian(probabilities))


def subject_auroc(cells: LabelledCells, probabilities: NDArray[np.float64]) -> Interval:
    """AUROC with its interval over subjects."""
    sample = estimates.make_sample(
        labels=cells.labels, probabilities=probabilities, subjects=cells.groups
    )
    return estimates.by_name(estimates.threshold_free(sample))["auroc"].over_subjects


def auroc_detail(auroc: Interval) -> dict[str, object]:
    """An AUROC over subjects as a finding's detail has it; no bounds where none can be given."""
    low, high = (round(bound, 4) for bound in (auroc.low, auroc.high))
    known = auroc.known
    return {
        "auroc": round(auroc.value, 4),
        "low": low if known else None,
        "high": high if known else None,
    }


def regression_probabilities(
    values: NDArray[np.float64], cells: LabelledCells
) -> NDArray[np.float64]:
    """Probability (n,) by a logistic regression on columns (n, F), cross-validated by subject.

    It is meant to find wrong labels, so these must not bend it: columns are bounded where it
    learns, and cells that stand out of those of their label are left out when it learns again.
    """
    middle, scale = _spread(values)
    scaled = np.clip((values - middle) / scale, -LARGEST, LARGEST)
    low, high = np.percentile(scaled, (BOUNDED, 100 - BOUNDED), axis=0)
    bounded_values = np.clip(scaled, low, high)
    included = np.ones(len(values), dtype=bool)
    for _ in range(ROUNDS):
        probabilities = _regression(bounded_values, scaled, cells, included)
        included = label_deviations(cells.labels, probabilities) < TRIMMED
    return probabilities


def label_deviations(
    labels: NDArray[np.integer], probabilities: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How far (N,) the log-odds of the other class lie above what is usual for cells so labelled.

    In deviations from the median of the label's cells, estimated from their quartiles.

    Args:
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        probabilities: (N,) of an ALL blast.
    """
    bounded = np.clip(probabilities, LEAST, 1 - LEAST)
    odds = np.log(bounded / (1 - bounded)) * np.where(labels == 1, -1, 1)
    deviations = np.zeros(len(odds))
    for label in np.unique(labels):
        own = labels == label
        low, middle, high = np.percentile(odds[own], (25, 50, 75))
        deviations[own] = (odds[own] - middle) / max((high - low) / 1.349, LEAST)
    return deviations


def tree_probabilities(values: NDArray[np.float64], cells: LabelledCells) -> NDArray[np.float64]:
    """Out-of-fold probability by the baseline's trees on one or two columns."""
    from allcore.data import sampling
    from allcore.training import baseline

    columns = values if values.shape[1] == 2 else np.column_stack([values, np.zeros(len(values))])
    # The baseline reads two numbers a cell; a column that is always 0 tells it nothing.
    plain = DecodedCells(np.empty((len(values), 0), np.uint8), columns[:, 0], columns[:, 1])
    names = np.where(cells.labels == 1, "all", "hem")
    probabilities = np.zeros(len(values))
    for fold in np.unique(cells.folds):
        train = cells.folds != fold
        weights = sampling.sampling_weights(
            names[train].tolist(), cells.groups[train].tolist(), subject_strength=0.5
        )
        model = baseline.fit(
            plain, train=train, targets=cells.labels.astype(float), weights=weights, seed=SEED
        )
        probabilities[~train] = model.probability(plain)[~train]
    return probabilities


def _plain(inputs: AuditInputs, cells: LabelledCells) -> NDArray[np.float64]:
    facts = inputs.index.table[list(FACTS)].to_numpy(dtype=float)[cells.rows]
    chromatin = texture_statistics(inputs.index.rings[cells.rows])
    return _filled(np.column_stack([facts, chromatin]))


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The columns with their medians where a value is missing."""
    missing = ~np.isfinite(values)
    middle = np.nanmedian(np.where(missing.all(axis=0), 0.0, values), axis=0)
    return np.where(missing, middle, values)


def _area(cells: LabelledCells, probabilities: NDArray[np.float64]) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(cells.labels, probabilities))


def _regression(
    bounded_values: NDArray[np.float64],
    scaled: NDArray[np.float64],
    cells: LabelledCells,
    included: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Out-of-fold probability (n,) of ``scaled``, fitted to bounded values of included cells."""
    from sklearn.linear_model import LogisticRegression

    probabilities = np.zeros(len(scaled))
    for fold in np.unique(cells.folds):
        held = cells.folds == fold
        train = ~held & included
        model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=1000)
        model.fit(bounded_values[train], cells.labels[train])
        probabilities[held] = model.predict_proba(scaled[held])[:, 1]
    return probabilities


def _spread(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Median and deviation, estimated from the quartiles, of each column."""
    low, middle, high = np.percentile(values, (25, 50, 75), axis=0)
    deviation = (high - low) / 1.349
    return middle, np.where(deviation > 1e-9, deviation, 1.0)


SCALES = ((1.0, 2.0), (2.0, 4.0))
"""Deviations of the blur, in rings and angles, above which structure is left out of the figures."""
PERCENTILES = (1, 5, 25, 75, 95, 99)
BLOCK = 4096


def texture_statistics(rings: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How chromatin varies (N, 22): strength, skewness, kurtosis, extremes and percentiles.

    At each of ``SCALES``, which turning the cell does not change. Pale nucleoli in even chromatin
    make it lean one way, dark clumps parted by pale lines the other.

    Args:
        rings: (N, RINGS, ANGLES) as an index keeps them.
    """
    parts = [_figures(rings[i : i + BLOCK]) for i in range(0, len(rings), BLOCK)]
    return np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.float32)


def _figures(rings: NDArray[np.uint8]) -> NDArray[np.float32]:
    patterns = rings.astype(np.float32)
    columns: list[NDArray[np.float32]] = []
    for across, along in SCALES:
        # Along a ring the last angle meets the first.
        coarse = ndimage.gaussian_filter(
            patterns, (0, across, along), mode=("nearest", "nearest", "wrap")
        )
        fine = (patterns - coarse).reshape(len(patterns), -1)
        strength = fine.std(axis=1)
        shape = fine / np.maximum(strength, 1e-6)[:, None]
        moments = [(shape**3).mean(axis=1), (shape**4).mean(axis=1)]
        extremes = [shape.max(axis=1), -shape.min(axis=1)]
        columns += [strength, *moments, *extremes, *np.percentile(shape, PERCENTILES, axis=1)]
    return np.stack(columns, axis=1).astype(np.float32)
