import time
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference

from allcore.errors import DataError
from allcore.evaluation import curves, estimates, metrics, model_evaluation
from allcore.evaluation.estimates import Sample
from tests import simulated


@pytest.fixture(scope="module")
def sample() -> Sample:
    return model_evaluation.sample_of_predictions(simulated.predictions())


def resampled_cells(sample: Sample, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities of one resample of subjects, every cell written out."""
    # Weights within a class are whole multiples of one another, so that cells can be repeated.
    weight = sample.weights[row][sample.groups]
    unit = {label: weight[(sample.labels == label) & (weight > 0)].min() for label in (0, 1)}
    times = np.rint(weight / np.where(sample.labels == 1, unit[1], unit[0])).astype(int)
    again = np.repeat(np.arange(len(weight)), times)
    return sample.labels[again], sample.probabilities[again]


def test_roc__passes_through_scikit_learns_points(sample: Sample) -> None:
    found = curves.roc_curve(sample)
    expected = reference.roc_curve(sample.labels, sample.probabilities, drop_intermediate=False)
    assert found.false_positives == pytest.approx(expected[0], abs=1e-12)
    assert found.sensitivity == pytest.approx(expected[1], abs=1e-12)
    assert found.thresholds == pytest.approx(expected[2], abs=1e-12)


def test_roc__band_holds_the_curve_and_rises(sample: Sample) -> None:
    found = curves.roc_curve(sample)
    inside = np.interp(found.grid, found.false_positives, found.sensitivity)[5:]
    assert (found.low[5:] <= inside + 1e-9).all()
    assert (found.high[5:] >= inside - 1e-9).all()
    assert (np.diff(found.low) >= 0).all()
    assert (np.diff(found.high) >= 0).all()


def test_roc__resamples_are_those_of_repeated_cells(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("allcore.evaluation.binned_counts.BINS", 10_000)  # every cell a block
    drawn: list[np.ndarray] = []
    keep = curves._sensitivities

    def spy(hits: np.ndarray, alarms: np.ndarray) -> np.ndarray:
        drawn.append(keep(hits, alarms))
        return drawn[-1]

    monkeypatch.setattr(curves, "_sensitivities", spy)
    curves.roc_curve(sample)
    for row in (0, 7, 1999):
        false, true, _ = reference.roc_curve(*resampled_cells(sample, row))
        # Where the curve climbs straight up any height is right, so look beside the steps.
        beside = ~np.isclose(curves.GRID[:, None], false, atol=1e-9).any(axis=1)
        assert beside.sum() > 50
        expected = np.interp(curves.GRID, false, true)
        assert drawn[0][row][beside] == pytest.approx(expected[beside], abs=1e-9)


def test_precision_recall__passes_through_scikit_learns_points(sample: Sample) -> None:
    found = curves.precision_recall_curve(sample)
    precision, recall, thresholds = reference.precision_recall_curve(
        sample.labels, sample.probabilities
    )
    # Theirs ascends by threshold and ends in a made-up point where nothing is called.
    assert found.precision == pytest.approx(precision[:-1][::-1], abs=1e-12)
    assert found.recall == pytest.approx(recall[:-1][::-1], abs=1e-12)
    assert found.thresholds == pytest.approx(thresholds[::-1], abs=1e-12)
    assert found.prevalence == pytest.approx(sample.labels.mean())
    average = np.diff(found.recall, prepend=0) @ found.precision
    expected = reference.average_precision_score(sample.labels, sample.probabilities)
    assert average == pytest.approx(expected, abs=1e-12)


def test_precision_recall__resamples_are_those_of_repeated_cells() -> None:
    """Unequal weights of the classes too: precision at the first threshold of each recall."""
    random = np.random.default_rng(0)
    hits = np.cumsum(random.integers(0, 4, (50, 30)), axis=1).astype(float)
    alarms = np.cumsum(random.integers(0, 4, (50, 30)) * 1.1, axis=1)
    hits[:10, :3] = alarms[:10, :3] = 0  # these resamples hold no cell at the top
    found = curves._precisions(hits, alarms)
    for row in range(50):
        recall = hits[row] / hits[row, -1]
        for at in (0, 17, 50, 93, 100):
            reached = (recall >= curves.GRID[at] - 1e-9) & (hits[row] + alarms[row] > 0)
            first = int(np.argmax(reached))
            expected = hits[row, first] / (hits[row, first] + alarms[row, first])
            assert found[row, at] == pytest.approx(expected, abs=1e-9), (row, at)


def test_precision_recall__band_holds_the_curve(sample: Sample) -> None:
    found = curves.precision_recall_curve(sample)
    at = found.precision[np.searchsorted(found.recall, found.grid)][5:]
    assert (found.low[5:] <= at + 0.01).all()  # blocks of cells move it by less
    assert (found.high[5:] >= at - 0.01).all()
    assert ((found.low >= 0) & (found.high <= 1)).all()
    assert (found.high - found.low)[60:90].min() > 0


@pytest.mark.parametrize("curve", [curves.roc_curve, curves.precision_recall_curve])
def test_curves__one_class(curve: object) -> None:
    table = simulated.predictions(normal_subjects=0)
    with pytest.raises(DataError, match="both classes"):
        curve(model_evaluation.sample_of_predictions(table))  # type: ignore[operator]


@pytest.mark.parametrize("curve", [curves.roc_curve, curves.precision_recall_curve])
def test_curves__no_band_without_subjects_or_with_one_of_a_class(curve: object) -> None:
    table = simulated.predictions()
    for changed in (table.assign(subject=None), simulated.predictions(normal_subjects=1)):
        found = curve(model_evaluation.sample_of_predictions(changed))  # type: ignore[operator]
        assert np.isnan(found.low).all()
        assert np.isnan(found.high).all()


@pytest.mark.parametrize("curve", [curves.roc_curve, curves.precision_recall_curve])
def test_curves__a_class_that_most_resamples_miss_has_no_band(curve: object) -> None:
    """Four normal cells among the blasts of one subject: no warning, no band."""
    table = simulated.predictions(normal_subjects=0)
    mixed = table["subject"].eq("101") & (table.groupby("subject").cumcount() < 4)
    table = table.assign(label=pd.Series(mixed).map({True: "hem", False: "all"}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = curve(model_evaluation.sample_of_predictions(table))  # type: ignore[operator]
    assert np.isnan(found.low).all()


@pytest.mark.parametrize("prevalence", [0.05, 0.5, 0.68])
def test_weighted_f1_line__has_that_weighted_f1_all_along(prevalence: float) -> None:
    false, sensitivity = curves.weighted_f1_line(0.9, prevalence=prevalence)
    assert len(false) > 10
    cells = 1e6
    for x, y in zip(false[::5], sensitivity[::5], strict=True):
        counts = metrics.Confusion(
            tp=cells * prevalence * y,
            fp=cells * (1 - prevalence) * x,
            fn=cells * prevalence * (1 - y),
            tn=cells * (1 - prevalence) * (1 - x),
        )
        assert metrics.confusion_metrics(counts)["weighted_f1"] == pytest.approx(0.9, abs=1e-9)
    assert (np.diff(sensitivity) > 0).all()


def test_weighted_f1_line__stays_where_it_can_be_reached() -> None:
    false, sensitivity = curves.weighted_f1_line(0.99, prevalence=0.5)
    assert false.max() < 0.03
    assert sensitivity.min() > 0.97


def test_curves__hundred_thousand_cells_take_less_than_a_second() -> None:
    random = np.random.default_rng(4)
    subject = random.integers(0, 40, 100_000)
    labels = (subject < 25).astype(int)
    probabilities = 1 / (1 + np.exp(-random.normal(3 * (labels - 0.5))))
    cells = estimates.make_sample(
        labels=labels, probabilities=probabilities, subjects=subject.astype(str)
    )

    def once() -> float:
        started = time.process_time()
        curves.roc_curve(cells)
        curves.precision_recall_curve(cells)
        return time.process_time() - started

    assert min(once() for _ in range(3)) < 1  # 0.2 s where nothing else runs
