from pathlib import Path

import pandas as pd
import pytest

from allcore.data import manifest, split_files, splits
from allcore.data.manifest import Manifest
from allcore.data.subject_separation import SubjectSeparation
from allcore.errors import DataError


def cells_of(sizes: dict[str, int]) -> Manifest:
    """Subjects with so many cells each; normal ones start with H."""
    rows = [
        {"path": f"UID_{subject}_{number}_1_{'hem' if subject[0] == 'H' else 'all'}.bmp"}
        for subject, size in sizes.items()
        for number in range(size)
    ]
    return manifest.build(Path(), rows, name="made")


# Subjects 16 and 20 are one group of C-NMC 2019.
SMALL = cells_of({"1": 2, "16": 2, "20": 2, "30": 2, "H11": 2, "H12": 2, "H13": 2})
APART = {
    "1": "train", "16": "validation", "20": "validation", "30": "test",
    "H11": "train", "H12": "validation", "H13": "test",
}  # fmt: skip


def rows_of(part_of: dict[str, str]) -> pd.DataFrame:
    table = SMALL.table
    return table[["image_id"]].assign(split=table["subject"].map(part_of))


def parsed(table: pd.DataFrame | str) -> split_files.SplitFile:
    text = table if isinstance(table, str) else table.to_csv(index=False)
    return split_files.parse_split(text.encode(), name="mine.csv")


def said(table: pd.DataFrame | str) -> str:
    with pytest.raises(DataError) as error:
        split_files.fit_to_manifest(parsed(table), SMALL)
    return str(error.value)


def test_content_of__comes_back_as_it_was():
    drawn = splits.subject_split(SMALL, seed=4, folds=3, fold=1)
    parts = drawn.parts.copy()
    parts.iloc[0] = splits.EXCLUDED
    content = split_files.split_bytes(splits.replace(drawn, parts=parts), SMALL)
    again = split_files.fit_to_manifest(split_files.parse_split(content, name="a.csv"), SMALL)
    assert again.parts.equals(parts)
    assert (again.kind, again.seed, again.fold, again.folds) == ("file", 4, 1, 3)
    assert again.facts["kind"] == "subject"
    assert SMALL.digest().startswith(again.facts["data"])
    # A split that came from a file is written with what that file said.
    assert split_files.split_bytes(again, SMALL) == content


def test_fitted__subjects_apart():
    split = split_files.fit_to_manifest(parsed(rows_of(APART)), SMALL)
    assert split.keeps_subjects_apart
    assert split.separation == SubjectSeparation((), 6, 0)
    leaks = {"subjects": [], "of": 6, "unknown_subjects": 0, "twins_of_test_cells": None}
    assert split.record()["leaks"] == leaks


def test_fitted__names_the_subjects_in_two_parts():
    split = split_files.fit_to_manifest(parsed(rows_of(APART | {"20": "train"})), SMALL)
    assert not split.keeps_subjects_apart
    assert split.separation.shared == ("16+20+21",)
    # An image that is left out is in no part.
    assert split_files.fit_to_manifest(
        parsed(rows_of(APART | {"20": "excluded"})), SMALL
    ).keeps_subjects_apart


def test_fitted__unknown_subjects_are_never_called_apart():
    table = SMALL.table.copy()
    table.loc[0, "subject"] = None
    without = Manifest(SMALL.root, table, SMALL.name)
    split = split_files.fit_to_manifest(parsed(rows_of(APART)), without)
    assert (split.separation.unknown, split.keeps_subjects_apart) == (1, False)


def test_parsed__other_words_for_parts():
    words = {"train": " Training", "validation": "dev", "test": "TEST"}
    table = rows_of(APART)
    plain = parsed(table).parts
    for word in ("val", "Valid", "dev"):
        table["split"] = plain.map(words | {"validation": word}).to_numpy()
        assert parsed(table).parts.equals(plain)


def test_parsed__as_spreadsheets_write_it():
    table = rows_of(APART)
    text = "\ufeff" + table.to_csv(index=False, sep=";", lineterminator="\r\n")
    assert parsed(text).parts.equals(parsed(table).parts)


def test_fitted__c_nmc_names_with_folder_and_suffix():
    table = rows_of(APART)
    plain = split_files.fit_to_manifest(parsed(table), SMALL)
    table["image_id"] = "fold_0/all/" + table["image_id"] + ".bmp"
    assert split_files.fit_to_manifest(parsed(table), SMALL).parts.equals(plain.parts)


def test_fitted__images_without_a_label_need_no_part():
    table = SMALL.table.copy()
    table.loc[0, "label"] = None
    part = Manifest(SMALL.root, table, SMALL.name)
    split = split_files.fit_to_manifest(parsed(rows_of(APART).iloc[1:]), part)
    assert len(split.parts) == len(SMALL) - 1


def test_fitted__says_what_is_wrong():
    rows = rows_of(APART)
    strange = pd.concat([rows, pd.DataFrame({"image_id": ["new"], "split": ["test"]})])
    for table, sentence in (
        (strange, "names 1 image that the data set does not have, such as 'new'"),
        (rows.iloc[2:], "says nothing of 2 images of the data set, such as 'UID_1_0_1_all'"),
        (pd.concat([rows, rows.iloc[:1]]), "'UID_1_0_1_all' more than once"),
        (rows.assign(split="train"), "no image in the part 'validation'"),
        (rows_of(APART | {"H13": "train"}), "no normal cell in the part 'test'"),
        (rows_of(APART | {"1": "test"}), "no ALL blast in the part 'train'"),
        (rows.replace("test", "reserve"), "in the part 'reserve', which is not known"),
        (rows.replace("test", ""), "in the part '', which is not known"),
        (rows.rename(columns={"split": "share"}), "lacks a column of parts (split, set"),
        (rows.iloc[:0], "has no rows"),
    ):
        assert sentence in said(table)


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n\x1a\n\x00\x01\xff\xfe" * 1000, b'image_id,split\n"a,train\nb']
)
def test_parsed__rubbish(content: bytes):
    with pytest.raises(DataError, match="a split is a CSV with the columns image_id and split"):
        split_files.parse_split(content, name="rubbish.csv")


def test_parsed__too_large():
    with pytest.raises(DataError, match="has 50 MB"):
        split_files.parse_split(bytes(50 * 2**20), name="large.csv")


def test_read__not_there(tmp_path: Path):
    with pytest.raises(DataError, match="can't be read"):
        split_files.read_split(tmp_path / "gone.csv")
    with pytest.raises(DataError, match="can't be read"):
        split_files.read_split(tmp_path)


def test_read__large_file_is_not_read(tmp_path: Path):
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(10 * 2**30)
    with pytest.raises(DataError, match="10240 MB"):
        split_files.read_split(tmp_path / "large.csv")
