import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allcore.errors import DataError
from allcore.evaluation import metrics, thresholds


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 30))
def test_rules__no_other_threshold_is_better(seed: int, blasts: int, normals: int) -> None:
    random = np.random.default_rng(seed)
    labels = np.repeat([1, 0], [blasts, normals])
    probabilities = np.round(random.uniform(size=len(labels)), 1)
    optimal = thresholds.choose_threshold("weighted_f1", labels, probabilities).value
    youden = thresholds.choose_threshold("youden", labels, probabilities).value

    def figure(name: str, cut: float) -> float:
        counts = metrics.confusion(labels=labels, probabilities=probabilities, threshold=cut)
        return float(metrics.confusion_metrics(counts)[name])

    cuts = np.linspace(0.0, 1.0, 21)[:-1]
    for name, chosen in (("weighted_f1", optimal), ("balanced_accuracy", youden)):
        assert figure(name, chosen) >= max(figure(name, cut) for cut in cuts) - 1e-12


def test_target_sensitivity__is_the_highest_that_reaches_it() -> None:
    labels = np.array([1] * 20 + [0] * 5)
    probabilities = np.concatenate([np.linspace(0.05, 1, 20), np.linspace(0, 0.4, 5)])
    value, sentence = thresholds.choose_threshold("sensitivity", labels, probabilities, target=0.95)
    assert np.mean(probabilities[:20] >= value) == pytest.approx(0.95)
    assert 0.05 < value <= 0.1
    assert "0.95" in sentence


def test_target_sensitivity__out_of_range() -> None:
    with pytest.raises(DataError, match="above 0 and up to 1"):
        thresholds.choose_threshold(
            "sensitivity", np.array([0, 1]), np.array([0.2, 0.8]), target=1.5
        )


def test_weighted_f1_optimal__subjects_count_equally() -> None:
    """A subject with most of the cells would put the threshold where it alone is right."""
    labels = np.array([1] * 100 + [1] * 20 + [0] * 60)
    small = np.repeat(np.linspace(0.7, 0.9, 10), 2)
    probabilities = np.concatenate([np.full(100, 0.3), small, np.full(60, 0.4)])
    groups = np.array(["large"] * 100 + [f"s{i}" for i in range(10) for _ in range(2)] + ["H"] * 60)
    assert thresholds.choose_threshold("weighted_f1", labels, probabilities).value < 0.3
    choice = thresholds.choose_threshold("weighted_f1", labels, probabilities, groups)
    assert 0.4 < choice.value < 0.7
    assert "subjects counting equally" in choice.sentence


def test_sweep__neighbouring_floats_are_told_apart() -> None:
    lower = 0.5
    upper = np.nextafter(lower, 1)
    labels, probabilities = np.array([0, 1]), np.array([lower, upper])
    value = thresholds.choose_threshold("weighted_f1", labels, probabilities).value
    found = metrics.scores(labels=labels, probabilities=probabilities, threshold=value)
    assert found.accuracy == 1


@pytest.mark.parametrize("rule", thresholds.RULES)
def test_rules__need_both_classes(rule: str) -> None:
    with pytest.raises(DataError, match="both classes"):
        thresholds.choose_threshold(rule, np.array([1, 1]), np.array([0.2, 0.8]))


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 30), st.floats(0.05, 50))
def test_cost_ratio__no_other_threshold_costs_less(
    seed: int, blasts: int, normals: int, missed_blast: float
) -> None:
    random = np.random.default_rng(seed)
    labels = np.repeat([1, 0], [blasts, normals])
    probabilities = np.round(random.uniform(size=len(labels)), 1)

    def cost(cut: float) -> float:
        counts = metrics.confusion(labels=labels, probabilities=probabilities, threshold=cut)
        return float(missed_blast * counts.fn + counts.fp)

    found = thresholds.choose_threshold("cost", labels, probabilities, missed_blast=missed_blast)
    assert cost(found.value) <= min(cost(cut) for cut in np.linspace(0, 1, 21)) + 1e-9
    assert f"{missed_blast:g} times a false alarm" in found.sentence


def test_cost_ratio__calibrated_probabilities_put_it_where_theory_does() -> None:
    random = np.random.default_rng(0)
    probabilities = random.uniform(size=200_000)
    labels = (random.uniform(size=200_000) < probabilities).astype(int)
    for missed_blast in (0.25, 1.0, 4.0, 19.0):
        found = thresholds.choose_threshold(
            "cost", labels, probabilities, missed_blast=missed_blast
        )
        assert found.value == pytest.approx(1 / (1 + missed_blast), abs=0.03)


def test_cost_ratio__subjects_count_equally() -> None:
    """The blasts of one large subject lie low; by cells they would pull the threshold down."""
    labels = np.array([1] * 100 + [1] * 20 + [0] * 60)
    small = np.repeat(np.linspace(0.7, 0.9, 10), 2)
    probabilities = np.concatenate([np.full(100, 0.3), small, np.full(60, 0.4)])
    groups = np.array(["large"] * 100 + [f"s{i}" for i in range(10) for _ in range(2)] + ["H"] * 60)
    by_cell = thresholds.choose_threshold("cost", labels, probabilities, missed_blast=1)
    by_subject = thresholds.choose_threshold("cost", labels, probabilities, groups, missed_blast=1)
    assert by_cell.value < 0.3 < by_subject.value
    assert by_subject.sentence.endswith("subjects counting equally within their class.")


@pytest.mark.parametrize("missed_blast", [0.0, -1.0, float("inf"), float("nan")])
def test_cost_ratio__needs_a_cost(missed_blast: float) -> None:
    with pytest.raises(DataError, match="a number of false alarms"):
        thresholds.choose_threshold(
            "cost", np.array([0, 1]), np.array([0.2, 0.8]), missed_blast=missed_blast
        )


def test_choose__unknown_rule_names_the_known_ones() -> None:
    with pytest.raises(DataError, match="choose one of weighted_f1, youden, sensitivity, cost"):
        thresholds.choose_threshold("best", np.array([0, 1]), np.array([0.2, 0.8]), None)
