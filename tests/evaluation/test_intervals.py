import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as reference

from allcore.evaluation import intervals


@settings(deadline=None)
@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson__agrees_with_scipy(drawn: tuple[int, int]) -> None:
    hits, total = drawn
    found = intervals.wilson(hits, total)
    expected = stats.binomtest(hits, total).proportion_ci(0.95, method="wilson")
    assert found.low == pytest.approx(expected.low, abs=1e-12)
    assert found.high == pytest.approx(expected.high, abs=1e-12)
    assert found.low <= found.value <= found.high


def test_wilson__no_cells_has_no_share() -> None:
    assert math.isnan(intervals.wilson(0, 0).value)
    assert not intervals.wilson(0, 0).known


def slow_delong(labels: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """AUROC and its variance by DeLong's definition, every pair compared."""
    blast, normal = scores[labels == 1], scores[labels == 0]
    wins = (blast[:, None] > normal) + 0.5 * (blast[:, None] == normal)
    variance = wins.mean(1).var(ddof=1) / len(blast) + wins.mean(0).var(ddof=1) / len(normal)
    return float(wins.mean()), float(variance)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(2, 40), st.booleans())
def test_delong__agrees_with_all_pairs(seed: int, blasts: int, normals: int, ties: bool) -> None:
    random = np.random.default_rng(seed)
    labels = np.repeat([1, 0], [blasts, normals])
    scores = random.normal(labels * 0.8)
    scores = np.round(scores, 0 if ties else 6)
    area, variance = slow_delong(labels, scores)
    found = intervals.delong(labels=labels, scores=scores)
    half = 1.959963984540054 * math.sqrt(variance)
    assert found.value == pytest.approx(area, abs=1e-12)
    assert found.value == pytest.approx(reference.roc_auc_score(labels, scores), abs=1e-12)
    assert found.low == pytest.approx(max(0, area - half), abs=1e-12)
    assert found.high == pytest.approx(min(1, area + half), abs=1e-12)


def test_delong__too_few_cells() -> None:
    both = intervals.delong(labels=np.array([1, 0]), scores=np.array([0.9, 0.1]))
    assert both.value == 1
    assert not both.known
    one = intervals.delong(labels=np.array([1, 1]), scores=np.array([0.9, 0.1]))
    assert math.isnan(one.value)


def test_subject_weights__keep_classes_apart_and_are_unbiased() -> None:
    labels = np.array([1, 1, 1, 1, 0, 0, 0])
    groups = np.array([0, 1, 2, 3, 4, 5, 6])
    weights = intervals.subject_weights(labels=labels, groups=groups, resamples=20_000)
    assert weights[:, :4].sum(axis=1) == pytest.approx(4)
    assert weights[:, 4:].sum(axis=1) == pytest.approx(3)
    assert weights.mean(axis=0) == pytest.approx(1, abs=0.05)
    # The variance of a resampled mean is that of the mean, s^2 / n, for so few subjects too.
    values = np.array([0.1, 0.5, 0.9, 0.6])
    resampled = (weights[:, :4] * values).mean(axis=1)
    assert resampled.var() == pytest.approx(values.var(ddof=1) / 4, rel=0.05)


def test_subject_weights__a_lone_subject_stays() -> None:
    weights = intervals.subject_weights(
        labels=np.array([1, 0, 0]), groups=np.array([0, 1, 2]), resamples=50
    )
    assert (weights[:, 0] == 1).all()


def test_percentile__too_many_undefined_resamples_give_no_bounds() -> None:
    resampled = np.linspace(0, 1, 1000)
    assert intervals.percentile(0.5, resampled).known
    resampled[:200] = np.nan
    assert not intervals.percentile(0.5, resampled).known


def test_student__widens_with_fewer_degrees() -> None:
    resampled = np.random.default_rng(0).normal(0.7, 0.05, 2000)
    wide = intervals.student(0.7, resampled, degrees=2)
    narrow = intervals.student(0.7, resampled, degrees=200)
    assert 0 < wide.low < narrow.low < 0.7 < narrow.high < wide.high < 1
    assert not intervals.student(0.7, resampled, degrees=0).known


def test_student__a_perfect_share_counts_subjects() -> None:
    found = intervals.student(1.0, np.ones(2000), degrees=4, share=True)
    assert found == intervals.wilson(5, 5)
    assert not intervals.student(1.0, np.ones(2000), degrees=4).known


def test_recentred__holds_the_value_and_starts_at_zero() -> None:
    driven_up = np.random.default_rng(0).normal(0.06, 0.004, 2000)
    found = intervals.recentred(0.03, driven_up, degrees=20)
    assert 0 <= found.low <= 0.03 <= found.high
