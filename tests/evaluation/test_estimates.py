import math
import time

import numpy as np
import pytest

from allcore.evaluation import binned_counts, estimates, intervals, metrics


def draw(
    random: np.random.Generator, *, all_subjects: int, normal_subjects: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, probabilities and subjects of cells whose subjects differ."""
    count = all_subjects + normal_subjects
    cells = np.clip(random.lognormal(4, 0.7, count), 10, 300).astype(int)
    subject = np.repeat(np.arange(count), cells)
    labels = (subject < all_subjects).astype(int)
    logit = random.normal(random.normal(size=count)[subject] + 3 * (labels - 0.5))
    return labels, 1 / (1 + np.exp(-logit)), subject.astype(str)


def all_figures(sample: estimates.Sample) -> dict[str, estimates.Estimate]:
    found = estimates.at_threshold(sample, 0.5) + estimates.threshold_free(sample)
    return {figure.name: figure for figure in found}


def test_figures__values_are_those_of_scores() -> None:
    labels, probabilities, subjects = draw(
        np.random.default_rng(0), all_subjects=8, normal_subjects=6
    )
    sample = estimates.make_sample(labels=labels, probabilities=probabilities, subjects=subjects)
    scores = metrics.scores(labels=labels, probabilities=probabilities, threshold=0.5)
    found = all_figures(sample)
    assert set(found) == set(metrics.TITLES)
    for name, figure in found.items():
        assert figure.value == pytest.approx(getattr(scores, name), abs=1e-12)
        assert figure.over_cells.low <= figure.value <= figure.over_cells.high, name
        assert figure.over_subjects.low <= figure.value <= figure.over_subjects.high, name
    # Subjects differ here, so cells are not independent and the honest interval is wider.
    assert all(
        found[name].over_subjects.high - found[name].over_subjects.low
        > found[name].over_cells.high - found[name].over_cells.low
        for name in ("accuracy", "weighted_f1", "auroc", "auprc", "brier")
    )


def test_blocks__resampled_figures_are_those_of_repeated_cells() -> None:
    """A resample by counts is the same as scikit-learn's figure of the cells written out."""
    random = np.random.default_rng(1)
    labels, probabilities, _ = draw(random, all_subjects=3, normal_subjects=3)
    labels, probabilities = labels[::4], probabilities[::4]
    groups = np.arange(len(labels)) % 5
    weights = random.integers(0, 4, size=(1, 5)).astype(float)
    table = binned_counts.bin_counts(labels=labels, probabilities=probabilities, groups=groups)
    found = binned_counts.resampled_metrics(table, weights @ table.by_subject)
    again = np.repeat(np.arange(len(labels)), weights[0][groups].astype(int))
    expected = metrics.scores(
        labels=labels[again], probabilities=probabilities[again], threshold=0.5
    )
    for name, value in found.items():
        assert value[0] == pytest.approx(getattr(expected, name), abs=1e-12), name


def test_blocks__many_cells_stay_close() -> None:
    random = np.random.default_rng(2)
    labels, probabilities, _ = draw(random, all_subjects=40, normal_subjects=30)
    table = binned_counts.bin_counts(labels=labels, probabilities=probabilities, groups=None)
    found = binned_counts.resampled_metrics(table, table.counts[None])
    expected = metrics.scores(labels=labels, probabilities=probabilities, threshold=0.5)
    assert len(table.counts) <= 2 * binned_counts.BINS + 2
    for name, value in found.items():
        assert value[0] == pytest.approx(getattr(expected, name), abs=1e-3), name


def test_figures__unknown_subjects_have_no_subject_interval() -> None:
    labels, probabilities, _ = draw(np.random.default_rng(0), all_subjects=3, normal_subjects=3)
    found = all_figures(
        estimates.make_sample(labels=labels, probabilities=probabilities, subjects=None)
    )
    assert all(
        figure.over_cells.known and not figure.over_subjects.known for figure in found.values()
    )


def test_figures__one_class() -> None:
    labels, probabilities, subjects = draw(
        np.random.default_rng(0), all_subjects=4, normal_subjects=0
    )
    found = all_figures(
        estimates.make_sample(labels=labels, probabilities=probabilities, subjects=subjects)
    )
    assert found["sensitivity"].over_subjects.known
    assert math.isnan(found["auroc"].value)
    assert math.isnan(found["specificity"].value)
    assert not found["specificity"].over_cells.known


def test_figures__one_subject_of_a_class_gives_no_interval_that_needs_it() -> None:
    labels, probabilities, subjects = draw(
        np.random.default_rng(0), all_subjects=4, normal_subjects=1
    )
    found = all_figures(
        estimates.make_sample(labels=labels, probabilities=probabilities, subjects=subjects)
    )
    assert found["sensitivity"].over_subjects.known
    assert not found["specificity"].over_subjects.known
    assert not found["accuracy"].over_subjects.known


def test_figures__the_same_again() -> None:
    labels, probabilities, subjects = draw(
        np.random.default_rng(0), all_subjects=5, normal_subjects=5
    )
    sample = [
        estimates.make_sample(labels=labels, probabilities=probabilities, subjects=subjects)
        for _ in range(2)
    ]
    assert all_figures(sample[0]) == all_figures(sample[1])


@pytest.mark.parametrize(("all_subjects", "normal_subjects"), [(12, 8), (4, 3)])
def test_subject_intervals__cover_in_simulation(all_subjects: int, normal_subjects: int) -> None:
    """Over new subjects the 95 % intervals hold the truth nearly as often as they say."""
    random = np.random.default_rng(3)
    labels, probabilities, _ = draw(random, all_subjects=600, normal_subjects=400)
    truth = metrics.scores(labels=labels, probabilities=probabilities, threshold=0.5)
    names = ("sensitivity", "specificity", "balanced_accuracy", "auroc")
    held = dict.fromkeys(names, 0)
    cells_held = 0
    trials = 50
    for _ in range(trials):
        labels, probabilities, subjects = draw(
            random, all_subjects=all_subjects, normal_subjects=normal_subjects
        )
        sample = estimates.make_sample(
            labels=labels, probabilities=probabilities, subjects=subjects, resamples=200
        )
        found = {figure.name: figure for figure in estimates.at_threshold(sample, 0.5)}
        found |= {"auroc": estimates.threshold_free(sample)[0]}
        for name in names:
            interval = found[name].over_subjects
            held[name] += interval.low <= getattr(truth, name) <= interval.high
        cells = found["sensitivity"].over_cells
        cells_held += cells.low <= truth.sensitivity <= cells.high
    # 50 trials of an interval that covers 0.93 fall below 0.82 once in 500 runs.
    assert min(held.values()) >= 0.82 * trials
    assert cells_held < 0.6 * trials  # and why the interval over cells is not the one to go by


@pytest.mark.long
def test_figures__fifteen_thousand_cells_take_about_a_second() -> None:
    random = np.random.default_rng(4)
    subject = random.integers(0, 73, 15_000)
    labels = (subject < 47).astype(int)
    probabilities = 1 / (1 + np.exp(-random.normal(3 * (labels - 0.5))))

    def once() -> float:
        started = time.process_time()
        all_figures(
            estimates.make_sample(
                labels=labels, probabilities=probabilities, subjects=subject.astype(str)
            )
        )
        return time.process_time() - started

    assert intervals.RESAMPLES == 2000
    assert min(once() for _ in range(3)) < 1.5  # 0.6 s where nothing else runs


def test_at_threshold__kappa_below_zero_has_its_intervals() -> None:
    """A model that calls the classes the wrong way round still gets bounds, above -1."""
    labels, probabilities, subjects = draw(
        np.random.default_rng(0), all_subjects=8, normal_subjects=6
    )
    sample = estimates.make_sample(
        labels=labels, probabilities=1 - probabilities, subjects=subjects
    )
    kappa = all_figures(sample)["kappa"]
    assert kappa.value < 0
    assert -1 < kappa.over_subjects.low < kappa.over_cells.low < kappa.value
    assert kappa.value < kappa.over_cells.high < kappa.over_subjects.high < 1
