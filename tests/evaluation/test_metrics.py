import dataclasses
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import metrics as reference

from allcore.errors import DataError
from allcore.evaluation import metrics


@st.composite
def cells(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, float]:
    """Labels of either class, probabilities with many ties, and a threshold."""
    count = draw(st.integers(1, 60))
    labels = draw(arrays.arrays(np.int64, count, elements=st.integers(0, 1)))
    rough = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0])
    fine = st.floats(0, 1, allow_nan=False)
    probabilities = draw(arrays.arrays(np.float64, count, elements=rough | fine))
    return labels, probabilities, draw(st.floats(0.01, 0.99))


@settings(deadline=None)
@given(cells())
def test_scores__agree_with_scikit_learn(drawn: tuple[np.ndarray, np.ndarray, float]) -> None:
    labels, probabilities, threshold = drawn
    found = metrics.scores(labels=labels, probabilities=probabilities, threshold=threshold)
    called = (probabilities >= threshold).astype(int)
    expected = {
        "accuracy": reference.accuracy_score(labels, called),
        "weighted_f1": reference.f1_score(labels, called, average="weighted"),
        "brier": reference.brier_score_loss(labels, probabilities, labels=[0, 1]),
    }
    if labels.any():
        expected["sensitivity"] = reference.recall_score(labels, called)
    if called.any():
        expected["ppv"] = reference.precision_score(labels, called)
    if not labels.all():
        expected["specificity"] = reference.recall_score(labels, called, pos_label=0)
    if not called.all():
        expected["npv"] = reference.precision_score(labels, called, pos_label=0)
    if labels.any() and not labels.all():
        expected["balanced_accuracy"] = reference.balanced_accuracy_score(labels, called)
        expected["auroc"] = reference.roc_auc_score(labels, probabilities)
        expected["auprc"] = reference.average_precision_score(labels, probabilities)
        expected["kappa"] = reference.cohen_kappa_score(labels, called)
        if called.any() and not called.all():
            expected["mcc"] = reference.matthews_corrcoef(labels, called)
    for name, value in dataclasses.asdict(found).items():
        if name in expected:
            assert value == pytest.approx(expected[name], abs=1e-12), name
        elif name != "ece":
            assert math.isnan(value), name


@settings(deadline=None)
@given(cells())
def test_scores__calibration_error_follows_its_definition(
    drawn: tuple[np.ndarray, np.ndarray, float],
) -> None:
    labels, probabilities, _ = drawn
    found = metrics.scores(labels=labels, probabilities=probabilities, threshold=0.5).ece
    which = metrics.bin_of(probabilities)
    expected = sum(
        (which == b).mean() * abs(probabilities[which == b].mean() - labels[which == b].mean())
        for b in np.unique(which)
    )
    assert found == pytest.approx(expected, abs=1e-12)


def test_scores__one_class_leaves_undefined_figures_without_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = metrics.scores(
            labels=np.ones(3, dtype=int), probabilities=np.array([0.9, 0.8, 0.2]), threshold=0.5
        )
    assert found.sensitivity == pytest.approx(2 / 3)
    undefined = ("specificity", "balanced_accuracy", "mcc", "kappa", "auroc", "auprc")
    assert all(math.isnan(getattr(found, name)) for name in undefined)


def test_confusion__threshold_itself_is_called_blast() -> None:
    counts = metrics.confusion(
        labels=np.array([1, 0]), probabilities=np.array([0.5, 0.5]), threshold=0.5
    )
    assert counts.as_array().tolist() == [[0, 1], [0, 1]]


@pytest.mark.parametrize(
    ("labels", "probabilities", "said"),
    [
        ([], [], "no predictions"),
        ([1, 0], [0.5], "one each a cell"),
        ([1, 2], [0.5, 0.5], "1 \\(ALL blast\\) or 0"),
        ([1, 0], [0.5, math.nan], "from 0 to 1"),
        ([1, 0], [0.5, 1.2], "from 0 to 1"),
    ],
)
def test_check__says_what_is_wrong(
    labels: list[int], probabilities: list[float], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        metrics.scores(
            labels=np.array(labels, dtype=int),
            probabilities=np.array(probabilities),
            threshold=0.5,
        )


def test_count_figures__agree_with_scikit_learn_on_many_cells() -> None:
    """Products of large counts stay exact, and an array of counts is as good as one."""
    random = np.random.default_rng(0)
    labels = (random.random((3, 100_000)) < 0.68).astype(int)
    called = np.where(random.random(labels.shape) < 0.1, 1 - labels, labels)
    counts = [
        metrics.confusion(labels=truth, probabilities=call.astype(float), threshold=0.5)
        for truth, call in zip(labels, called, strict=True)
    ]
    together = metrics.Confusion(*np.array([dataclasses.astuple(each) for each in counts]).T)
    found = metrics.confusion_metrics(together)
    for i, (truth, call) in enumerate(zip(labels, called, strict=True)):
        for name, expected in (
            ("kappa", reference.cohen_kappa_score),
            ("mcc", reference.matthews_corrcoef),
            ("balanced_accuracy", reference.balanced_accuracy_score),
        ):
            assert found[name][i] == pytest.approx(expected(truth, call), abs=1e-12), name


def test_count_figures__kappa_lies_between_opposition_and_agreement() -> None:
    counts = metrics.Confusion(*np.array([[3.0, 0, 0, 3], [0, 3, 3, 0], [2, 2, 1, 1]]).T)
    assert metrics.confusion_metrics(counts)["kappa"] == pytest.approx([1, -1, 0])
