from allcore.evaluation.intervals import Interval
from allcore.research.experiments import report


def test_change__has_a_sign() -> None:
    assert report.change(Interval(0.02, -0.01, 0.05)) == "+0.020 [-0.010, 0.050]"
    assert report.change(Interval(-0.02, float("nan"), float("nan"))) == "−0.020"


def test_above_and_below() -> None:
    assert report.above(Interval(0.2, 0.1, 0.3)) and not report.below(Interval(0.2, 0.1, 0.3))
    assert report.below(Interval(0.4, 0.3, 0.45), 0.5)
    unknown = Interval(0.7, float("nan"), float("nan"))
    assert not report.above(unknown) and not report.below(unknown)
