import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from allcore.errors import DataError
from allcore.review import agreement
from allcore.review.agreement import JUDGEMENTS, ReviewVerdicts
from tests import simulated


def queue(*cells: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(cells, columns=["image_id", "label", "called"])


def said(*judgements: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(judgements, columns=["image_id", "account", "seen"])


def of_one(label: str, called: str, *seen: str) -> pd.Series:
    """The row of one cell judged by accounts 1, 2, ..."""
    given = said(*(("x", str(number), each) for number, each in enumerate(seen, 1)))
    return agreement.decide_verdicts(queue(("x", label, called)), given).table.iloc[0]


@pytest.mark.parametrize(
    ("label", "called", "seen", "verdict", "reviewed"),
    [
        ("all", "hem", ("hem", "hem"), "label_wrong", "hem"),
        ("hem", "all", ("all", "all"), "label_wrong", "all"),
        ("all", "all", ("hem", "hem"), "label_wrong", "hem"),
        ("all", "hem", ("all", "all"), "model_wrong", "all"),
        ("hem", "all", ("hem", "hem"), "model_wrong", "hem"),
        ("all", "all", ("all", "all"), "right", "all"),
        ("hem", "hem", ("hem", "hem"), "right", "hem"),
        ("all", "hem", ("all", "hem"), "ambiguous", "all"),
        ("all", "hem", ("hem", "all"), "ambiguous", "all"),
        ("hem", "all", ("all", "unsure"), "ambiguous", "hem"),
        ("hem", "all", ("unsure", "unsure"), "ambiguous", "hem"),
        ("all", "hem", ("hem", "bad_picture"), "ambiguous", "all"),
        ("all", "hem", ("bad_picture", "bad_picture"), "bad_picture", None),
        ("all", "hem", ("bad_picture", "unsure"), "bad_picture", None),
        ("all", "hem", ("unsure", "bad_picture"), "bad_picture", None),
        ("all", "hem", ("hem",), "open", "all"),
        ("all", "hem", (), "open", "all"),
    ],
)
def test_find__verdict(
    label: str, called: str, seen: tuple[str, ...], verdict: str, reviewed: str | None
) -> None:
    row = of_one(label, called, *seen)
    assert (row["verdict"], row["judged"]) == (verdict, len(seen))
    assert row["reviewed"] == reviewed or (row["reviewed"] is None and reviewed is None)


def test_find__covers_every_pair_in_either_order() -> None:
    for label, called in itertools.product(("all", "hem"), repeat=2):
        for one, other in itertools.product(JUDGEMENTS, repeat=2):
            ahead, back = of_one(label, called, one, other), of_one(label, called, other, one)
            assert ahead["verdict"] in set(agreement.VERDICTS) - {"open"}
            assert ahead["verdict"] == back["verdict"]


def test_find__the_first_two_decide() -> None:
    row = of_one("all", "hem", "hem", "hem", "all", "bad_picture")
    assert (row["verdict"], row["judged"]) == ("label_wrong", 4)


def test_find__a_column_is_a_reviewer() -> None:
    given = said(
        ("x", "bob", "hem"), ("x", "ada", "all"), ("y", "ada", "unsure"), ("y", "bob", "hem"),
        ("z", "bob", "all"), ("elsewhere", "ada", "all"),
    )  # fmt: skip
    cells = queue(("x", "all", "all"), ("y", "all", "all"), ("z", "all", "all"))
    table = agreement.decide_verdicts(cells.assign(reason="error"), given).table
    assert table["first"].tolist() == ["all", "unsure", None]
    assert table["second"].tolist() == ["hem", "hem", None]
    assert table["judged"].tolist() == [2, 2, 1]
    assert set(table["reason"]) == {"error"}


def test_find__no_judgement_and_no_cell() -> None:
    none = said()
    assert agreement.decide_verdicts(queue(("x", "all", "hem")), none).counts["open"] == 1
    empty = agreement.decide_verdicts(queue(), said(("x", "ada", "all")))
    assert set(empty.counts.values()) == {0}
    assert empty.decided.empty


def test_find__refuses_what_it_does_not_know() -> None:
    with pytest.raises(DataError, match="no judgement 'label_wrong'"):
        agreement.decide_verdicts(queue(("x", "all", "hem")), said(("x", "ada", "label_wrong")))
    with pytest.raises(DataError, match="judged a cell twice"):
        agreement.decide_verdicts(queue(("x", "all", "hem")), said(*[("x", "ada", "all")] * 2))


def test_reviewed__changes_only_what_two_agree_on() -> None:
    table = simulated.predictions()
    before = table.copy(deep=True)
    ids = table["image_id"].iloc[:4].tolist()
    assert set(table["label"].iloc[:4]) == {"all"}
    given = said(
        (ids[0], "a", "hem"), (ids[0], "b", "hem"), (ids[1], "a", "bad_picture"),
        (ids[1], "b", "unsure"), (ids[2], "a", "hem"), (ids[2], "b", "all"), (ids[3], "a", "hem"),
    )  # fmt: skip
    found = agreement.decide_verdicts(queue(*((each, "all", "all") for each in ids)), given)
    after = agreement.with_reviewed_labels(table, found)
    pd.testing.assert_frame_equal(table, before)
    kept = table.drop(index=1).reset_index(drop=True)
    assert after["label"].iloc[0] == "hem"
    assert list(after.index) == list(range(len(table) - 1))
    pd.testing.assert_frame_equal(after.iloc[1:], kept.iloc[1:], check_dtype=False)
    rest = [column for column in table if column != "label"]
    pd.testing.assert_frame_equal(after[rest], kept[rest])


def test_reviewed__nothing_queued() -> None:
    table = simulated.predictions()
    after = agreement.with_reviewed_labels(table, agreement.decide_verdicts(queue(), said()))
    pd.testing.assert_frame_equal(after, table, check_dtype=False)


def pairs(cells: int, *, seed: int = 0, alike: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    first = random.choice(JUDGEMENTS, cells, p=[0.5, 0.3, 0.15, 0.05])
    other = random.choice(JUDGEMENTS, cells)
    return first, np.where(random.random(cells) < alike, first, other)


@pytest.mark.parametrize("seed", range(5))
def test_agreement__kappa_is_that_of_scikit_learn(seed: int) -> None:
    first, second = pairs(80, seed=seed)
    found = agreement.review_agreement(first, second, labels=np.arange(80) % 2)
    assert found.kappa.value == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)
    assert found.agreed.value == pytest.approx((first == second).mean(), abs=1e-12)
    assert found.cells == found.counts.sum() == 80
    assert found.counts[0, 1] == ((first == "all") & (second == "hem")).sum()


def test_agreement__without_subjects_only_over_cells() -> None:
    first, second = pairs(80)
    found = agreement.review_agreement(first, second, labels=np.arange(80) % 2)
    for figure in (found.kappa, found.agreed):
        assert figure.over_cells.low < figure.value < figure.over_cells.high
        assert not figure.over_subjects.known


def test_agreement__over_subjects_is_wider_where_they_differ() -> None:
    """Half of the subjects have every judgement alike, the others none."""
    first, _ = pairs(240)
    subjects = np.repeat([f"s{number}" for number in range(12)], 20)
    turned = np.array([JUDGEMENTS[(JUDGEMENTS.index(each) + 1) % 4] for each in first])
    second = np.where(np.repeat(np.arange(12) % 4 < 2, 20), first, turned)
    labels = np.repeat(np.arange(12) % 2, 20)
    found = agreement.review_agreement(first, second, labels=labels, subjects=subjects)
    for figure in (found.kappa, found.agreed):
        assert figure.over_subjects.low < figure.value < figure.over_subjects.high
        wide, narrow = (each.high - each.low for each in (figure.over_subjects, figure.over_cells))
        assert wide > 2 * narrow


def test_agreement__all_judgements_alike() -> None:
    alike = np.array(["all"] * 10)
    found = agreement.review_agreement(alike, alike, labels=np.arange(10) % 2)
    assert np.isnan(found.kappa.value)
    assert found.agreed.value == 1
    assert found.agreed.over_cells.low < 1


def test_agreement__nothing_judged_twice() -> None:
    none = np.array([], dtype=str)
    with pytest.raises(DataError, match="judged by two people yet"):
        agreement.review_agreement(none, none, labels=np.array([], dtype=int))


def test_to_queue__takes_the_most_telling_that_are_new() -> None:
    ranked = np.array([7, 3, 5, 1])
    right, queued = np.ones(20, dtype=bool), np.zeros(20, dtype=bool)
    right[ranked], right[12] = False, False
    queued[[3, 15]] = True
    taken, controls = agreement.cells_to_queue(
        ranked, right=right, queued=queued, count=2, controls=True, seed=1
    )
    assert taken.tolist() == [7, 5]
    assert len(set(controls.tolist())) == 2
    assert not set(controls.tolist()) & {7, 3, 5, 1, 12, 15}


def test_to_queue__controls_are_drawn_evenly_and_only_when_asked() -> None:
    ranked = np.arange(10)
    right, queued = np.arange(100) >= 10, np.zeros(100, dtype=bool)
    drawn = [
        agreement.cells_to_queue(
            ranked, right=right, queued=queued, count=10, controls=True, seed=seed
        )[1]
        for seed in range(400)
    ]
    often = np.bincount(np.concatenate(drawn), minlength=100)
    assert (often[:10] == 0).all()
    assert 20 < often[10:].min() <= often[10:].max() < 75  # 44 are expected of each
    _, none = agreement.cells_to_queue(
        ranked, right=right, queued=queued, count=10, controls=False, seed=0
    )
    assert not len(none)


def test_to_queue__fewer_right_cells_than_errors() -> None:
    taken, controls = agreement.cells_to_queue(
        np.array([0, 1, 2]),
        right=np.array([False, False, False, True]),
        queued=np.zeros(4, dtype=bool),
        count=40,
        controls=True,
        seed=0,
    )
    assert (len(taken), controls.tolist()) == (3, [3])


def test_verdicts__counts_in_their_order() -> None:
    found = ReviewVerdicts(pd.DataFrame({"verdict": ["open", "right", "open"]}))
    assert list(found.counts) == list(agreement.VERDICTS)
    assert (found.counts["open"], found.counts["right"], found.counts["label_wrong"]) == (2, 1, 0)
    assert len(found.decided) == 1
