"""Candidate slices, made without labels and calls.

The candidates must not depend on the results: clusters and cut-offs come from the appearance of
cells, so that the p-values of `slices.compare_slices`, corrected by Holm, keep their meaning.
Clusters of the network's own features depend on its calls, though not on whether they are right:
those between the classes are worse by nature.
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.evaluation import slices
from allcore.evaluation.metrics import Floats
from allcore.evaluation.slices import Slice

LEAST = 20
"""Cells that a slice needs to be tried."""
CLUSTERS = 12
"""Made at most."""
MEASURE_WORDS = {
    "area": ("smaller", "larger"),
    "brightness": ("darker", "brighter"),
    "focus": ("blurrier", "sharper"),
    "redness": ("bluer", "redder"),
    "elongation": ("rounder", "longer"),
}
"""What a low and a high value of a fact look like."""
_ENDS = ("low", "high")
_STANDS_OUT = 0.5  # standard deviations of the mean
_NAMED = 2  # facts in a cluster's name
_SAME = 0.8  # a pair that holds this share of one of its two says nothing new
_COLUMNS = 16  # principal components that wide features are clustered by


def find_clusters(
    points: NDArray[np.floating], count: int | None = None, *, seed: int = 0
) -> NDArray[np.intp]:
    """(N,) the number of each cell's cluster, the largest 0; -1 for a cell without a point.

    MiniBatchKMeans of scikit-learn (Sculley, WWW 2010), the same in every run.

    Args:
        points: (N, d) network features, or the 2-D map; wide ones are clustered by their first
            principal components.
        count: how many to make; by default as many as keep 100 cells each, at most `CLUSTERS`.
        seed: of the start.
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
    model = MiniBatchKMeans(count, random_state=seed, n_init=3, batch_size=2048)
    clusters = model.fit_predict(features)
    largest_first = np.argsort(-np.bincount(clusters, minlength=count), kind="stable")
    ids[known] = np.argsort(largest_first)[clusters]
    return ids


def cluster_names(
    ids: NDArray[np.integer],
    facts: pd.DataFrame,
    words: Mapping[str, tuple[str, str]] = MEASURE_WORDS,
) -> dict[int, str]:
    """What stands out in each cluster: "Cluster 3: darker and smaller than most", counted from 1.

    Args:
        ids: (N,) from `clusters`.
        facts: one row a cell; numeric columns are looked at.
        words: what a low and a high value of a column look like.
    """
    numbers = facts.select_dtypes("number")
    values = numbers.to_numpy(dtype=float)
    named = {}
    for which in np.unique(ids[ids >= 0]).tolist():
        score = _standing(values, ids == which)
        outstanding = [
            _word(str(numbers.columns[i]), bool(score[i] > 0), words)
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
    *,
    titles: Mapping[str, str] | None = None,
    words: Mapping[str, tuple[str, str]] = MEASURE_WORDS,
) -> tuple[Slice, ...]:
    """Every slice to try at once: subjects, fifths of facts, pairs of extremes, clusters.

    Each has at least `LEAST` cells. The more facts, the more is tried and the surer a finding must
    be: give few.

    Args:
        table: predictions of N cells, for their subjects.
        facts: their facts, one row a cell in the same order.
        clusters: (N,) from `clusters`, or None.
        titles: what people call the facts.
        words: what a low and a high value of a fact look like.
    """
    candidates = [
        *slices.subject_slices(table["subject"]),
        *slices.quantile_slices(facts, titles),
        *pair_slices(facts, words),
    ]
    if clusters is not None:
        candidates += slices.cluster_slices(clusters, cluster_names(clusters, facts, words))
    return tuple(candidate for candidate in candidates if candidate.members.sum() >= LEAST)


def pair_slices(
    facts: pd.DataFrame, words: Mapping[str, tuple[str, str]] = MEASURE_WORDS
) -> tuple[Slice, ...]:
    """Cells that are in the lowest or highest fifth of two facts at once, such as small and dark.

    Two facts that go together so closely that the pair is nearly one of them make none.
    """
    ends = {
        str(column): slices.fifths(facts[column].to_numpy(dtype=float))[:: len(slices.FIFTHS) - 1]
        for column in facts.select_dtypes("number")
    }
    slices_made = []
    for (first, one), (second, other) in combinations(ends.items(), 2):
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            both = one[i] & other[j]
            if 0 < both.sum() < _SAME * min(one[i].sum(), other[j].sum()):
                title = f"{_word(first, i == 1, words)} and {_word(second, j == 1, words)}"
                key = f"pair:{first}.{_ENDS[i]}:{second}.{_ENDS[j]}"
                slices_made.append(Slice(key, f"{title.capitalize()} than most", "pair", both))
    return tuple(slices_made)


def _standing(values: Floats, members: NDArray[np.bool_]) -> Floats:
    """(facts,) how far the members' mean is from that of all, in standard deviations."""
    score = np.zeros(values.shape[1])
    for i, column in enumerate(values.T):
        known = np.isfinite(column)
        spread = column[known].std() if known.any() else 0.0
        if spread > 0 and (known & members).any():
            score[i] = (column[known & members].mean() - column[known].mean()) / spread
    return score


def _word(column: str, high: bool, words: Mapping[str, tuple[str, str]]) -> str:
    default = (f"lower in {column}", f"higher in {column}")
    return words.get(column, default)[high]
