import numpy as np
import pytest
from scipy import special

from allcore.evaluation import curves, estimates, intervals, model_evaluation
from allcore.training.calibration import probability
from tests import simulated


def test_curve__empty_bins_have_no_share() -> None:
    sample = estimates.make_sample(
        labels=np.array([0, 1, 1]), probabilities=np.array([0.05, 0.95, 1.0]), subjects=None
    )
    found = curves.reliability_curve(sample, bins=10)
    assert (found.blasts + found.normals).tolist() == [1, *[0] * 8, 2]
    assert (found.share[0], found.share[9]) == (0.0, 1.0)
    assert np.isnan(found.share[1:9]).all()
    assert found.probability[9] == pytest.approx(0.975)


def test_curve__counts_and_shares_are_those_of_the_bins() -> None:
    sample = model_evaluation.sample_of_predictions(simulated.predictions())
    found = curves.reliability_curve(sample)
    assert found.blasts.sum() == sample.labels.sum()
    assert found.normals.sum() == (1 - sample.labels).sum()
    place = np.minimum((sample.probabilities * 15).astype(int), 14)
    for number in np.unique(place):
        inside = place == number
        labels, wilson = (
            sample.labels[inside],
            intervals.wilson(int(sample.labels[inside].sum()), int(inside.sum())),
        )
        assert found.edges[number] == pytest.approx(number / 15)
        assert found.blasts[number] + found.normals[number] == inside.sum()
        assert found.probability[number] == pytest.approx(sample.probabilities[inside].mean())
        assert found.share[number] == pytest.approx(labels.mean())
        assert found.cell_low[number] == pytest.approx(wilson.low)
        assert found.cell_high[number] == pytest.approx(wilson.high)


def test_curve__bands_over_subjects_hold_the_share_and_are_the_wider_ones() -> None:
    sample = model_evaluation.sample_of_predictions(
        simulated.predictions(all_subjects=30, normal_subjects=20)
    )
    found = curves.reliability_curve(sample)
    assert np.isfinite(found.subject_low).all()
    assert (found.subject_low <= found.share).all()
    assert (found.subject_high >= found.share).all()
    assert ((found.subject_low >= 0) & (found.subject_high <= 1)).all()
    wider = (found.subject_high - found.subject_low) > (found.cell_high - found.cell_low)
    assert wider.mean() > 0.9


def test_curve__resamples_are_those_of_the_sample() -> None:
    """One bin of all cells: its band is the one of the accuracy of calling all of them blast."""
    table = simulated.predictions()
    sample = model_evaluation.sample_of_predictions(table.assign(probability=0.5))
    found = curves.reliability_curve(sample, bins=1)
    expected = estimates.at_threshold(sample, 0.1)[0]
    assert expected.name == "accuracy"
    assert found.subject_low[0] == pytest.approx(expected.over_subjects.low, abs=1e-12)
    assert found.subject_high[0] == pytest.approx(expected.over_subjects.high, abs=1e-12)


def test_curve__a_bin_of_few_subjects_has_no_band_and_a_pure_one_wilsons() -> None:
    # Subjects a to d have blasts, m to p normal cells; only a's lie in the middle.
    subjects = np.repeat(list("abcdmnop"), 10)
    labels = (subjects < "m").astype(int)
    probabilities = np.where(labels == 1, 0.95, 0.05)
    probabilities[:5] = 0.5
    sample = estimates.make_sample(labels=labels, probabilities=probabilities, subjects=subjects)
    found = curves.reliability_curve(sample, bins=3)
    assert np.isnan(found.subject_low).tolist() == [False, True, False]
    pure = intervals.wilson(4, 4)  # its four subjects, not its 35 cells
    assert (found.subject_low[2], found.subject_high[2]) == (pure.low, pure.high)
    assert found.cell_low[2] > pure.low


def test_curve__empty_bins_and_unknown_subjects_are_nan() -> None:
    sample = estimates.make_sample(
        labels=np.array([0, 1, 1]), probabilities=np.array([0.05, 0.95, 1.0]), subjects=None
    )
    found = curves.reliability_curve(sample, bins=10)
    assert np.flatnonzero(np.isfinite(found.share)).tolist() == [0, 9]
    assert np.isnan(found.subject_low).all()
    assert found.blasts.tolist() == [0] * 9 + [2]
    assert found.normals.tolist() == [1] + [0] * 9


def test_curve__before_calibration_is_off_where_after_is_not() -> None:
    random = np.random.default_rng(0)
    honest = random.normal(0, 2, 20_000)
    labels = (random.uniform(size=20_000) < special.expit(honest)).astype(int)
    before, after = (
        curves.reliability_curve(
            estimates.make_sample(
                labels=labels,
                probabilities=probability(3 * honest, temperature),
                subjects=None,
            )
        )
        for temperature in (1.0, 3.0)
    )
    off = [np.abs(curve.share - curve.probability).mean() for curve in (before, after)]
    assert off[1] < 0.03 < 0.1 < off[0]
