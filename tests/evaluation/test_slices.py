"""Slices against references, and in simulations with and without an effect."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from allcore.errors import DataError
from allcore.evaluation import intervals, slice_statistics, slices
from allcore.evaluation.slices import Slice, SliceResult
from tests import simulated

FACTS = ("area", "brightness", "focus", "contrast")


@dataclass(frozen=True)
class World:
    labels: np.ndarray
    groups: np.ndarray
    right: np.ndarray
    facts: pd.DataFrame
    tried: tuple[Slice, ...]

    def rows(self, right: np.ndarray | None = None) -> tuple[SliceResult, ...]:
        right = self.right if right is None else right
        return simulated.compare_slices(
            self.tried, right=right, labels=self.labels, groups=self.groups
        )


def world(
    random: np.random.Generator,
    *,
    spread: float = 0.9,
    alike: float = 0.5,
    interaction: float = 0.0,
    subjects: tuple[int, int] = (14, 20),
) -> World:
    """Cells of subjects that differ in how often they are wrong and in how they look.

    No slice is worse on average: facts and errors of a subject have nothing to do with each other.

    Args:
        random: where it is drawn from.
        spread: of the subjects' log-odds of a right call.
        alike: share of the facts' variance that is between subjects.
        interaction: how much a fact matters in a subject, for better or for worse.
        subjects: normal ones, and ones with blasts.
    """
    names = np.arange(sum(subjects))
    group = np.repeat(names, np.maximum(9, random.lognormal(4.3, 0.8, len(names)).astype(int)))
    label = (group >= subjects[0]).astype(int)
    look = [np.sqrt(alike) * random.normal(size=len(names))[group] for _ in FACTS]
    facts = [each + np.sqrt(1 - alike) * random.normal(size=len(group)) for each in look]
    slope = sum(interaction * random.normal(size=len(names))[group] * each for each in facts)
    ease = np.where(label == 1, 2.6, 1.4) + random.normal(0, spread, len(names))[group] + slope
    table = pd.DataFrame(dict(zip(FACTS, facts, strict=True)))
    centres = random.normal(size=(8, len(FACTS)))
    nearest = ((table.to_numpy()[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    groups = np.char.add("S", group.astype(str))
    tried = (
        *slices.quantile_slices(table),
        *slices.subject_slices(groups),
        *slices.cluster_slices(nearest, {which: str(which) for which in range(8)}),
        *pairs(table),
    )
    right = random.random(len(group)) < special.expit(ease)
    return World(label, groups, right, table, tried)


def pairs(table: pd.DataFrame) -> list[Slice]:
    low = {name: slices.fifths(table[name].to_numpy())[0] for name in FACTS}
    return [
        Slice(f"pair:{a}:{b}", f"{a} and {b}", "pair", low[a] & low[b])
        for a in FACTS
        for b in FACTS
        if a < b and (low[a] & low[b]).sum() >= 20
    ]


@pytest.mark.parametrize(
    "settings",
    [{}, {"spread": 0.0}, {"alike": 0.9}, {"interaction": 0.4}, {"subjects": (5, 7)}],
    ids=["usual", "alike subjects", "stain by subject", "bad in some subjects", "few subjects"],
)
def test_rows__family_wise_rate_without_an_effect(settings: dict) -> None:
    random = np.random.default_rng(20)
    runs = 60 if settings else 150
    families = [world(random, **settings).rows() for _ in range(runs)]
    false = np.mean([any(row.worse for row in family) for family in families])
    p = np.array([row.p for family in families for row in family if np.isfinite(row.p)])
    assert false <= 0.08
    assert (p < 0.05).mean() <= 0.06
    assert (p < 0.5).mean() <= 0.55


def test_rows__intervals_over_subjects_cover_no_effect() -> None:
    random = np.random.default_rng(21)
    families = [world(random).rows() for _ in range(60)]
    held = [
        row.difference.low <= 0 <= row.difference.high
        for family in families
        for row in family
        if row.unit == "subjects"
    ]
    assert len(held) > 1000
    assert 0.93 <= np.mean(held) <= 0.985


@pytest.mark.parametrize("key", ["fact:area:0", "pair:area:brightness"])
def test_rows__a_planted_slice_is_found(key: str) -> None:
    random, found = np.random.default_rng(22), 0
    for _ in range(20):
        made = world(random, alike=0.2, spread=0.5)
        bad = next(each for each in made.tried if each.key == key).members
        rows = made.rows(made.right & ~(bad & (random.random(len(bad)) < 0.35)))
        found += any(row.worse and row.slice.key == key for row in rows)
    assert found >= 18


def test_rows__a_planted_subject_is_found() -> None:
    random, found = np.random.default_rng(23), 0
    for _ in range(20):
        made = world(random, spread=0.5)
        bad = made.groups == "S20"
        rows = made.rows(np.where(bad, random.random(len(bad)) < 0.05, made.right))
        found += any(row.worse and row.slice.key == "subject:S20" for row in rows)
    assert found >= 18


def test_rows__found_ones_first_then_by_difference() -> None:
    made = world(np.random.default_rng(24), alike=0.2, spread=0.5)
    bad = made.facts["area"] < made.facts["area"].quantile(0.2)
    rows = made.rows(made.right & ~(bad.to_numpy() & (np.arange(len(bad)) % 2 == 0)))
    assert {row.slice.key for row in rows} == {each.key for each in made.tried}
    worse = [row.worse for row in rows]
    assert worse == sorted(worse, reverse=True)
    assert any(worse) and not all(worse)
    for part in (True, False):
        differences = [row.difference.value for row in rows if row.worse is part]
        assert differences == sorted(differences)


def simple(
    members: list[int], right: list[int], labels: list[int], groups: list[str] | None = None
) -> SliceResult:
    tried = Slice("saved:x", "x", "saved", np.array(members, dtype=bool))
    return simulated.compare_slices(
        [tried],
        right=np.array(right, dtype=bool),
        labels=np.array(labels),
        groups=None if groups is None else np.array(groups),
    )[0]


def test_rows__the_rest_has_the_slices_mix_of_classes() -> None:
    # Inside 3 blasts (2 right) and 1 normal cell (right); outside 2 blasts (1 right) and 4 normal
    # cells (all right): the rest weighs 3/4 x 1/2 + 1/4 x 1.
    row = simple(
        [1, 1, 1, 1, 0, 0, 0, 0, 0, 0],
        [1, 1, 0, 1, 1, 0, 1, 1, 1, 1],
        [1, 1, 1, 0, 1, 1, 0, 0, 0, 0],
    )
    assert (row.cells, row.subjects, row.unit) == (4, None, "cells")
    assert row.accuracy == intervals.wilson(3, 4)
    assert row.rest.value == pytest.approx(0.625)
    # As good as 1 / ((3/4)^2 / 2 + (1/4)^2 / 4) cells.
    assert row.rest.low == pytest.approx(wilson_low(0.625, 1 / (9 / 32 + 1 / 64)))
    assert row.difference.value == pytest.approx(0.125)
    assert row.difference.low < 0.125 < row.difference.high
    # All cells: 2 of 5 blasts and no normal cell are wrong; 1 of 4 wrong at 3/4 x 2/5.
    assert row.p == pytest.approx(stats.binom.sf(0, 4, 0.3))


def wilson_low(share: float, cells: float) -> float:
    z = stats.norm.ppf(0.975)
    centre = share + z**2 / (2 * cells)
    half = z * np.sqrt(share * (1 - share) / cells + z**2 / (4 * cells**2))
    return (centre - half) / (1 + z**2 / cells)


def test_rows__one_subject_is_held_against_the_others_of_its_class() -> None:
    # Ten normal subjects of 20 cells; wrong calls of each, the last one is asked about.
    wrong = [1, 2, 0, 3, 1, 2, 4, 1, 2, 15]
    cells = [[True] * (20 - k) + [False] * k for k in wrong]
    groups = np.repeat([f"H{i}" for i in range(10)], 20)
    # Blasts that are always wrong have no say in it.
    labels = np.concatenate([np.zeros(200, dtype=int), np.ones(60, dtype=int)])
    right = np.concatenate([*cells, np.zeros(60)]).astype(bool)
    groups = np.concatenate([groups, np.repeat([f"{i}" for i in range(6)], 10)])
    row = simulated.compare_slices(
        slices.subject_slices(groups)[-1:], right=right, labels=labels, groups=groups
    )[0]
    assert (row.slice.title, row.subjects, row.unit) == ("Subject H9", 1, "cells")
    y = np.log((np.array(wrong) + 0.5) / (20.5 - np.array(wrong)))
    t = (y[-1] - y[:-1].mean()) / np.sqrt(y[:-1].var(ddof=1) * (1 + 1 / 9) + extra_noise(wrong))
    assert row.p == pytest.approx(stats.t.sf(t, 8))
    assert row.worse
    assert row.rest.value == pytest.approx(1 - 16 / 180)


def extra_noise(wrong: list[int]) -> float:
    noise = [1 / (k + 0.5) + 1 / (20.5 - k) for k in wrong]
    return max(0.0, noise[-1] - float(np.mean(noise[:-1])))


def test_rows__too_few_other_subjects_is_no_answer() -> None:
    row = simple([1, 1, 0, 0, 0], [0, 0, 1, 1, 1], [0, 0, 0, 0, 0], ["a", "a", "b", "b", "c"])
    assert np.isnan(row.p) and np.isnan(row.p_adjusted) and not row.worse
    assert row.difference.value == -1.0


def test_rows__nothing_of_the_class_outside() -> None:
    row = simple([1, 1, 0, 0], [0, 1, 1, 1], [0, 0, 1, 1])
    assert np.isnan([row.rest.value, row.difference.value, row.p]).all()
    assert row.accuracy.value == 0.5


def test_rows__an_empty_slice_and_a_slice_of_all() -> None:
    for members in ([0, 0, 0], [1, 1, 1]):
        row = simple(members, [1, 0, 1], [0, 1, 1], ["a", "b", "c"])
        assert np.isnan(row.difference.value) and not row.worse
        assert row.cells == sum(members)


def test_rows__no_errors_at_all() -> None:
    made = world(np.random.default_rng(25))
    rows = made.rows(np.ones(len(made.labels), dtype=bool))
    assert not any(row.worse for row in rows)
    assert all(row.difference.value == pytest.approx(0) for row in rows)
    assert not any(row.difference.known for row in rows if row.unit == "subjects")


def test_rows__unequal_lengths() -> None:
    made = world(np.random.default_rng(26))
    short = made.tried[0].members[:-1]
    with pytest.raises(DataError, match="'short' is of"):
        simulated.compare_slices(
            [Slice("s", "short", "saved", short)],
            right=made.right, labels=made.labels, groups=made.groups,
        )  # fmt: skip
    with pytest.raises(DataError, match="calls for"):
        made.rows(made.right[:-1])
    with pytest.raises(DataError, match="list of subjects"):
        slices.count_slices(made.tried, labels=made.labels, groups=made.groups[:-1])


def test_rows__without_slices_or_cells() -> None:
    none = np.zeros(0, dtype=int)
    assert simulated.compare_slices([], right=none == 0, labels=none, groups=None) == ()
    assert (
        simulated.compare_slices([], right=np.ones(3, dtype=bool), labels=np.ones(3), groups=None)
        == ()
    )


def test_test__cluster_robust_error_is_that_of_the_sandwich() -> None:
    """One class, equal subjects, half of each subject's cells inside: CR2 by its definition."""
    random = np.random.default_rng(28)
    groups = np.repeat([f"S{i}" for i in range(8)], 10)
    members = np.arange(80) % 2 == 0
    bad = random.random(8).repeat(10) * members
    right = random.random(80) > bad
    plan = slice_statistics.design_slices(members[None], np.zeros(80, dtype=int), groups)
    tested = slice_statistics.test_all_slices(plan, right)
    x = np.column_stack([np.ones(80), members]).astype(float)
    bread = np.linalg.inv(x.T @ x)
    residual = ~right - x @ (bread @ x.T @ ~right)
    meat = np.zeros((2, 2))
    for name in np.unique(groups):
        own = groups == name
        left = np.eye(10) - x[own] @ bread @ x[own].T
        values, vectors = np.linalg.eigh(left)
        score = x[own].T @ (vectors / np.sqrt(values) @ vectors.T) @ residual[own]
        meat += np.outer(score, score)
    error = np.sqrt((bread @ meat @ bread)[1, 1])
    assert tested.half[0] == pytest.approx(stats.t.ppf(0.975, 7) * error)


