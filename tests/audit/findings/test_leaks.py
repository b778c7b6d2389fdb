"""A split looked through: what it tears apart, and how its parts differ."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from allcore.audit.findings import leaks
from allcore.audit.index import catalogue
from allcore.audit.index.catalogue import Catalogue
from allcore.audit.index.store import About
from allcore.data import manifest, splits
from allcore.data.manifest import Manifest

PARTS = {"4": "train", "2": "validation", "3": "test", "H11": "train", "H12": "validation",
         "H13": "test"}  # fmt: skip


def cells_of(subjects: list[str], *, cells: int = 4) -> Manifest:
    rows = [
        {"path": f"UID_{subject}_{number}_1_{'hem' if subject[0] == 'H' else 'all'}.bmp"}
        for subject in subjects
        for number in range(cells)
    ]
    return manifest.build(Path(), rows, name="made")


def bare(made: Manifest, home: Path) -> Catalogue:
    """The catalogue of a data set without an index."""
    return catalogue.load(home / "set", made)


def indexed(made: Manifest, home: Path) -> Catalogue:
    """The catalogue as an index would fill it in: every cell a family of its own."""
    found = bare(made, home)
    numbers = np.arange(len(made))
    table = found.table.assign(
        family=numbers,
        file_sha256=[f"{number:x}" for number in numbers],
        area=1000.0 + numbers,
        brightness=50.0,
    )
    return replace(found, table=table, about=About("", ""))


@pytest.fixture
def cells(home: Path) -> Catalogue:
    return indexed(cells_of(list(PARTS)), home)


def by_subject(cells: Catalogue) -> np.ndarray:
    return cells.table["subject"].map(PARTS).to_numpy(dtype=object)


def test_find__nothing(cells: Catalogue):
    found = leaks.find_split_leaks(cells, by_subject(cells))
    assert found.none_found and found.searched_near
    assert (found.subjects, found.groups, found.unknown) == ((), 6, 0)
    assert (found.cells, found.exact, found.tested, len(found.pairs)) == (0, 0, 0, 0)


def test_find__counts_and_shares(cells: Catalogue):
    parts = by_subject(cells)
    parts[0] = splits.EXCLUDED
    parts[1] = None
    found = leaks.find_split_leaks(cells, parts)
    counts = found.counts.set_index(["part", "label"])
    assert counts.loc[("train", "all"), "images"] == 2
    assert counts.loc[("train", "all"), "share"] == pytest.approx(2 / 6)
    assert counts.loc[("test", "hem"), "subjects"] == 1
    assert (found.images("train"), found.images("test")) == (6, 8)
    assert tuple(found.smallest[["part", "label", "images"]]) == ("train", "all", 2)


def test_find__names_groups_in_two_parts_largest_first(home: Path):
    # 16 and 20 are one group of C-NMC 2019.
    cells = indexed(cells_of(["4", "16", "20", "H11", "H12"]), home)
    part_of = {"4": "train", "16": "train", "20": "test", "H11": "test", "H12": "train"}
    parts = cells.table["subject"].map(part_of).to_numpy(dtype=object)
    parts[0] = "validation"
    found = leaks.find_split_leaks(cells, parts)
    assert found.subjects == ("16+20+21", "4")
    assert found.groups == 4
    assert not found.none_found


def test_find__what_is_left_out_is_in_no_part(cells: Catalogue):
    parts = by_subject(cells)
    parts[0] = "test"
    assert leaks.find_split_leaks(cells, parts).subjects == ("4",)
    parts[1:4] = splits.EXCLUDED
    assert leaks.find_split_leaks(cells, parts).subjects == ()


def test_find__twins_across_parts_test_first(cells: Catalogue):
    table = cells.table.copy()
    # Rows by subject, four each: 0 train, 4 validation, 8 test, 12 train, 16 validation, 20 test.
    table.loc[[1, 5], "family"] = 100  # train and validation
    table.loc[[0, 8, 9], "family"] = 200  # train and two of test
    table.loc[[12, 13], "family"] = 300  # train alone: no leak
    table.loc[[16, 20], ["family", "file_sha256"]] = [400, "same"]  # validation and test, one file
    found = leaks.find_split_leaks(replace(cells, table=table), by_subject(cells))
    assert (found.cells, found.exact, found.tested) == (3, 1, 3)
    assert found.pairs.tolist() == [[16, 20], [0, 8], [0, 9], [1, 5]]


def test_find__equal_files_beyond_the_first_picture(cells: Catalogue):
    table = cells.table.copy()
    table.loc[[0, 1, 8], "family"] = 100
    table.loc[[1, 8], "file_sha256"] = "same"
    found = leaks.find_split_leaks(replace(cells, table=table), by_subject(cells))
    assert (found.cells, found.exact) == (1, 1)


def test_find__without_an_index_the_digests_of_the_table(home: Path):
    made = cells_of(list(PARTS))
    table = made.table.copy()
    table.loc[[3, 11], "sha256"] = "same"
    cells = bare(Manifest(made.root, table, made.name), home)
    found = leaks.find_split_leaks(cells, by_subject(cells))
    assert not found.searched_near
    assert (found.cells, found.exact, found.pairs.tolist()) == (1, 1, [[3, 11]])
    assert found.measures.empty


def test_find__unknown_subjects(home: Path):
    made = cells_of(list(PARTS))
    table = made.table.copy()
    table.loc[[0, 1], "subject"] = None
    cells = bare(Manifest(made.root, table, made.name), home)
    found = leaks.find_split_leaks(cells, made.table["subject"].map(PARTS).to_numpy(dtype=object))
    assert (found.unknown, found.groups) == (2, 6)
    counts = found.counts.set_index(["part", "label"])["subjects"]
    assert pd.isna(counts[("train", "all")])
    assert counts[("test", "all")] == 1


def test_find__no_part_at_all(cells: Catalogue):
    found = leaks.find_split_leaks(cells, np.full(len(cells), None, dtype=object))
    assert (found.groups, found.unknown, found.cells) == (0, 0, 0)
    assert found.counts["images"].sum() == 0
    assert found.measures.empty


def test_find__how_parts_differ(cells: Catalogue):
    measures = leaks.find_split_leaks(cells, by_subject(cells)).measures.set_index(
        ["measure", "part"]
    )
    train = np.r_[1000:1004, 1012:1016]
    test = np.r_[1008:1012, 1020:1024]
    spread = np.arange(1000, 1024).std()
    row = measures.loc[("area", "test")]
    assert row["mean"] == test.mean()
    assert row["median"] == np.median(test)
    assert row["shift"] == pytest.approx((test.mean() - train.mean()) / spread)
    assert measures.loc[("area", "train"), "shift"] == 0
    assert np.isnan(measures.loc[("brightness", "test"), "shift"])  # all cells alike
