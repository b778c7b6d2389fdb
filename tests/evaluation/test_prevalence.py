import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from allcore.errors import DataError
from allcore.evaluation import estimates, metrics, model_evaluation, prevalence
from allcore.evaluation.estimates import Sample
from tests import simulated


@pytest.fixture(scope="module")
def sample() -> Sample:
    return model_evaluation.sample_of_predictions(simulated.predictions())


def counted(tp: int, fp: int, fn: int, tn: int) -> Sample:
    """Cells with these counts at a threshold of 0.5, three subjects of each class in turn."""
    labels = np.repeat([1, 0, 1, 0], [tp, fp, fn, tn])
    names = np.where(labels == 1, "B", "N").astype(object)
    subjects = names + (np.arange(len(labels)) % 3).astype(str)
    return estimates.make_sample(
        labels=labels,
        probabilities=np.repeat([0.9, 0.9, 0.1, 0.1], [tp, fp, fn, tn]),
        subjects=subjects.astype(str),
    )


@settings(deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 0.95))
def test_likelihood_ratios__agree_with_scikit_learn(seed: int, threshold: float) -> None:
    random = np.random.default_rng(seed)
    labels = np.repeat([1, 0], [40, 30])
    probabilities = np.round(random.uniform(size=70), 1)
    cells = estimates.make_sample(
        labels=labels, probabilities=probabilities, subjects=None, resamples=1
    )
    positive, negative = prevalence.likelihood_ratios(cells, threshold)
    called = (probabilities >= threshold).astype(int)
    if called[labels == 0].any() and not called[labels == 0].all():
        expected = reference.class_likelihood_ratios(labels, called)
        assert positive.value == pytest.approx(expected[0], abs=1e-12, rel=1e-12)
        assert negative.value == pytest.approx(expected[1], abs=1e-12, rel=1e-12)


def test_likelihood_ratios__over_cells_is_simels() -> None:
    """Worked by his formula: exp(log LR +- 1.96 sqrt(1/a - 1/(a+c) + 1/b - 1/(b+d)))."""
    tp, fp, fn, tn = 431, 30, 29, 116
    positive, negative = prevalence.likelihood_ratios(counted(tp, fp, fn, tn), 0.5)
    for found, (above, below) in ((positive, (tp, fp)), (negative, (fn, tn))):
        variance = 1 / above - 1 / (tp + fn) + 1 / below - 1 / (fp + tn)
        half = 1.959963984540054 * math.sqrt(variance)
        value = (above / (tp + fn)) / (below / (fp + tn))
        assert found.value == pytest.approx(value)
        assert found.over_cells.low == pytest.approx(value * math.exp(-half))
        assert found.over_cells.high == pytest.approx(value * math.exp(half))


def test_likelihood_ratios__honest_interval_is_the_wider_one(sample: Sample) -> None:
    for found in prevalence.likelihood_ratios(sample, 0.5):
        assert 0 < found.over_subjects.low < found.over_cells.low < found.value
        assert found.value < found.over_cells.high < found.over_subjects.high < math.inf


def test_likelihood_ratios__no_false_alarm_is_infinite_with_a_lower_bound() -> None:
    positive, negative = prevalence.likelihood_ratios(counted(40, 0, 20, 60), 0.5)
    assert positive.value == math.inf
    for interval in (positive.over_cells, positive.over_subjects):
        assert 1 < interval.low < interval.high == math.inf
        assert not interval.known
    assert positive.over_subjects.low < positive.over_cells.low
    assert negative.value == pytest.approx(1 / 3)


def test_likelihood_ratios__no_missed_blast_is_zero_with_an_upper_bound() -> None:
    positive, negative = prevalence.likelihood_ratios(counted(60, 20, 0, 40), 0.5)
    assert positive.value == pytest.approx(3)
    assert (negative.value, negative.over_cells.low, negative.over_subjects.low) == (0, 0, 0)
    assert 0 < negative.over_cells.high < negative.over_subjects.high < math.inf


@pytest.mark.parametrize(
    ("counts", "undefined"),
    [
        ((0, 0, 30, 30), "lr_positive"),  # nothing is called a blast
        ((30, 30, 0, 0), "lr_negative"),  # everything is
        ((30, 0, 10, 0), "lr_positive"),  # no normal cells
        ((0, 30, 0, 10), "lr_negative"),  # no blasts
    ],
)
def test_likelihood_ratios__undefined_has_no_bounds(
    counts: tuple[int, int, int, int], undefined: str
) -> None:
    cells = counted(*counts)
    found = {figure.name: figure for figure in prevalence.likelihood_ratios(cells, 0.5)}
    assert math.isnan(found[undefined].value)
    for interval in (found[undefined].over_cells, found[undefined].over_subjects):
        assert not interval.known
    values = prevalence.predictive_values(cells, 0.5, np.array([0.3]))
    curve = values.ppv if undefined == "lr_positive" else values.npv
    assert np.isnan(curve.value).all()


