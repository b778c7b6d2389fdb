import math

import numpy as np
import pandas as pd
import pytest

from allcore.audit.index import queries, subject_profile
from allcore.audit.index.queries import CatalogueQuery, QueryTable


@pytest.fixture
def shelf() -> QueryTable:
    """Six images: two subjects share a cell, one picture can't be used, one is not indexed."""
    table = pd.DataFrame(
        {
            "image_id": ["a1", "B2", "c3", "d4", "e5", "f6"],
            "path": ["x/a1.png", "x/B2.png", "y/c3.png", "y/d4.png", "y/e5.png", "y/f6.png"],
            "label": ["all", "all", "hem", "hem", "hem", "no label"],
            "subject": ["1", "1", "H2", "H2", "H10", "unknown"],
            "split": ["train", "train", "test", "test", "train", "not in a split"],
            "error": ["", "", "", "", "It is dark.", ""],
            "indexed": [True] * 5 + [False],
            "copies": [2, 1, 2, 1, 1, 1],
            "family": [0.0, 1.0, 0.0, 2.0, 3.0, math.nan],
            "area": [30.0, 10.0, 20.0, 20.0, math.nan, math.nan],
        }
    )
    return QueryTable(table)


def ids(shelf: QueryTable, query: CatalogueQuery) -> list[str]:
    return shelf.table["image_id"].iloc[shelf.find(query)].tolist()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (CatalogueQuery(), "a1 B2 c3 d4 e5 f6"),
        (CatalogueQuery(labels=("hem",)), "c3 d4 e5"),
        (CatalogueQuery(subjects=("1", "H10")), "a1 B2 e5"),
        (CatalogueQuery(splits=("test",), labels=("all",)), ""),
        (CatalogueQuery(text=" b2 "), "B2"),
        (CatalogueQuery(text="Y/"), "c3 d4 e5 f6"),
        (CatalogueQuery(text=".*"), ""),
        (CatalogueQuery(measure="area", low=10, high=20), "B2 c3 d4"),
        (CatalogueQuery(measure="area"), "a1 B2 c3 d4 e5 f6"),
        (CatalogueQuery(measure="no such", low=0, high=1), "a1 B2 c3 d4 e5 f6"),
        (CatalogueQuery(copies="copied"), "a1 c3"),
        (CatalogueQuery(copies="across"), "a1 c3"),
        (CatalogueQuery(same_as="c3"), "a1 c3"),
        (CatalogueQuery(same_as="B2"), "B2"),
        (CatalogueQuery(same_as="f6"), "f6"),
        (CatalogueQuery(same_as="gone"), ""),
        (CatalogueQuery(readable="no"), "e5"),
        (CatalogueQuery(readable="yes", labels=("hem",)), "c3 d4"),
        (CatalogueQuery(only=frozenset({"f6", "a1", "gone"})), "a1 f6"),
        (CatalogueQuery(only=frozenset()), ""),
    ],
)
def test_find__keeps_what_meets_every_filter(
    shelf: QueryTable, query: CatalogueQuery, expected: str
) -> None:
    assert ids(shelf, query) == expected.split()


@pytest.mark.parametrize(
    ("column", "descending", "expected"),
    [
        ("area", False, "B2 c3 d4 a1 e5 f6"),
        ("area", True, "a1 c3 d4 B2 e5 f6"),
        ("subject", False, "a1 B2 e5 c3 d4 f6"),
        ("subject", True, "f6 c3 d4 e5 a1 B2"),
        ("no such", False, "a1 B2 c3 d4 e5 f6"),
    ],
)
def test_find__sorts_both_ways_with_missing_values_last(
    shelf: QueryTable, column: str, descending: bool, expected: str
) -> None:
    assert ids(shelf, CatalogueQuery(sort=column, descending=descending)) == expected.split()


def test_find__without_an_index() -> None:
    rows = {"image_id": ["a", "b"], "path": ["a", "b"], "label": "all", "subject": "1"}
    shelf = QueryTable(pd.DataFrame(rows).assign(split="train", indexed=False, error="", copies=1))
    assert (
        ids(shelf, CatalogueQuery(copies="across"))
        == ids(shelf, CatalogueQuery(copies="copied"))
        == []
    )
    assert ids(shelf, CatalogueQuery(same_as="a")) == ["a"]
    assert shelf.measures == {}


