import dataclasses

import pytest

from allcore.evaluation.comparison import NetworkComparison
from allcore.evaluation.intervals import Interval
from allcore.reports import paper_claims
from allcore.reports.headline import Headline, MeasuredAccuracy
from tests import compared


@pytest.fixture(scope="module")
def found() -> NetworkComparison:
    return compared.comparison(("qcresnet", *paper_claims.RIVALS))


def headline(unseen: Interval) -> Headline:
    paper = MeasuredAccuracy(Interval(0.97, 0.95, 0.98), 746, 38)
    return Headline("qcresnet", paper, "", MeasuredAccuracy(unseen, 7456, 39), "", "")


def differing(found: NetworkComparison, difference: Interval) -> NetworkComparison:
    """The comparison with one difference in accuracy between any two networks."""
    tests = [dataclasses.replace(test, accuracy_difference=difference) for test in found.tests]
    return dataclasses.replace(found, tests=tuple(tests))


@pytest.mark.parametrize(
    ("high", "verdict"), [(0.86, paper_claims.FAILS), (0.992, paper_claims.HOLDS)]
)
def test_judge__accuracy_is_that_of_unseen_subjects(
    found: NetworkComparison, high: float, verdict: str
) -> None:
    accuracy = paper_claims.judge(found, headline(Interval(0.82, 0.78, high)))[0]
    assert accuracy.image_split == "97.0 % (95.0 % to 98.0 %)"
    assert accuracy.unseen == f"82.0 % (78.0 % to {100 * high:.1f} %)"
    assert accuracy.verdict == verdict


@pytest.mark.parametrize(
    ("difference", "verdict"),
    [
        (Interval(0.02, 0.01, 0.03), paper_claims.HOLDS),
        (Interval(0.02, -0.01, 0.05), paper_claims.OPEN),
        (Interval(-0.02, -0.03, -0.01), paper_claims.FAILS),
    ],
)
def test_judge__rank_and_head_go_by_the_paired_interval(
    found: NetworkComparison, difference: Interval, verdict: str
) -> None:
    _, rank, _, head = paper_claims.judge(differing(found, difference), None)
    assert (rank.verdict, head.verdict) == (verdict, verdict)
    assert rank.unseen.count("percentage points") == len(paper_claims.RIVALS)
    assert head.unseen.endswith("to ResNet-18")


@pytest.mark.parametrize(
    ("own", "others", "verdict"),
    [(1, 2, paper_claims.HOLDS), (2, 2, paper_claims.OPEN), (3, 2, paper_claims.FAILS)],
)
def test_judge__convergence_goes_by_epochs(
    found: NetworkComparison, own: float, others: float, verdict: str
) -> None:
    rows = [
        dataclasses.replace(row, epochs_to_95=own if row.network == "qcresnet" else others)
        for row in found.rows
    ]
    claim = paper_claims.judge(dataclasses.replace(found, rows=tuple(rows)), None)[2]
    assert claim.verdict == verdict
    assert claim.unseen.startswith(f"QCResNet {own}; LeNet-5 {others}; ")


def test_judge__what_was_not_measured_is_not_shown() -> None:
    claims = paper_claims.judge(NetworkComparison(), None)
    assert {claim.verdict for claim in claims} == {paper_claims.OPEN}
    assert {claim.unseen for claim in claims} == {paper_claims.UNMEASURED}
    assert paper_claims.summary(claims) == (
        "Claims of the QCResNet paper that hold on unseen subjects: 0 of 4; that do not: 0; not "
        "shown: 4."
    )