def test_likelihood_ratios__need_two_subjects_of_each_class() -> None:
    cells = model_evaluation.sample_of_predictions(simulated.predictions(normal_subjects=1))
    unknown = model_evaluation.sample_of_predictions(simulated.predictions().assign(subject=None))
    for sample in (cells, unknown):
        for found in prevalence.likelihood_ratios(sample, 0.5):
            assert found.over_cells.low > 0
            assert math.isnan(found.over_subjects.low)
            assert math.isnan(found.over_subjects.high)


@settings(deadline=None)
@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 50), st.integers(1, 50))
def test_predictive__at_the_datas_prevalence_is_the_datas_own(
    tp: int, fp: int, fn: int, tn: int
) -> None:
    cells = counted(tp, fp, fn, tn)
    found = prevalence.predictive_values(cells, 0.5, np.array([cells.labels.mean()]))
    expected = metrics.confusion_metrics(metrics.Confusion(tp=tp, fp=fp, fn=fn, tn=tn))
    assert found.ppv.value[0] == pytest.approx(float(expected["ppv"]), abs=1e-12)
    assert found.npv.value[0] == pytest.approx(float(expected["npv"]), abs=1e-12)


def test_predictive__is_bayes_at_every_prevalence_and_inside_its_bands(sample: Sample) -> None:
    grid = np.linspace(0.001, 0.999, 200)
    found = prevalence.predictive_values(sample, 0.5, grid)
    scores = metrics.scores(labels=sample.labels, probabilities=sample.probabilities, threshold=0.5)
    true, false = scores.sensitivity * grid, (1 - scores.specificity) * (1 - grid)
    assert found.ppv.value == pytest.approx(true / (true + false), abs=1e-12)
    true, false = scores.specificity * (1 - grid), (1 - scores.sensitivity) * grid
    assert found.npv.value == pytest.approx(true / (true + false), abs=1e-12)
    for curve in (found.ppv, found.npv):
        assert (curve.subject_low < curve.cell_low).all()
        assert (curve.cell_low < curve.value).all()
        assert (curve.value < curve.cell_high).all()
        assert (curve.cell_high < curve.subject_high).all()
        assert ((curve.subject_low > 0) & (curve.subject_high < 1)).all()
    assert (np.diff(found.ppv.value) > 0).all()
    assert (np.diff(found.npv.value) < 0).all()
    assert found.observed == pytest.approx(sample.labels.mean())


def test_at__is_the_curve_there(sample: Sample) -> None:
    found = prevalence.predictive_values(sample, 0.5, np.array([0.02, 0.3]))
    ppv, npv = found.at(0.3)
    assert (ppv.name, npv.name) == ("ppv", "npv")
    for figure, curve in ((ppv, found.ppv), (npv, found.npv)):
        assert figure.value == curve.value[1]
        assert (figure.over_cells.low, figure.over_cells.high) == (
            curve.cell_low[1],
            curve.cell_high[1],
        )
        assert figure.over_subjects.low == curve.subject_low[1]
        assert figure.over_subjects.high == curve.subject_high[1]


def test_predictive__without_false_alarms_is_one_with_a_lower_bound() -> None:
    found = prevalence.predictive_values(counted(40, 0, 20, 60), 0.5, np.array([0.01, 0.5]))
    assert (found.ppv.value == 1).all()
    assert (found.ppv.cell_high == 1).all()
    assert found.ppv.cell_low[0] < found.ppv.cell_low[1] < 1
    assert found.at(0.01)[0].over_subjects.known


@pytest.mark.parametrize("value", [0.0, 1.0, -0.1, math.nan])
def test_predictive__refuses_what_is_no_prevalence(sample: Sample, value: float) -> None:
    with pytest.raises(DataError, match="above 0 and below 1"):
        prevalence.predictive_values(sample, 0.5, np.array([0.5, value]))


def test_predictive__takes_milliseconds() -> None:
    random = np.random.default_rng(4)
    subject = random.integers(0, 40, 15_000)
    labels = (subject < 25).astype(int)
    cells = estimates.make_sample(
        labels=labels, probabilities=random.random(15_000), subjects=subject.astype(str)
    )

    def once() -> float:
        started = time.process_time()
        prevalence.predictive_values(cells, 0.5, np.linspace(0.001, 0.999, 500))
        return time.process_time() - started

    assert min(once() for _ in range(5)) < 0.03  # 2 ms where nothing else runs
