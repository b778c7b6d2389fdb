import math

import numpy as np
import pytest

from allcore.errors import DataError
from allcore.evaluation import intervals, subject_calls, subjects
from allcore.evaluation.subjects import SubjectRow


def row(name: str, label: str, called_blast: int, cells: int) -> SubjectRow:
    right = called_blast if label == "all" else cells - called_blast
    return SubjectRow(
        subject=name,
        label=label,
        cells=cells,
        blasts=intervals.wilson(called_blast, cells),
        accuracy=intervals.wilson(right, cells),
        probability=0.5,
    )


ROWS = (
    row("sure", "all", 90, 100),
    row("missed", "all", 5, 100),
    row("near", "all", 52, 100),
    row("few", "all", 4, 4),
    row("clean", "hem", 2, 100),
    row("alarm", "hem", 99, 100),
    row("none", "hem", 0, 30),
)


def test_calls__answer_where_the_interval_leaves_no_doubt() -> None:
    found = subject_calls.calls(ROWS, cutoff=0.5, least_cells=10)
    assert [(call.subject, call.answer, call.outcome) for call in found] == [
        ("sure", "all", "right"),
        ("missed", "hem", "wrong"),
        ("near", "can't tell", "undecided"),
        ("few", "too few cells", "undecided"),
        ("clean", "hem", "right"),
        ("alarm", "all", "wrong"),
        ("none", "hem", "right"),
    ]
    assert {call.answer for call in found} == set(subject_calls.ANSWERS)


def test_calls__the_cut_off_and_the_least_cells_decide() -> None:
    low = subject_calls.calls(ROWS, cutoff=0.03, least_cells=1)
    answers = {call.subject: call.answer for call in low}
    assert answers["missed"] == "can't tell"  # 5 of 100, interval 0.02 to 0.11
    assert answers["few"] == "all"
    assert answers["none"] == "can't tell"  # 0 of 30 leaves up to 0.11
    exact = subject_calls.calls(ROWS, cutoff=0.5, least_cells=4)
    assert {call.subject: call.answer for call in exact}["few"] == "all"  # 4 are enough for 4


def test_calls__bounds_belong_to_doubt() -> None:
    """A cut-off that is a bound itself is still held by the interval."""
    for cutoff in (ROWS[0].blasts.low, ROWS[0].blasts.high):
        found = subject_calls.calls(ROWS[:1], cutoff=cutoff, least_cells=1)
        assert found[0].answer == "can't tell"


@pytest.mark.parametrize(
    ("cutoff", "least_cells", "said"),
    [(0.0, 1, "cut-off"), (1.0, 1, "cut-off"), (math.nan, 1, "cut-off"), (0.5, 0, "1 cell")],
)
def test_calls__refuse_what_is_out_of_range(cutoff: float, least_cells: int, said: str) -> None:
    with pytest.raises(DataError, match=said):
        subject_calls.calls(ROWS, cutoff=cutoff, least_cells=least_cells)


def test_summary__counts_subjects_by_class_with_wilsons_interval() -> None:
    blasts, normals, every = subject_calls.summary(
        subject_calls.calls(ROWS, cutoff=0.5, least_cells=10)
    )
    assert (blasts.label, normals.label, every.label) == ("all", "hem", None)
    assert (blasts.subjects, normals.subjects, every.subjects) == (4, 3, 7)
    assert blasts.right == blasts.wrong == intervals.wilson(1, 4)
    assert blasts.undecided == intervals.wilson(2, 4)
    assert normals.right == intervals.wilson(2, 3)
    assert every.wrong == intervals.wilson(2, 7)
    for part in (blasts, normals, every):
        shares = part.right.value + part.wrong.value + part.undecided.value
        assert shares == pytest.approx(1)


def test_summary__a_class_without_subjects_has_no_shares() -> None:
    _, normals, every = subject_calls.summary(
        subject_calls.calls(ROWS[:3], cutoff=0.5, least_cells=1)
    )
    assert normals.subjects == 0
    assert math.isnan(normals.right.value)
    assert every.subjects == 3


def test_calls__on_rows_of_cells() -> None:
    random = np.random.default_rng(0)
    who = np.repeat(np.array(["A", "B", "H"]), [60, 3, 60])
    labels = (who != "H").astype(int)
    probabilities = np.clip(random.normal(np.where(labels, 0.9, 0.1), 0.05), 0, 1)
    rows = subjects.rows(labels=labels, probabilities=probabilities, subjects=who, threshold=0.5)
    found = subject_calls.calls(rows, cutoff=0.4, least_cells=5)
    assert {call.subject: call.answer for call in found} == {
        "A": "all", "B": "too few cells", "H": "hem",
    }  # fmt: skip
