import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allcore.evaluation import estimates, intervals, subjects


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
    found = subjects.rows(labels=labels, probabilities=probabilities, subjects=names, threshold=0.5)
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
        subjects.rows(labels=labels, probabilities=probabilities, subjects=names, threshold=0.5)
        return time.process_time() - started

    assert min(once() for _ in range(5)) < 0.15  # 0.03 s where nothing else runs


def test_rows__no_bounds_beyond_the_share() -> None:
    found = subjects.rows(
        labels=np.ones(40, dtype=int),
        probabilities=np.repeat([0.9, 0.1], 20),
        subjects=np.repeat(["right", "wrong"], 20),
        threshold=0.5,
    )
    assert [row.subject for row in found] == ["wrong", "right"]
    assert found[0].accuracy.low == 0
    assert found[1].accuracy.high == pytest.approx(1)
