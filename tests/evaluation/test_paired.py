"""Paired tests against references and simulations."""

import numpy as np
import pytest
from scipy import special, stats

from allcore.evaluation import intervals, metrics, paired


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (3, 1), (12, 12), (24, 0), (7, 15)])
def test_mcnemar__is_the_exact_binomial_for_few_cells(only_a: int, only_b: int) -> None:
    found = paired.mcnemar_test(**right(only_a, only_b))
    assert (found.only_a, found.only_b) == (only_a, only_b)
    total = only_a + only_b
    expected = stats.binomtest(only_a, total).pvalue if total else 1.0
    assert found.p == pytest.approx(expected)


@pytest.mark.parametrize(("only_a", "only_b"), [(20, 10), (13, 12), (150, 90), (40, 40)])
def test_mcnemar__is_chi_square_for_many(only_a: int, only_b: int) -> None:
    square = max(0, abs(only_a - only_b) - 1) ** 2 / (only_a + only_b)
    assert paired.mcnemar_test(**right(only_a, only_b)).p == pytest.approx(stats.chi2.sf(square, 1))


def right(only_a: int, only_b: int) -> dict[str, np.ndarray]:
    """Which cells are right, among 10 that both get right and 5 that neither does."""
    a = [1] * only_a + [0] * only_b + [1] * 10 + [0] * 5
    b = [0] * only_a + [1] * only_b + [1] * 10 + [0] * 5
    return {"a_right": np.array(a, dtype=bool), "b_right": np.array(b, dtype=bool)}


def test_holm__as_its_publication_has_it() -> None:
    assert paired.holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx(
        [0.03, 0.06, 0.06, 0.02]
    )
    assert paired.holm(np.array([0.9, 0.8])) == pytest.approx([1.0, 1.0])
    assert paired.holm(np.array([])).shape == (0,)


def cohort(random: np.random.Generator, *, subjects: int, cells: int, better: float) -> dict:
    """Two networks whose log-odds share what a subject's stain does to them."""
    group = np.repeat(np.arange(subjects), cells)
    label = (group % 2).astype(int)
    side = 2 * label - 1
    shared = random.normal(0, 1.0, subjects)[group] + random.normal(0, 0.7, len(group))
    logit = [
        side * strength + shared + random.normal(0, 0.8, subjects)[group] * 0.5
        for strength in (1.0 + better, 1.0)
    ]
    return {"labels": label, "subjects": group.astype(str), "logits": logit}


def resampled(made: dict, which: int, *, resamples: int = 400) -> paired.ResampledMetrics:
    return paired.resample_metrics(
        labels=made["labels"],
        probabilities=special.expit(made["logits"][which]),
        subjects=made["subjects"],
        resamples=resamples,
    )


def test_resample__values_are_those_of_the_metrics() -> None:
    made = cohort(np.random.default_rng(0), subjects=12, cells=30, better=0.5)
    expected = metrics.scores(
        labels=made["labels"], probabilities=special.expit(made["logits"][0]), threshold=0.5
    )
    found = resampled(made, 0)
    assert found.value == {name: getattr(expected, name) for name in paired.COMPARED_METRICS}
    assert found.degrees == 10


def test_resample__accuracy_draws_are_weighted_means_over_subjects() -> None:
    made = cohort(np.random.default_rng(1), subjects=8, cells=20, better=0.5)
    groups = np.unique(made["subjects"], return_inverse=True)[1]
    weight = intervals.subject_weights(labels=made["labels"], groups=groups, resamples=400)
    hit = (made["logits"][0] >= 0) == (made["labels"] == 1)
    by_hand = (weight[:, groups] * hit).sum(1) / weight[:, groups].sum(1)
    assert resampled(made, 0).draws["accuracy"] == pytest.approx(by_hand)


def test_difference__holds_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(2)
    large = cohort(random, subjects=4000, cells=10, better=0.4)
    truth = resampled(large, 0, resamples=2).value["accuracy"]
    truth -= resampled(large, 1, resamples=2).value["accuracy"]
    held = []
    for _ in range(80):
        made = cohort(random, subjects=16, cells=25, better=0.4)
        a, b = (resampled(made, which, resamples=200) for which in (0, 1))
        found = paired.paired_difference(a, b, "accuracy")
        held.append(found.low <= truth <= found.high)
    assert np.mean(held) >= 0.85


def test_difference__is_narrower_than_the_two_apart() -> None:
    made = cohort(np.random.default_rng(3), subjects=20, cells=30, better=0.2)
    a, b = resampled(made, 0), resampled(made, 1)
    for name in paired.COMPARED_METRICS:
        together, apart = (
            paired.paired_difference(a, b, name),
            paired.unpaired_difference(a, b, name),
        )
        assert together.value == apart.value == a.value[name] - b.value[name]
        assert together.high - together.low < apart.high - apart.low


def test_difference__over_cells_agrees_with_the_binomial() -> None:
    random = np.random.default_rng(4)
    label = random.integers(0, 2, 900)
    hit = random.random((2, 900)) < np.array([[0.9], [0.8]])
    probability = np.where(hit == (label == 1), 0.8, 0.2)
    a, b = (
        paired.resample_metrics(labels=label, probabilities=each, subjects=None)
        for each in probability
    )
    found = paired.paired_difference(a, b, "accuracy")
    each = hit[0].astype(float) - hit[1]
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * each.std() / 30, rel=0.06)
    assert found.value == pytest.approx(each.mean())


def test_difference__has_no_bounds_where_nothing_varies() -> None:
    label = np.array([0, 0, 1, 1])
    perfect = paired.resample_metrics(
        labels=label, probabilities=label * 0.8 + 0.1, subjects=np.array(["a", "b", "c", "d"])
    )
    found = paired.paired_difference(perfect, perfect, "accuracy")
    assert found.value == 0
    assert not found.known
    alone = paired.resample_metrics(
        labels=label, probabilities=label * 0.8 + 0.1, subjects=np.array(["a", "a", "b", "b"])
    )
    assert not paired.unpaired_difference(alone, perfect, "auroc").known