def test_quantile_slices__fifths_of_about_equal_size() -> None:
    area = np.append(np.random.default_rng(1).permutation(1000), np.nan)
    made = slices.quantile_slices(pd.DataFrame({"area": area}))
    assert [each.members.sum() for each in made] == [200] * 5
    assert made[0].title == "Area, lowest fifth (0 to 199 px)"
    assert made[-1].key == "fact:area:4"
    assert not any(each.members[-1] for each in made)


def test_quantile_slices__yes_and_no_makes_one() -> None:
    border = np.arange(10) < 3
    facts = pd.DataFrame({"image_id": "x", "border": border, "ever": np.ones(10, dtype=bool)})
    made = slices.quantile_slices(facts)
    assert [(each.key, each.title) for each in made] == [
        ("fact:border", "Touches the picture's border")
    ]
    assert made[0].members.tolist() == border.tolist()


def test_quantile_slices__shared_values_stay_together() -> None:
    facts = pd.DataFrame({"same": np.ones(50), "two": np.repeat([1.0, 2.0], 25), "none": np.nan})
    made = slices.quantile_slices(facts)
    assert {each.key.split(":")[1] for each in made} == {"two"}
    assert [each.members.sum() for each in made] == [25, 25]


def test_subject_slices__each_cell_in_its_own() -> None:
    made = slices.subject_slices(pd.Series(["b", "a", None, "b"], index=[5, 6, 7, 8]))
    assert [(each.key, np.flatnonzero(each.members).tolist()) for each in made] == [
        ("subject:a", [1]),
        ("subject:b", [0, 3]),
    ]


def test_cluster_slices__negative_is_none() -> None:
    made = slices.cluster_slices(np.array([2, -1, 0, 2]), {0: "dark ones", 2: "Cluster 3"})
    assert [(each.key, each.title, each.members.sum()) for each in made] == [
        ("cluster:0", "dark ones", 1),
        ("cluster:2", "Cluster 3", 2),
    ]


def test_saved__holds_those_of_its_cells_that_are_here() -> None:
    made = slices.selection_slice(
        "7", "Pale ones", ["c", "a", "gone"], image_ids=np.array(["a", "b", "c"])
    )
    assert (made.key, made.kind, made.members.tolist()) == ("saved:7", "saved", [True, False, True])
