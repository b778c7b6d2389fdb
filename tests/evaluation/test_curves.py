import numpy as np
import pytest
from sklearn import metrics as reference

from allcore.errors import DataError
from allcore.evaluation import curves, results
from tests import simulated


def test_roc__passes_through_scikit_learns_points() -> None:
    sample = results.sample_of(simulated.predictions())
    found = curves.roc(sample)
    expected = reference.roc_curve(sample.labels, sample.probabilities, drop_intermediate=False)
    assert found.false_positives == pytest.approx(expected[0], abs=1e-12)
    assert found.sensitivity == pytest.approx(expected[1], abs=1e-12)
    assert found.thresholds == pytest.approx(expected[2], abs=1e-12)


def test_roc__band_holds_the_curve_and_rises() -> None:
    found = curves.roc(results.sample_of(simulated.predictions()))
    inside = np.interp(found.grid, found.false_positives, found.sensitivity)[5:]
    assert (found.low[5:] <= inside + 1e-9).all()
    assert (found.high[5:] >= inside - 1e-9).all()
    assert (np.diff(found.low) >= 0).all()
    assert (np.diff(found.high) >= 0).all()


def test_roc__one_class() -> None:
    table = simulated.predictions(normal_subjects=0)
    with pytest.raises(DataError, match="both classes"):
        curves.roc(results.sample_of(table))
