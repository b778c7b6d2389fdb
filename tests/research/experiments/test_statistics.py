import numpy as np
import pytest
from scipy import stats

from allcore.evaluation.intervals import Interval
from allcore.research.experiments import statistics


def test_over_folds__is_students_t() -> None:
    values = [0.7, 0.8, 0.75, 0.9, 0.72]
    found = statistics.over_folds(values)
    low, high = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))
    assert (found.value, found.low, found.high) == pytest.approx((np.mean(values), low, high))


def test_over_folds__stays_within_what_can_be() -> None:
    found = statistics.over_folds([0.5, 1.0], least=0.0, most=1.0)
    assert (found.low, found.high) == (0.0, 1.0)


@pytest.mark.parametrize("values", [[0.7], [], [0.7, float("nan")]])
def test_over_folds__no_interval_without_two(values: list[float]) -> None:
    found = statistics.over_folds(values)
    assert np.isnan(found.low) and np.isnan(found.high)
    assert not statistics.above(found) and not statistics.below(found)


def test_change__has_a_sign() -> None:
    assert statistics.change(Interval(0.02, -0.01, 0.05)) == "+0.020 [-0.010, 0.050]"
    assert statistics.change(Interval(-0.02, float("nan"), float("nan"))) == "−0.020"


def test_above_and_below() -> None:
    assert statistics.above(Interval(0.2, 0.1, 0.3)) and not statistics.below(
        Interval(0.2, 0.1, 0.3)
    )
    assert statistics.below(Interval(0.4, 0.3, 0.45), 0.5)
