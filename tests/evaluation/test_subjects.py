import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allcore.errors import DataError
from allcore.evaluation import estimates, intervals, subjects
from allcore.evaluation.subjects import SubjectRow


def draw(seed: int, *, cells: int, people: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, probabilities with ties and subjects; some subjects have cells of both classes."""
    random = np.random.default_rng(seed)
    who = random.integers(0, people, cells)
    labels = ((who % 3 == 0) | (random.random(cells) < 0.1)).astype(int)
    return labels, np.round(random.random(cells), 2), np.array([f"S{n}" for n in who])


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 80), st.integers(1, 12))
def test_rows__are_what_each_subjects_cells_say(seed: int, cells: int, people: int) -> None:
    labels, probabilities, names = draw(seed, cells=cells, people=people)
    found = subjects.subject_rows(
        labels=labels, probabilities=probabilities, subjects=names, threshold=0.5
    )
    assert sorted(row.subject for row in found) == sorted(set(names))
    for row in found:
        own = names == row.subject
        called, truth = probabilities[own] >= 0.5, labels[own] == 1
        assert row.cells == own.sum()
        assert row.label == ("all" if 2 * truth.sum() >= own.sum() else "hem")
        assert row.blasts == intervals.wilson(int(called.sum()), int(own.sum()))
        assert row.accuracy == intervals.wilson(int((called == truth).sum()), int(own.sum()))
        assert row.probability == np.median(probabilities[own])
    shares = [row.accuracy.value for row in found]
    assert shares == sorted(shares)


def test_numbered__as_numpy_numbers_them() -> None:
    names = np.array(["H10", "7", "H2", "7", "10", "H2"])
    expected = np.unique(names, return_inverse=True)
    found = estimates.number_groups(names)
    assert found[0].tolist() == expected[0].tolist()
    assert found[1].tolist() == expected[1].tolist()
    numbers = estimates.number_groups(np.array([10, 9, 10]))  # whole numbers sort as names do
    assert (numbers[0].tolist(), numbers[1].tolist()) == (["10", "9"], [0, 1, 0])
    mixed = estimates.number_groups(np.array([10, "10", None], dtype=object))
    assert (mixed[0].tolist(), mixed[1].tolist()) == (["10", "nan"], [0, 0, 1])


def test_rows__hundred_thousand_cells_of_five_hundred_subjects_are_quick() -> None:
    labels, probabilities, names = draw(0, cells=100_000, people=500)

    def once() -> float:
        started = time.process_time()
        subjects.subject_rows(
            labels=labels, probabilities=probabilities, subjects=names, threshold=0.5
        )
        return time.process_time() - started

    assert min(once() for _ in range(5)) < 0.15  # 0.03 s where nothing else runs


def test_rows__no_bounds_beyond_the_share() -> None:
    found = subjects.subject_rows(
        labels=np.ones(40, dtype=int),
        probabilities=np.repeat([0.9, 0.1], 20),
        subjects=np.repeat(["right", "wrong"], 20),
        threshold=0.5,
    )
    assert [row.subject for row in found] == ["wrong", "right"]
    assert found[0].accuracy.low == 0
    assert found[1].accuracy.high == pytest.approx(1)


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
    found = subjects.call_subjects(ROWS, cutoff=0.5, least_cells=10)
    assert [(call.subject, call.answer, call.outcome) for call in found] == [
        ("sure", "all", "right"),
        ("missed", "hem", "wrong"),
        ("near", "can't tell", "undecided"),
        ("few", "too few cells", "undecided"),
        ("clean", "hem", "right"),
        ("alarm", "all", "wrong"),
        ("none", "hem", "right"),
    ]
    assert {call.answer for call in found} == set(subjects.ANSWERS)


def test_calls__the_cut_off_and_the_least_cells_decide() -> None:
    low = subjects.call_subjects(ROWS, cutoff=0.03, least_cells=1)
    answers = {call.subject: call.answer for call in low}
    assert answers["missed"] == "can't tell"  # 5 of 100, interval 0.02 to 0.11
    assert answers["few"] == "all"
    assert answers["none"] == "can't tell"  # 0 of 30 leaves up to 0.11
    exact = subjects.call_subjects(ROWS, cutoff=0.5, least_cells=4)
    assert {call.subject: call.answer for call in exact}["few"] == "all"  # 4 are enough for 4


def test_calls__bounds_belong_to_doubt() -> None:
    """A cut-off that is a bound itself is still held by the interval."""
    for cutoff in (ROWS[0].blasts.low, ROWS[0].blasts.high):
        found = subjects.call_subjects(ROWS[:1], cutoff=cutoff, least_cells=1)
        assert found[0].answer == "can't tell"


@pytest.mark.parametrize(
    ("cutoff", "least_cells", "said"),
    [(0.0, 1, "cut-off"), (1.0, 1, "cut-off"), (math.nan, 1, "cut-off"), (0.5, 0, "1 cell")],
)
def test_calls__refuse_what_is_out_of_range(cutoff: float, least_cells: int, said: str) -> None:
    with pytest.raises(DataError, match=said):
        subjects.call_subjects(ROWS, cutoff=cutoff, least_cells=least_cells)


def test_calls__on_rows_of_cells() -> None:
    random = np.random.default_rng(0)
    who = np.repeat(np.array(["A", "B", "H"]), [60, 3, 60])
    labels = (who != "H").astype(int)
    probabilities = np.clip(random.normal(np.where(labels, 0.9, 0.1), 0.05), 0, 1)
    rows = subjects.subject_rows(
        labels=labels, probabilities=probabilities, subjects=who, threshold=0.5
    )
    found = subjects.call_subjects(rows, cutoff=0.4, least_cells=5)
    assert {call.subject: call.answer for call in found} == {
        "A": "all", "B": "too few cells", "H": "hem",
    }  # fmt: skip


def test_shares__counts_each_subject_by_itself() -> None:
    verdicts = ["all"] * 3 + ["hem", "refused"] + ["hem"] * 2 + ["refused"] + ["all"]
    whose = ["A"] * 5 + ["B"] * 2 + ["C"] + [None]
    first, second, third, unknown = subjects.subject_shares(verdicts, whose, least=2)  # type: ignore[arg-type]
    assert (first.subject, first.answered, first.blasts, first.refused) == ("A", 4, 3, 1)
    assert first.share == intervals.wilson(3, 4) and first.enough
    assert first.words == "3 of 4 (75 %, 95 % interval 30 to 95)"
    assert (second.subject, second.share.value) == ("B", 0)
    assert (third.subject, third.answered, third.refused, third.enough) == ("C", 0, 1, False)
    assert math.isnan(third.share.value)
    assert unknown.subject is None and unknown.words == "1 of 1, too few cells"


def test_shares__are_said_from_the_number_of_cells_asked_for() -> None:
    nineteen, twenty = ["all"] * 19, ["all"] * 20
    assert not subjects.subject_shares(nineteen, ["A"] * 19)[0].enough  # type: ignore[arg-type]
    assert subjects.subject_shares(twenty, ["A"] * 20)[0].enough  # type: ignore[arg-type]


def test_shares__puts_the_highest_first_and_too_few_behind() -> None:
    verdicts = ["hem", "hem", "all", "all", "all", "hem", "hem"]
    whose = ["low", "low", "high", "high", "few", "more", None]
    order = [share.subject for share in subjects.subject_shares(verdicts, whose, least=2)]  # type: ignore[arg-type]
    assert order == ["high", "low", "few", "more", None]
