"""Out-of-fold probabilities of labelled cells, in folds of disjoint subjects."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from allcore.audit.findings import quality
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
"""Least share of labelled images with held-out predictions for these to be used."""
FACTS = ("area", "brightness", "focus", "redness", "elongation", "contrast")
STRENGTH, ROUNDS = 0.1, 3
"""Of the regression: inverse regularisation strength, and number of fits."""
BOUNDED, LARGEST = 5, 6.0
"""Percentile at which columns are clipped for fitting; robust deviations at which they are clipped
for prediction."""
CLEARLY = 0.02
"""Least gain in AUROC for embeddings to be used."""
TRIMMED = 2.2
"""Robust deviations from which a cell is excluded from the next fit."""
LEAST = 1e-6
"""Distance from 0 and 1 at which probabilities are clipped for log-odds."""
SCALES = ((1.0, 2.0), (2.0, 4.0))
"""Deviations of the Gaussian blur, in rings and angles, before the statistics."""
PERCENTILES = (1, 5, 25, 75, 95, 99)
BLOCK = 4096
UNSEEN, OTHER_IMAGES = "unseen subjects", "other images, whose subjects are unknown"
"""What probabilities are judged on where all subjects are known, and where some are not."""
HELD_OUT, REGRESSION = "held-out", "cross-validated regression"
"""Sources of the probabilities that labels are checked by."""


@dataclass(frozen=True)
class LabelledCells:
    """Labelled, measured cells: rows of the inputs, labels, subjects and subject folds."""

    rows: NDArray[np.intp]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    folds: NDArray[np.intp]
    judged_on: str = UNSEEN  # what a model of the other folds has not seen of a fold

    @classmethod
    def of(cls, inputs: AuditInputs) -> "LabelledCells | None":
        """Return the cells, or None where a class has fewer than two subjects to hold one out."""
        known = inputs.usable & np.isin(inputs.labels.astype(str), LABELS)
        rows = np.flatnonzero(known)
        table = inputs.manifest.table.iloc[rows].reset_index(drop=True)
        people = table.groupby("label")["group"].nunique()
        if len(people) < len(LABELS) or people.min() < 2:
            return None
        some = Manifest(inputs.manifest.root, table, inputs.manifest.name)
        folds = np.zeros(len(rows), dtype=np.intp)
        try:
            dealt = splits.subject_folds(some, seed=SEED, folds=min(FOLDS, int(people.min())))
        except DataError:
            return None
        for split in dealt:
            folds[split.mask(some, "test")] = split.fold
        labels = np.where(table["label"] == "all", 1, 0)
        judged_on = UNSEEN if table["subject"].notna().all() else OTHER_IMAGES
        return cls(rows, labels, table["group"].to_numpy(dtype=str), folds, judged_on)


def out_of_fold_probabilities(
    inputs: AuditInputs, cells: LabelledCells
) -> tuple[NDArray[np.float64], str]:
    """Return blast probabilities (n,) from models trained without the subject, and their source.

    The source is the installed model's held-out predictions where they cover these images, else a
    logistic regression on measures and chromatin statistics, cross-validated by subject. Embeddings
    are added only where they clearly improve the AUROC on unseen subjects. Otherwise they let the
    regression overfit single cells, including wrong labels.
    """
    known = held_out_probabilities(inputs, cells)
    if known is not None:
        return known, HELD_OUT
    facts = inputs.index.table[list(FACTS)].to_numpy(dtype=float)[cells.rows]
    chromatin = texture_statistics(inputs.index.rings[cells.rows])
    plain = _filled(np.column_stack([facts, chromatin]))
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
    """Return the installed model's held-out probabilities (n,); None if of other images."""
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
    """Return the AUROC with its interval over subjects."""
    sample = estimates.make_sample(
        labels=cells.labels, probabilities=probabilities, subjects=cells.groups
    )
    return estimates.by_name(estimates.threshold_free(sample))["auroc"].over_subjects


def auroc_detail(auroc: Interval) -> dict[str, object]:
    """Return an AUROC as detail of a finding; the bounds are None where unknown."""
    low, high = (round(end, 4) if auroc.known else None for end in (auroc.low, auroc.high))
    return {"auroc": round(auroc.value, 4), "low": low, "high": high}


def regression_probabilities(
    values: NDArray[np.float64], cells: LabelledCells
) -> NDArray[np.float64]:
    """Return probabilities (n,) of a regression on columns (n, F), cross-validated by subject.

    The regression is logistic. It must be robust to wrong labels. Columns are therefore clipped for
    fitting, and cells that deviate from their label are excluded from the next fit.
    """
    from sklearn.linear_model import LogisticRegression

    lower, middle, upper = np.percentile(values, (25, 50, 75), axis=0)
    deviation = (upper - lower) / 1.349
    scaled = (values - middle) / np.where(deviation > 1e-9, deviation, 1.0)
    scaled = np.clip(scaled, -LARGEST, LARGEST)
    bounded = np.clip(scaled, *np.percentile(scaled, (BOUNDED, 100 - BOUNDED), axis=0))
    included = np.ones(len(values), dtype=bool)
    for _ in range(ROUNDS):
        probabilities = np.zeros(len(values))
        for fold in np.unique(cells.folds):
            held = cells.folds == fold
            train = ~held & included
            model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=1000)
            model.fit(bounded[train], cells.labels[train])
            probabilities[held] = model.predict_proba(scaled[held])[:, 1]
        included = label_deviations(cells.labels, probabilities) < TRIMMED
    return probabilities


def label_deviations(
    labels: NDArray[np.integer], probabilities: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return robust z-scores (N,) of the other class's log-odds among cells of the same label.

    Deviations are from the median and estimated from the quartiles.

    Args:
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        probabilities: (N,) of an ALL blast.
    """
    bounded = np.clip(probabilities, LEAST, 1 - LEAST)
    odds = np.log(bounded / (1 - bounded)) * np.where(labels == 1, -1, 1)
    deviations = np.zeros(len(odds))
    for label in np.unique(labels):
        deviations[labels == label] = quality.robust_scores(odds[labels == label])
    return deviations


def tree_probabilities(values: NDArray[np.float64], cells: LabelledCells) -> NDArray[np.float64]:
    """Return out-of-fold probabilities of the baseline's trees on one or two columns."""
    from allcore.data import sampling
    from allcore.training import baseline

    columns = values if values.shape[1] == 2 else np.column_stack([values, np.zeros(len(values))])
    # The baseline needs two columns; a constant column has no effect.
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


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace missing values by the column's median."""
    missing = ~np.isfinite(values)
    middle = np.nanmedian(np.where(missing.all(axis=0), 0.0, values), axis=0)
    return np.where(missing, middle, values)


def _area(cells: LabelledCells, probabilities: NDArray[np.float64]) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(cells.labels, probabilities))


def texture_statistics(rings: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return chromatin statistics (N, 22): strength, skewness, kurtosis, extremes and percentiles.

    They are computed at each of ``SCALES`` and are invariant to rotation. Pale nucleoli in even
    chromatin skew the distribution one way, dark clumps separated by pale lines the other.

    Args:
        rings: (N, RINGS, ANGLES) of an index.
    """
    parts = [_figures(rings[i : i + BLOCK]) for i in range(0, len(rings), BLOCK)]
    return np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.float32)


def _figures(rings: NDArray[np.uint8]) -> NDArray[np.float32]:
    patterns = rings.astype(np.float32)
    columns: list[NDArray[np.float32]] = []
    for across, along in SCALES:
        # Angles are periodic.
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
