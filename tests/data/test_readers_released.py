"""The published C-NMC 2019: every part alone, and all of them in one folder."""

from pathlib import Path

import pandas as pd
import pytest

from allcore.data import readers
from allcore.data.layouts import cnmc_release
from allcore.errors import DataError
from tests import released

TABLE = (
    "Patient_ID,new_names,labels\n"
    "UID_57_29_1_all.bmp,1.bmp,1\nUID_H30_6_2_hem.bmp,2.bmp,0\nUID_57_1_1_all.bmp,3.bmp,1\n"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (released.lay(tmp_path) / "validation_data" / cnmc_release.LABELS_TABLE).write_text(TABLE)
    return tmp_path


def by_path(root: Path) -> pd.DataFrame:
    return readers.read(root).table.set_index("path")


def test_read__whole_release_in_one_folder(root: Path) -> None:
    table = by_path(root)
    assert sorted(table.index) == sorted(released.PATHS)
    assert table["fold"].value_counts().to_dict() == {
        "fold_0": 3, "fold_1": 2, "fold_2": 1, "preliminary": 2, "final": 2,
    }  # fmt: skip
    first, second = (table.loc[f"{released.PRELIMINARY}/{name}.bmp"] for name in "12")
    assert (first["label"], first["subject"]) == ("all", "57")
    assert (second["label"], second["subject"]) == ("hem", "H30")
    final = table[table["fold"] == "final"]
    assert final[["label", "subject", "split"]].isna().all(axis=None)
    assert final["image_id"].tolist() == final.index.tolist()
    facts = released.facts().set_index("path")
    train = facts[facts["split"] == "train"]
    assert table.loc[train.index, "subject"].tolist() == train["subject"].tolist()
    assert readers.read(root).name == "C-NMC 2019"
    assert readers.read(root).notes == ()


def test_read__release_without_its_table_of_labels(root: Path) -> None:
    (root / "validation_data" / cnmc_release.LABELS_TABLE).unlink()
    table = by_path(root)
    assert len(table) == 10
    assert table.loc[table["fold"] == "preliminary", "label"].isna().all()


def test_read__preliminary_picture_that_the_table_does_not_name(root: Path) -> None:
    released.put(root / released.PRELIMINARY / "9.bmp", b"1")
    found = by_path(root).loc[f"{released.PRELIMINARY}/9.bmp"]
    assert (found["label"], found["fold"]) == (None, "preliminary")


def test_read__table_of_labels_of_another_kind(root: Path) -> None:
    (root / "validation_data" / cnmc_release.LABELS_TABLE).write_text("name,label\n1.bmp,1\n")
    with pytest.raises(DataError, match=r"lacks a column of original names \(Patient_ID\)"):
        readers.read(root)


def test_read__says_what_lies_beside_the_release(root: Path) -> None:
    released.put(root / "figures" / "a.png", b"1")
    found = readers.read(root)
    assert len(found) == 10
    assert len(found.notes) == 1 and "figures/a.png" in found.notes[0]
