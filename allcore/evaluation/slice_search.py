"""Candidate slices, generated without labels and calls.

Candidates must not depend on the results: clusters and cut-offs come from the appearance of cells,
so that the Holm-adjusted p-values of `slices.compare_slices` stay valid. Clusters of the network's
own features depend on its calls, though not on their correctness: clusters between the classes have
a lower accuracy by nature.
"""

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.evaluation import slices
from allcore.evaluation.metrics import Floats
from allcore.evaluation.slices import Slice

LEAST = 20
"""Minimum number of cells of a candidate."""
CLUSTERS = 12
"""Maximum number of clusters."""
MEASURE_WORDS = {
    "area": ("smaller", "larger"),
    "brightness": ("darker", "brighter"),
    "focus": ("blurrier", "sharper"),
    "redness": ("bluer", "redder"),
    "elongation": ("rounder", "longer"),
}
"""Words for a low and a high value of a measurement."""
_ENDS = ("low", "high")
_STANDS_OUT = 0.5  # standard deviations of the mean
_NAMED = 2  # measurements in the name of a cluster
_SAME = 0.8  # a pair with this share of one of its two slices adds nothing
_COLUMNS = 16  # principal components for the clustering of wide features


def find_clusters(points: NDArray[np.floating], count: int | None = None) -> NDArray[np.intp]:
    """(N,) cluster number of each cell, 0 for the largest cluster; -1 for a cell without a point.

    MiniBatchKMeans of scikit-learn (Sculley, WWW 2010), deterministic.

    Args:
        points: (N, d) network features, or the 2-D map; wide features are reduced to their first
            principal components.
        count: number of clusters; by default one per 100 cells, at most `CLUSTERS`.
    """
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.decomposition import PCA

    points = np.asarray(points, dtype=np.float32)
    known = np.isfinite(points).all(axis=1)
    ids = np.full(len(points), -1, dtype=np.intp)
    distinct = len(np.unique(points[known], axis=0))
    count = min(count or min(CLUSTERS, max(2, int(known.sum()) // 100)), distinct)
    if count == 0:
        return ids
    features = points[known]
    if points.shape[1] > _COLUMNS and len(features) > _COLUMNS:
        features = PCA(_COLUMNS, svd_solver="covariance_eigh").fit_transform(features)
    model = MiniBatchKMeans(count, random_state=0, n_init=3, batch_size=2048)
    clusters = model.fit_predict(features)
    largest_first = np.argsort(-np.bincount(clusters, minlength=count), kind="stable")
    ids[known] = np.argsort(largest_first)[clusters]
    return ids


def cluster_names(ids: NDArray[np.integer], facts: pd.DataFrame) -> dict[int, str]:
    """Names by the outstanding measurements: "Cluster 3: darker and smaller than most", from 1.

    ``ids`` (N,) are from `find_clusters`; ``facts`` has one row per cell, numeric columns count.
    """
    numbers = facts.select_dtypes("number")
    values = numbers.to_numpy(dtype=float)
    named = {}
    for which in np.unique(ids[ids >= 0]).tolist():
        score = _standing(values, ids == which)
        outstanding = [
            _word(str(numbers.columns[i]), bool(score[i] > 0))
            for i in np.argsort(-np.abs(score), kind="stable")[:_NAMED]
            if abs(score[i]) >= _STANDS_OUT
        ]
        description = f": {' and '.join(outstanding)} than most" if outstanding else ""
        named[which] = f"Cluster {which + 1}{description}"
    return named


def candidate_slices(
    table: pd.DataFrame,
    facts: pd.DataFrame,
    clusters: NDArray[np.integer] | None = None,
) -> tuple[Slice, ...]:
    """Generate all candidates: subjects, fifths of measurements, pairs of extremes, clusters.

    Each candidate has at least `LEAST` cells. More measurements give more candidates, and the Holm
    adjustment then requires stronger evidence: pass few.

    Args:
        table: predictions of N cells, for their subjects.
        facts: measurements, one row per cell in the same order.
        clusters: (N,) from `find_clusters`, or None.
    """
    candidates = [
        *slices.subject_slices(table["subject"]),
        *slices.quantile_slices(facts),
        *pair_slices(facts),
    ]
    if clusters is not None:
        candidates += slices.cluster_slices(clusters, cluster_names(clusters, facts))
    return tuple(candidate for candidate in candidates if candidate.members.sum() >= LEAST)


def pair_slices(facts: pd.DataFrame) -> tuple[Slice, ...]:
    """Cells in the lowest or highest fifth of two measurements at once, such as small and dark.

    Two strongly correlated measurements, whose pair is nearly one of them, give no slice.
    """
    ends = {
        str(column): slices.fifths(facts[column].to_numpy(dtype=float))[:: len(slices.FIFTHS) - 1]
        for column in facts.select_dtypes("number")
    }
    pairs = []
    for (first, one), (second, other) in combinations(ends.items(), 2):
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            both = one[i] & other[j]
            if 0 < both.sum() < _SAME * min(one[i].sum(), other[j].sum()):
                title = f"{_word(first, i == 1)} and {_word(second, j == 1)}"
                key = f"pair:{first}.{_ENDS[i]}:{second}.{_ENDS[j]}"
                pairs.append(Slice(key, f"{title.capitalize()} than most", "pair", both))
    return tuple(pairs)


def _standing(values: Floats, members: NDArray[np.bool_]) -> Floats:
    """(columns,) mean of the members minus the mean of all cells, in standard deviations."""
    score = np.zeros(values.shape[1])
    for i, column in enumerate(values.T):
        known = np.isfinite(column)
        spread = column[known].std() if known.any() else 0.0
        if spread > 0 and (known & members).any():
            score[i] = (column[known & members].mean() - column[known].mean()) / spread
    return score


def _word(column: str, high: bool) -> str:
    default = (f"lower in {column}", f"higher in {column}")
    return MEASURE_WORDS.get(column, default)[high]
