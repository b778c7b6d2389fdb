import os
from pathlib import Path

import pytest

from allcore.data import saved_splits, split_files, splits
from allcore.errors import DataError
from tests.data.test_split_files import SMALL

KEY = "set-1"


@pytest.fixture
def split() -> splits.Split:
    return splits.subject_split(SMALL, seed=0, folds=3)


def test_save__lists_and_deletes(split: splits.Split, home: Path):
    kept = saved_splits.save(split, SMALL, key=KEY, name=" First try ", by="ada")
    assert kept.path == home / "splits" / KEY / "First try.csv"
    assert split_files.read_split(kept.path).parts.equals(split.parts)
    assert saved_splits.list_splits(KEY) == [kept]
    assert kept.by == "ada"
    assert saved_splits.list_splits("another") == []
    saved_splits.delete(KEY, "First try")
    assert saved_splits.list_splits(KEY) == []
    assert not list(kept.path.parent.iterdir())


def test_save__never_writes_over(split: splits.Split, home: Path):
    kept = saved_splits.save(split, SMALL, key=KEY, name="a", by="ada")
    before = kept.path.read_bytes()
    other = splits.subject_split(SMALL, seed=1, folds=3)
    with pytest.raises(DataError, match="There is a split 'a' already"):
        saved_splits.save(other, SMALL, key=KEY, name="a", by="bob")
    assert kept.path.read_bytes() == before
    assert saved_splits.list_splits(KEY)[0].by == "ada"
    assert sorted(path.name for path in kept.path.parent.iterdir()) == ["a.csv", "a.json"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "../x",
        "a/b",
        "a\\b",
        ".hidden",
        "/etc/passwd",
        "a\0b",
        "a\nb",
        "x" * 61,
        "a.",
        "_a",
    ],
)
def test_save__names_stay_in_the_folder(split: splits.Split, home: Path, name: str):
    with pytest.raises(DataError, match="can't be a split's name"):
        saved_splits.save(split, SMALL, key=KEY, name=name)
    with pytest.raises(DataError, match="can't be a split's name"):
        saved_splits.delete(KEY, name)
    assert not (home / "splits").exists()


def test_list_of__a_file_of_unknown_origin(home: Path):
    folder = saved_splits.folder(KEY)
    folder.mkdir(parents=True)
    (folder / "bare.csv").write_text("image_id,split\n")
    (folder / "odd.csv").write_text("image_id,split\n")
    (folder / "odd.json").write_text("[1]")
    assert [(each.name, each.by) for each in saved_splits.list_splits(KEY)] == [
        ("bare", ""), ("odd", ""),
    ]  # fmt: skip


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_save__folder_that_is_read_only(split: splits.Split, home: Path):
    home.mkdir()
    home.chmod(0o500)
    with pytest.raises(DataError, match="set ALLSCOPE_HOME"):
        saved_splits.save(split, SMALL, key=KEY, name="a")


def test_save__folder_that_is_a_file(split: splits.Split, home: Path):
    home.mkdir()
    (home / "splits").write_text("")
    with pytest.raises(DataError, match="set ALLSCOPE_HOME"):
        saved_splits.save(split, SMALL, key=KEY, name="a")
