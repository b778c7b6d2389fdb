import numpy as np
import pytest
from scipy import special

from allcore.errors import DataError
from allcore.training import calibration


def test_fit_temperature__finds_the_one_that_was_applied() -> None:
    random = np.random.default_rng(0)
    honest = random.normal(0, 2, 20_000)
    labels = (random.uniform(size=20_000) < special.expit(honest)).astype(int)
    assert calibration.fit_temperature(honest * 3, labels) == pytest.approx(3, rel=0.05)


def test_fit_temperature__subjects_count_equally() -> None:
    """One large, badly overconfident subject must not decide for many small ones."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, 3000)
    labels = (random.uniform(size=3000) < special.expit(logits)).astype(int)
    groups = np.where(np.arange(3000) < 2000, "large", np.arange(3000) % 40)
    logits[:2000] *= 5
    by_cell = calibration.fit_temperature(logits, labels)
    by_subject = calibration.fit_temperature(logits, labels, groups)
    assert 0.7 < by_subject < 1.5 < by_cell


def test_fit_temperature__stays_within_bounds() -> None:
    logits, labels = np.array([-1.0, 2.0]), np.array([0, 1])
    low, high = calibration.TEMPERATURES
    assert calibration.fit_temperature(logits, labels) == pytest.approx(low, rel=0.01)
    assert calibration.fit_temperature(-logits, labels) == pytest.approx(high, rel=0.01)


def test_fit_temperature__no_cells() -> None:
    with pytest.raises(DataError, match="no validation cells"):
        calibration.fit_temperature(np.zeros(0), np.zeros(0, dtype=int))


def test_fit_platt__brings_shifted_and_stretched_log_odds_back():
    random = np.random.default_rng(0)
    true = random.normal(0.5, 2, 20_000)
    labels = (random.random(20_000) < 1 / (1 + np.exp(-true))).astype(int)
    found = calibration.fit_platt((true + 1.5) * 3, labels)
    assert found.temperature == pytest.approx(3, rel=0.05)
    assert found.bias == pytest.approx(-1.5, abs=0.1)
    assert found.probability((true + 1.5) * 3) == pytest.approx(1 / (1 + np.exp(-true)), abs=0.03)


def test_fit_platt__finite_where_the_classes_are_apart():
    found = calibration.fit_platt(np.array([-3.0, -2.0, 2.0, 3.0]), np.array([0, 0, 1, 1]))
    assert np.isfinite([found.temperature, found.bias]).all()
    assert 0 < found.probability(np.array([-3.0]))[0] < 0.5 < found.probability(np.array([3.0]))[0]
