import numpy as np
import pytest

from allcore.errors import DataError
from allcore.evaluation import label_errors, metrics, outcomes

LABELS = np.array([0, 0, 0, 1, 1, 1, 1, 0])
BLAST = np.array([0.2, 0.7, 0.99, 0.9, 0.3, 0.01, 0.6, 0.62])


def ranked(key: str, **changes: object) -> list[int]:
    given = {"labels": LABELS, "probabilities": BLAST, "threshold": 0.6} | changes
    return outcomes.rank_cells(key, **given).tolist()


def test_of__counts_are_those_of_the_confusion_matrix() -> None:
    random = np.random.default_rng(0)
    labels, probabilities = random.integers(0, 2, 500), random.random(500)
    found = outcomes.cell_outcomes(labels, probabilities, 0.4)
    counts = metrics.confusion(labels=labels, probabilities=probabilities, threshold=0.4)
    assert {key: (found == key).sum() for key in outcomes.OUTCOMES} == vars(counts)


def test_of__at_the_threshold_a_cell_is_called_blast() -> None:
    assert outcomes.cell_outcomes(LABELS, BLAST, 0.6).tolist() == [
        "tn", "fp", "fp", "tp", "fn", "fn", "tp", "fp",
    ]  # fmt: skip


def test_ranked__confident_errors_by_log_odds_from_the_threshold() -> None:
    # Log-odds from those of 0.6, 0.41: 0.01 is 5.00 away, 0.99 is 4.19, 0.3 is 1.25, 0.7 is 0.44.
    assert ranked("confident_errors") == [5, 2, 4, 1, 7]
    # From 0.1, -2.20: 0.99 is 6.79 away, 0.7 is 3.04, 0.62 is 2.69, 0.01 is 2.40, 0.2 is 0.81.
    assert ranked("confident_errors", threshold=0.1) == [2, 1, 7, 5, 0]


def test_ranked__least_certain_is_not_nearest_to_the_threshold() -> None:
    assert ranked("least_certain")[:3] == [6, 7, 1]
    assert ranked("near_threshold", threshold=0.9)[:2] == [3, 1]
    assert sorted(ranked("near_threshold")) == list(range(8))


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_ranked__stays_in_order_at_the_ends(threshold: float) -> None:
    found = ranked("near_threshold", threshold=threshold)
    assert found == sorted(range(8), key=lambda i: abs(BLAST[i] - threshold))


def test_ranked__suspicious_holds_the_flagged_by_quality() -> None:
    found = label_errors.find_label_errors(labels=LABELS, probabilities=BLAST)
    listed = ranked("suspicious", label_errors=found)
    assert set(listed) == set(np.flatnonzero(found.flagged)) != set()
    assert found.quality[listed].tolist() == sorted(found.quality[listed])


def test_ranked__ties_keep_their_order() -> None:
    flat = np.full(8, 0.9)
    assert ranked("confident_errors", probabilities=flat) == [0, 1, 2, 7]


def test_ranked__an_empty_list() -> None:
    assert ranked("confident_errors", probabilities=LABELS.astype(float)) == []


@pytest.mark.parametrize(
    ("key", "given", "words"),
    [
        ("suspicious", {}, "out-of-fold"),
        ("suspicious", {"label_errors": label_errors.find_label_errors(
            labels=LABELS[2:], probabilities=BLAST[2:])},
         "of 6 cells"),
        ("best", {}, "no list 'best'"),
        ("confident_errors", {"probabilities": BLAST + 1}, "from 0 to 1"),
    ],
)  # fmt: skip
def test_ranked__refuses(key: str, given: dict, words: str) -> None:
    with pytest.raises(DataError, match=words):
        ranked(key, **given)


def test_ranked__every_list_is_served() -> None:
    found = label_errors.find_label_errors(labels=LABELS, probabilities=BLAST)
    for key in outcomes.LISTS:
        assert ranked(key, label_errors=found)
