import dataclasses

import pytest

from allcore.evaluation.comparison import NetworkComparison, PairTest
from allcore.evaluation.intervals import Interval
from allcore.reports import comparison_text
from tests import compared


@pytest.fixture(scope="module")
def found() -> NetworkComparison:
    return compared.comparison(("qcresnet", "resnet18", "ensemble", "area_brightness"))


def test_answer__names_the_first_its_leads_and_the_gap(found: NetworkComparison) -> None:
    first, leads, gap = comparison_text.answer_sentences(found)
    row = found.row("ensemble", "unseen")
    assert row is not None
    assert first == (
        f"Ensemble comes first on unseen subjects: weighted F1 {row.weighted_f1.value:.3f} (95 % "
        f"interval {row.weighted_f1.low:.3f} to {row.weighted_f1.high:.3f})."
    )
    assert leads.startswith("It predicts more cells correctly than area and brightness alone (by ")
    assert "QCResNet (by " in leads and "ResNet-18 (by " in leads
    paper = found.row("ensemble", "paper")
    assert paper is not None
    assert f"it reaches {paper.weighted_f1.value:.3f}: leakage is worth " in gap


def test_answer__a_lead_whose_interval_includes_zero_is_not_shown(found: NetworkComparison) -> None:
    unsure = [
        dataclasses.replace(test, accuracy_difference=Interval(0.01, -0.02, 0.04))
        for test in found.tests
    ]
    said = comparison_text.answer_sentences(dataclasses.replace(found, tests=tuple(unsure)))
    assert not any("more cells rightly" in sentence for sentence in said)
    lead = "A lead in accuracy over {} is not shown: −1.0 percentage points, −4.0 to 2.0."
    # Kept as QCResNet less Ensemble, so it is turned.
    assert lead.format("QCResNet") in said


def test_answer__fewer_cells_right_despite_the_better_f1(found: NetworkComparison) -> None:
    worse = [
        dataclasses.replace(test, accuracy_difference=Interval(0.03, 0.01, 0.05))
        for test in found.tests
    ]
    said = " ".join(
        comparison_text.answer_sentences(dataclasses.replace(found, tests=tuple(worse)))
    )
    assert (
        "Yet it predicts fewer cells correctly than QCResNet "
        "(by 3.0 percentage points, 1.0 to 5.0)."
    ) in said


def test_answer__no_network_beats_the_baseline() -> None:
    said = comparison_text.answer_sentences(compared.comparison(("lenet5", "area_brightness")))
    assert said[0].startswith("On unseen subjects no network does better than area and brightness")
    assert "LeNet-5 comes next" in said[0]


def test_answer__without_unseen_subjects_names_no_best() -> None:
    [said] = comparison_text.answer_sentences(
        compared.comparison(("qcresnet", "resnet18"), ("paper",))
    )
    assert said.startswith("Which network is best on unseen subjects has not been measured.")
    assert "may know the subject" in said


def test_answer__only_the_baseline() -> None:
    [said] = comparison_text.answer_sentences(compared.comparison(("area_brightness",)))
    assert said == "No network has been compared yet, only area and brightness."


def test_answer__without_tests_and_gaps() -> None:
    said = comparison_text.answer_sentences(compared.comparison(("qcresnet",), ("unseen",)))
    assert len(said) == 1


def test_pair__is_turned(found: NetworkComparison) -> None:
    kept = comparison_text.paired_test(found, "qcresnet", "resnet18")
    turned = comparison_text.paired_test(found, "resnet18", "qcresnet")
    assert kept is not None and turned is not None
    assert (turned.only_a_right, turned.only_b_right) == (kept.only_b_right, kept.only_a_right)
    assert turned.accuracy_difference.low == -kept.accuracy_difference.high
    assert turned.auroc_difference.value == -kept.auroc_difference.value
    assert comparison_text.paired_test(found, "qcresnet", "svm") is None


def pair_test(low: float, high: float, protocol: str = "unseen") -> PairTest:
    difference = Interval((low + high) / 2, low, high)
    return PairTest(
        "qcresnet", "resnet18", protocol, 1000, 60, 40, 0.0001, 0.0456, difference, difference
    )


def test_pair_sentences__counts_and_p_values() -> None:
    cells, accuracy = comparison_text.pair_sentences(pair_test(0.01, 0.03))
    assert (
        "Of 1,000 cells, 900 are predicted alike by both; 60 are correct only by QCResNet" in cells
    )
    assert "p\u00a0<\u00a00.001, adjusted for all pairs (Holm) p\u00a0=\u00a00.046" in cells
    assert "2.0 percentage points, 1.0 to 3.0 (over subjects)" in accuracy


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (
            pair_test(0.01, 0.03),
            "On new subjects QCResNet can be expected to be correct more often.",
        ),
        (pair_test(-0.03, -0.01), "On new subjects ResNet-18 can be expected"),
        (pair_test(-0.01, 0.03), "either may be correct more often"),
        (pair_test(0.01, 0.03, "paper"), "On new cells of these subjects QCResNet"),
        (pair_test(float("nan"), float("nan")), "Without an interval"),
    ],
    ids=["ahead", "behind", "unsure", "paper", "no interval"],
)
def test_verdict__follows_the_interval(test: PairTest, said: str) -> None:
    assert said in comparison_text.pair_verdict(test)


def test_budget__says_what_was_spent(found: NetworkComparison) -> None:
    assert comparison_text.budget_text(found).startswith(
        "Networks were trained for at most 6 epochs of 500 cells drawn anew, at 64 px, from random "
        "weights, seed 0, on cpu."
    )
    other = dataclasses.replace(found.rows[0], init="imagenet", samples=0, size=224, budget="c")
    mixed = NetworkComparison(rows=(other, found.rows[2]))
    assert (
        "at 64 to 224 px, from ImageNet weights or random weights"
        in comparison_text.budget_text(mixed)
    )
    assert comparison_text.same_budget(found)
    assert not comparison_text.same_budget(mixed)
    alone = comparison_text.budget_text(NetworkComparison(rows=(other,)))
    assert "epochs of all training cells" in alone


def test_tested__says_on_which_cells(found: NetworkComparison) -> None:
    row = found.rows[0]
    people = f"{row.cells:,} test cells of {row.subjects} independent subjects"
    assert f"Unseen subjects: {people}" in comparison_text.tested_text(found)


def test_signed__no_negative_zero() -> None:
    assert comparison_text.signed(-0.0001, 3) == "0.000"
    assert comparison_text.signed(-0.01, 3) == "−0.010"