def test_page__is_the_nearest_that_there_is(shelf: QueryTable) -> None:
    found = shelf.find(CatalogueQuery())
    second = shelf.page(found, 2, size=4)
    assert second.rows["image_id"].tolist() == ["e5", "f6"]
    assert (second.number, second.pages, second.first, second.last, second.total) == (2, 2, 5, 6, 6)
    assert shelf.page(found, 9, size=4).number == 2
    assert shelf.page(found, 0, size=4).number == 1
    empty = shelf.page(found[:0], 3)
    assert (empty.number, empty.pages, empty.first, empty.last, empty.total) == (1, 1, 0, 0, 0)


def test_places__in_the_order_asked_for(shelf: QueryTable) -> None:
    assert shelf.places(["d4", "gone", "a1"]).tolist() == [3, 0]
    assert shelf.places([]).tolist() == []


def test_measures__those_with_a_value(shelf: QueryTable) -> None:
    assert list(shelf.measures) == ["area"]


@pytest.mark.parametrize("values", [[3, 7, 1021], [0.1234, 0.1299], [-5.5, 1e6], [math.nan, 4.0]])
def test_ends__hold_every_value_in_at_least_a_few_steps(values: list[float]) -> None:
    found = queries.value_range(pd.Series(values))
    known = [value for value in values if not math.isnan(value)]
    assert found.low <= min(known) and max(known) <= found.high
    assert (found.high - found.low) / found.step >= 1
    assert found.high - found.low < (max(known) - min(known)) + 2 * max(found.step, 1)


def test_find__many_rows_agree_with_pandas() -> None:
    random = np.random.default_rng(0)
    count = 3000
    table = pd.DataFrame(
        {
            "image_id": [f"cell {number}" for number in range(count)],
            "path": [f"folder/{number}.png" for number in range(count)],
            "label": random.choice(["all", "hem"], count),
            "subject": random.choice([f"s{number}" for number in range(40)], count),
            "split": "train",
            "error": "",
            "copies": 1,
            "area": random.normal(size=count),
        }
    )
    query = CatalogueQuery(
        labels=("hem",), subjects=("s3", "s5"), text="7", measure="area", low=-1, high=1,
        sort="area", descending=True,
    )  # fmt: skip
    kept = table["label"].eq("hem") & table["subject"].isin(["s3", "s5"])
    kept &= table["area"].between(-1, 1) & table["image_id"].str.contains("7")
    expected = table[kept].sort_values("area", ascending=False)["image_id"].tolist()
    assert ids(QueryTable(table), query) == expected != []


def test_subject__counts_and_lies_beside_others(shelf: QueryTable) -> None:
    found = subject_profile.profile_subject(shelf, "1")
    assert (found.cells, found.labels, found.splits) == (2, {"all": 2}, {"train": 2})
    assert (found.copied, found.unusable) == (1, 0)
    assert found.shared == {"H2": ("a1",)}
    [area] = found.measures
    assert (area.median, area.cells, area.below, area.compared) == (20, 2, 0, 1)
    assert subject_profile.measure_sentence(area) == (
        "Area: median 20 px, half of 2 cells from 15 to 25; 0 of 1 other subjects have a lower "
        "median."
    )


def test_subject__of_whom_nothing_is_measured(shelf: QueryTable) -> None:
    found = subject_profile.profile_subject(shelf, "H10")
    assert (found.cells, found.unusable, found.measures, found.shared) == (1, 1, (), {})


def test_with_copies__shows_both_sides(shelf: QueryTable) -> None:
    assert subject_profile.with_copies(shelf, ["a1", "c3"]) == ["a1", "c3"]
    assert subject_profile.with_copies(shelf, ["c3", "B2"]) == ["a1", "c3", "B2"]


def test_linked__the_subject_with_most_shared_cells_first(shelf: QueryTable) -> None:
    found = subject_profile.profile_subject(shelf, "H2")
    assert subject_profile.linked_subjects(found) == ["1"]
