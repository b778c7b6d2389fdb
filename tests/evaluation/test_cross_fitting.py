import numpy as np
import pytest
from scipy import special

from allcore.evaluation import cross_fitting, metrics

SUBJECTS = np.repeat([f"s{n:02}" for n in range(14)], 30)
LABELS = np.repeat([1] * 8 + [0] * 6, 30)


def overconfident(seed: int = 0) -> np.ndarray:
    """Log-odds whose calibrated form is (x - 1) / 3."""
    probability = np.random.default_rng(seed).uniform(0.02, 0.98, len(LABELS))
    return 3 * special.logit(probability) + 1


def test_deal_folds__each_has_subjects_of_both_classes() -> None:
    fold = cross_fitting.deal_folds(labels=LABELS, subjects=SUBJECTS)
    assert fold is not None
    assert set(fold) == set(range(5))
    for number in range(5):
        assert set(LABELS[fold == number]) == {0, 1}
    assert all(len(set(fold[SUBJECTS == name])) == 1 for name in set(SUBJECTS))


def test_deal_folds__two_subjects_of_a_class_are_the_least() -> None:
    few = SUBJECTS >= "s06"  # eight less six of the blasts
    fold = cross_fitting.deal_folds(labels=LABELS[few], subjects=SUBJECTS[few])
    assert fold is not None and set(fold) == {0, 1}
    one = SUBJECTS >= "s07"
    assert cross_fitting.deal_folds(labels=LABELS[one], subjects=SUBJECTS[one]) is None


def test_cross_fit__calibrates_and_chooses_without_the_own_subject() -> None:
    random = np.random.default_rng(3)
    log_odds = overconfident()
    labels = (random.uniform(size=len(LABELS)) < special.expit((log_odds - 1) / 3)).astype(int)
    labels[SUBJECTS == "s00"], labels[SUBJECTS == "s13"] = 1, 0
    fit = cross_fitting.cross_fit(log_odds, labels=labels, subjects=SUBJECTS)
    assert fit is not None
    assert fit.calibration.scaling.temperature == pytest.approx(3, rel=0.4)
    before = metrics.scores(labels=labels, probabilities=special.expit(log_odds), threshold=0.5).ece
    after = metrics.scores(labels=labels, probabilities=fit.probabilities, threshold=0.5).ece
    assert after < before / 2
    fold = cross_fitting.deal_folds(labels=labels, subjects=SUBJECTS)
    assert fold is not None
    other = fold != 0
    chosen = cross_fitting.choose(log_odds[other], labels[other], SUBJECTS[other], "youden")
    expected = chosen.scaling.probability(log_odds[~other])
    assert fit.probabilities[~other] == pytest.approx(expected)
    called = fit.relative[~other] >= 0.5
    assert (called == (expected >= chosen.threshold)).all()


def test_cross_fit__labels_of_a_subject_do_not_change_its_own_answers() -> None:
    log_odds = overconfident()
    fold = cross_fitting.deal_folds(labels=LABELS, subjects=SUBJECTS)
    first = cross_fitting.cross_fit(log_odds, labels=LABELS, subjects=SUBJECTS)
    assert fold is not None and first is not None
    own = fold == fold[0]
    moved = log_odds.copy()
    moved[own] += 5
    second = cross_fitting.cross_fit(moved, labels=LABELS, subjects=SUBJECTS)
    assert second is not None
    slope = special.logit(first.probabilities[own]) - special.logit(second.probabilities[own])
    assert slope == pytest.approx(np.full(own.sum(), slope[0]), abs=1e-3)  # one scaling for both
