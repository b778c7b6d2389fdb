import numpy as np
import pandas as pd
import pytest

from allcore.evaluation import slice_search
from tests import simulated


def blobs(random: np.random.Generator, *, wide: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Three groups of cells that lie well apart, of 300, 200 and 100."""
    truth = np.repeat([0, 1, 2], [300, 200, 100])
    centres = 20 * np.eye(3, wide) + np.arange(3)[:, None]
    return centres[truth] + random.normal(size=(600, wide)), truth


@pytest.mark.parametrize("wide", [2, 64])
def test_clusters__finds_what_lies_apart_largest_first(wide: int) -> None:
    points, truth = blobs(np.random.default_rng(0), wide=wide)
    found = slice_search.find_clusters(points.astype(np.float16), 3)
    assert found.tolist() == truth.tolist()


def test_clusters__are_the_same_in_every_run() -> None:
    points = np.random.default_rng(1).normal(size=(2000, 2))
    first, second = (slice_search.find_clusters(points) for _ in range(2))
    assert first.tolist() == second.tolist()
    assert set(first) == set(range(slice_search.CLUSTERS))


def test_clusters__a_cell_without_a_point_is_in_none() -> None:
    points, _ = blobs(np.random.default_rng(2))
    points[5] = np.nan
    found = slice_search.find_clusters(points, 3)
    assert found[5] == -1
    assert set(np.delete(found, 5)) == {0, 1, 2}


def test_clusters__of_fewer_points_than_clusters() -> None:
    assert slice_search.find_clusters(np.ones((30, 2))).tolist() == [0] * 30
    assert slice_search.find_clusters(np.full((4, 2), np.nan)).tolist() == [-1] * 4
    assert slice_search.find_clusters(np.zeros((0, 2))).shape == (0,)


def test_names__say_what_stands_out() -> None:
    random = np.random.default_rng(3)
    _, truth = blobs(random)
    facts = pd.DataFrame(
        {
            "image_id": "x",
            "area": random.normal(size=600) - 2 * (truth == 2),
            "brightness": random.normal(size=600) - 4 * (truth == 2),
            "roughness": random.normal(size=600) + 3 * (truth == 1),
            "focus": np.nan,
        }
    )
    assert slice_search.cluster_names(truth, facts) == {
        0: "Cluster 1: lower in roughness than most",
        1: "Cluster 2: higher in roughness than most",
        2: "Cluster 3: darker and smaller than most",
    }
    assert slice_search.cluster_names(truth, facts[["image_id"]])[0] == "Cluster 1"


def looks(random: np.random.Generator, cells: int) -> pd.DataFrame:
    table = pd.DataFrame(random.normal(size=(cells, 3)), columns=["area", "brightness", "focus"])
    return table.assign(area_again=2 * table["area"])


def test_pairs__both_extremes_at_once() -> None:
    facts = looks(np.random.default_rng(4), 2000)
    made = {each.key: each for each in slice_search.pair_slices(facts[["area", "brightness"]])}
    dark = facts["brightness"] <= facts["brightness"].quantile(0.2)
    large = facts["area"] > facts["area"].quantile(0.8)
    found = made["pair:area.high:brightness.low"]
    assert found.title == "Larger and darker than most"
    assert found.members.tolist() == (dark & large).tolist()
    assert len(made) == 4


def test_pairs__none_of_two_facts_that_say_the_same() -> None:
    made = slice_search.pair_slices(looks(np.random.default_rng(5), 2000)[["area", "area_again"]])
    assert made == ()


def test_candidates__all_kinds_of_at_least_twenty_cells() -> None:
    random = np.random.default_rng(6)
    facts = looks(random, 600)
    table = pd.DataFrame({"subject": np.repeat(["big", "small", None], [500, 19, 81])})
    ids = np.repeat([0, 1, -1], [550, 19, 31])
    made = slice_search.candidate_slices(table, facts, ids)
    assert {each.kind for each in made} == {"subject", "fact", "pair", "cluster"}
    assert min(each.members.sum() for each in made) >= slice_search.LEAST
    assert [each.title for each in made if each.kind == "subject"] == ["Subject big"]
    assert [each.key for each in made if each.kind == "cluster"] == ["cluster:0"]
    assert len({each.key for each in made}) == len(made)
    assert all(each.members.shape == (600,) for each in made)


def test_candidates__a_planted_corner_is_found_among_them() -> None:
    random = np.random.default_rng(7)
    facts = looks(random, 6000).drop(columns="area_again")
    subject = np.char.add("S", random.integers(0, 30, 6000).astype(str))
    labels = (np.char.str_len(subject) == 2).astype(int)
    corner = slice_search.pair_slices(facts)[0]
    right = random.random(6000) < np.where(corner.members, 0.6, 0.92)
    made = slice_search.candidate_slices(pd.DataFrame({"subject": subject}), facts)
    first = simulated.compare_slices(made, right=right, labels=labels, groups=subject)[0]
    assert first.worse and first.slice.key == corner.key
