import numpy as np
import pytest

from allcore.evaluation.paired import Resampled
from allcore.research.experiments import learning_curve_fit

COUNTS = (6.0, 12.0, 24.0)


def points(power: float, *, spread: float = 0.0) -> list[Resampled]:
    random = np.random.default_rng(0)
    shift = spread * random.normal(size=200)
    found = []
    for count in COUNTS:
        value = 1 - 0.5 * count**-power
        draws = 1 - (1 - value) * np.exp(shift)
        found.append(Resampled({"auroc": value}, {"auroc": draws}, degrees=10))
    return found


def test_fit__finds_the_law_it_was_drawn_by() -> None:
    found = learning_curve_fit.fit(COUNTS, points(0.5), "auroc")
    assert found.power == pytest.approx(0.5)
    assert found.needed == pytest.approx((0.5 / 0.04) ** 2)
    assert found.low == pytest.approx(found.needed) == found.high
    assert found.falls


def test_fit__has_an_interval_by_resamples() -> None:
    found = learning_curve_fit.fit(COUNTS, points(0.5, spread=0.1), "auroc")
    assert found.low < found.needed < found.high


@pytest.mark.parametrize("power", [0.0, -0.2])
def test_fit__no_growth_never_reaches_the_aim(power: float) -> None:
    found = learning_curve_fit.fit(COUNTS, points(power), "auroc")
    assert found.needed > learning_curve_fit.ENDLESS
    assert "does not rise" in learning_curve_fit.sentence(found, reached=False)


def test_sentence__says_an_order_of_magnitude() -> None:
    found = learning_curve_fit.fit(COUNTS, points(0.5, spread=0.1), "auroc")
    text = learning_curve_fit.sentence(found, reached=False)
    assert "AUROC needs about 160 training subjects for the aim of 0.96" in text
    assert "reaches the aim" in learning_curve_fit.sentence(found, reached=True)


def test_count__two_digits() -> None:
    assert learning_curve_fit.count(1234.0) == "1,200"
    assert learning_curve_fit.count(float("inf")) == "out of sight"
    assert learning_curve_fit.count(float("nan")) == "unknown"
