"""Data sets listed by a table, in the forms that people write it."""

import re
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from allcore.data import label_choice, readers
from allcore.errors import DataError
from tests.released import put

FILES = [f"img/{letter}{number}.png" for letter in "ah" for number in range(4)]
LABELS = ["all"] * 4 + ["hem"] * 4
PLAIN = "path,label,subject\n" + "".join(
    f"{path},{label.upper()},{label[0].upper()}{i // 2}\n"
    for i, (path, label) in enumerate(zip(FILES, LABELS, strict=True))
)
GOOD = "path,label\nimg/a0.png,all\n"


def lay(root: Path, text: str, *, encoding: str = "utf-8", file: str = "manifest.csv") -> Path:
    for path in FILES:
        put(root / path, b"1")
    (root / file).write_bytes(text.encode(encoding))
    return root


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: text + ",,\n,,\n",
        lambda text: text.replace(",", ";"),
        lambda text: text.replace(",", "\t"),
        lambda text: text.replace("path,label,subject", "Path,Label,patient_id"),
        lambda text: text.replace("path,", "filename,"),
        lambda text: text.replace("path,", "image_id,"),
        lambda text: text.replace("img/", "img\\"),
        lambda text: text.replace("img/", "./img/"),
        lambda text: text.replace("img/", ""),
        lambda text: text.replace("img/", "C:\\Users\\me\\set\\img\\"),
        lambda text: text.replace("img/", "/content/drive/set/img/"),
        lambda text: text.replace(".png", ""),
        lambda text: text.replace(".png", ".PNG").replace("img", "IMG"),
        lambda text: text.replace(",ALL,", ", 1.0 ,").replace(",HEM,", ", 0.0 ,"),
        lambda text: text.replace(",ALL,", ",Leukemia,").replace(",HEM,", ",healthy ,"),
        lambda text: text.replace(",ALL,", ",True,").replace(",HEM,", ",False,"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace(",", " "),
        lambda text: text.replace(",", "   "),
        lambda text: "# written by R\n# a, b\n\n" + text,
        lambda text: "Cells of 2019;;\n;;\n" + text.replace(",", ";"),
        lambda text: "picture,,person\n" + text,
        lambda text: re.sub(r"(?m)^(?=img)", lambda _, n=count(1): f"{next(n)},", text),
        lambda text: text.replace("path,label", "Image File Name,Cell Type"),
        lambda text: text.replace(",ALL,", ",positive,").replace(",HEM,", ",non-ALL,"),
        lambda text: text.replace(",HEM,", ",\u200bHEM\u00a0,"),
        lambda text: text.replace(",ALL,", ",ALL (1),").replace(",HEM,", ",Normal cell (0),"),
        lambda text: text.replace("label", "is_blast").replace("ALL", "yes").replace("HEM", "No"),
        lambda text: text.replace("path", "uri").replace("img/", "s3://bucket/set/img/"),
        lambda text: text.replace("path,label,subject", "new_names,labels,Patient_ID"),
    ],
)
def test_read__forms_of_a_table(tmp_path: Path, change: Callable[[str], str]) -> None:
    """The folder and its table alone are read alike."""
    root = lay(tmp_path, change(PLAIN))
    for found in (readers.read(root), readers.read(root / "manifest.csv")):
        assert found.table["path"].tolist() == FILES
        assert found.table["label"].tolist() == LABELS
        assert found.table["subject"].nunique() == 4


def test_read__a_table_in_utf_16(tmp_path: Path) -> None:
    found = readers.read(lay(tmp_path, PLAIN, encoding="utf-16"))
    assert found.table["label"].tolist() == LABELS


def test_read__absolute_paths_into_the_folder(tmp_path: Path) -> None:
    found = readers.read(lay(tmp_path, PLAIN.replace("img/", f"{tmp_path}/img/")))
    assert found.table["path"].tolist() == FILES


def test_read__words_for_splits(tmp_path: Path) -> None:
    words = ["Train", "TRAIN", "val", "Valid", "Validation", "TEST", "testing", "test_set"]
    head, *lines = PLAIN.splitlines()
    rows = "\n".join(f"{line},{word}" for line, word in zip(lines, words, strict=True))
    parts = readers.read(lay(tmp_path, f"{head},Set\n{rows}")).table["split"].tolist()
    assert parts == ["train"] * 2 + ["validation"] * 3 + ["test"] * 3


@pytest.mark.parametrize("word", ["NaN", "n/a", "", "None", "-"])
def test_read__words_for_no_subject(tmp_path: Path, word: str) -> None:
    table = readers.read(lay(tmp_path, PLAIN.replace(",A0", f",{word}"))).table
    assert table["subject"].isna().tolist() == [True] * 2 + [False] * 6
    assert table["group"].nunique() == 5


def test_read__names_of_several_files_match_none(tmp_path: Path) -> None:
    root = lay(tmp_path, "path,label\na0.png,all\nother/h0.png,hem\n")
    put(root / "copies" / "a0.png", b"1")
    assert readers.read(root).table["path"].tolist() == ["a0.png", "img/h0.png"]


def test_read__two_names_for_one_file_match_none(tmp_path: Path) -> None:
    text = "image_id,path,label\n1,x/a0.png,all\n2,y/a0.png,hem\n"
    assert readers.read(lay(tmp_path, text)).table["path"].tolist() == ["x/a0.png", "y/a0.png"]


def test_read__files_outside_of_the_folder_are_not_looked_for(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside" / "s.png", b"1")
    root = lay(tmp_path / "set", f"path,label\n{outside},all\n../outside/s.png,hem\n")
    assert readers.read(root).table["path"].tolist() == [str(outside), "../outside/s.png"]


@pytest.mark.parametrize(
    ("refused", "words", "as_told"),
    [
        ("label,subject\nall,1\n", "lacks a column of the images' files", GOOD),
        ("path,label\nimg/a0.png,dog\n", "use 'all' for ALL blasts", GOOD),
        ("path,label\n,all\nimg/a0.png,all\n", "1 row without a file", GOOD),
        (
            "image_id,path,label\n1,x/1.png,all\n1,y/1.png,hem\n",
            "an id of its own in a column image_id",
            "image_id,path,label\n1,x/1.png,all\n2,y/1.png,hem\n",
        ),
        (
            "path,label\nimg/a0.png,all\nimg/a0.png,hem\n",
            "leave one row for each picture",
            "path,label\nimg/a0.png,all\n",
        ),
    ],
)  # fmt: skip
def test_read__the_advice_of_each_error_works(
    tmp_path: Path, refused: str, words: str, as_told: str
) -> None:
    with pytest.raises(DataError, match=words):
        readers.read(lay(tmp_path, refused, file="t.csv") / "t.csv")
    assert set(readers.read(lay(tmp_path, as_told, file="t.csv") / "t.csv").table["label"])


def test_read__what_the_error_of_an_empty_folder_asks_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"manifest\.csv of the columns path and label"):
        readers.read(tmp_path)
    found = readers.read(lay(tmp_path, PLAIN.replace(",subject", ",other")))
    assert found.table["label"].tolist() == LABELS


@pytest.mark.parametrize("heading", ["class_name", "diagnosis", "Category", "target", "Cell type"])
def test_read__columns_of_labels_that_contradict_each_other(tmp_path: Path, heading: str) -> None:
    rows = (f"{path},{label == 'hem':d},{label}" for path, label in zip(FILES, LABELS, strict=True))
    root = lay(tmp_path, "\n".join([f"path,label,{heading}", *rows]))
    found = readers.read(root)
    assert found.conflict is not None and "8 of 8 entries of" in found.conflict.reason
    assert found.table["label"].isna().all()
    exchange, keep = (label_choice.parse(value) for value, _ in found.conflict.choices)
    assert readers.read(root, choice=exchange).table["label"].tolist() == LABELS
    assert readers.read(root, choice=keep).table["label"].tolist() == ["hem"] * 4 + ["all"] * 4


def test_read__names_that_stand_in_several_folders_are_told_apart_by_path(tmp_path: Path) -> None:
    paths = ["train/1.png", "test/1.png"]
    for path in paths:
        put(tmp_path / path, b"1")
    (tmp_path / "manifest.csv").write_text("path,label\ntrain/1.png,all\ntest/1.png,hem\n")
    assert readers.read(tmp_path).table["image_id"].tolist() == paths


def test_read__an_unknown_label_is_decided_as_told(tmp_path: Path) -> None:
    root = lay(tmp_path, "path,label\nimg/a0.png,ja\nimg/h0.png,nein\n")
    with pytest.raises(DataError, match="--labels ja=all,nein=all"):
        readers.read(root)
    found = readers.read(root, choice=label_choice.parse("nein=hem,ja=all"))
    assert found.table["label"].tolist() == ["all", "hem"]


def test_read__subjects_that_are_names_of_c_nmc_cells(tmp_path: Path) -> None:
    """C-NMC's own table of the preliminary phase has them in its column Patient_ID."""
    cells = [
        f"UID_{'57' if label == 'all' else 'H12'}_{n}_1_{label}.bmp"
        for n, label in enumerate(LABELS)
    ]
    lines = [
        f"{cell},{path},{int(label == 'all')}"
        for cell, path, label in zip(cells, FILES, LABELS, strict=True)
    ]
    found = readers.read(lay(tmp_path, "Patient_ID,new_names,labels\n" + "\n".join(lines)))
    assert found.table["subject"].tolist() == ["57"] * 4 + ["H12"] * 4
    assert found.table["label"].tolist() == LABELS


@pytest.mark.parametrize(
    ("heading", "all_word", "hem_word", "name"),
    [
        ("Befund", "blast", "normal", "label"),
        ("ALL", "1", "0", "label"),
        ("mode", "train", "Testing", "split"),
        ("befund", "blast", "AML", None),
        ("HEM", "0", "1", None),
    ],
)
def test_read__columns_of_labels_and_splits_by_other_names(
    tmp_path: Path, heading: str, all_word: str, hem_word: str, name: str | None
) -> None:
    words = {"all": all_word, "hem": hem_word}
    lines = [f"{path},{words[label]}" for path, label in zip(FILES, LABELS, strict=True)]
    root = lay(tmp_path, f"path,{heading}\n" + "\n".join(lines))
    found = readers.read(root)
    named = [note for note in found.notes if f"The column '{heading}' holds" in note]
    assert len(named) == (name is not None)
    if name:  # the advice works
        assert f"name it {name} if" in named[0]
        lay(root, f"path,{name}\n" + "\n".join(lines))
        assert set(readers.read(root).table[name]) == (
            {"all", "hem"} if name == "label" else {"train", "test"}
        )


def test_read__a_contradicted_column_of_labels_is_no_unread_one(tmp_path: Path) -> None:
    put(tmp_path / "UID_1_1_1_all.png", b"1")
    put(tmp_path / "UID_H1_1_1_hem.png", b"1")
    (tmp_path / "manifest.csv").write_text(
        "file,label\nUID_1_1_1_all.png,0\nUID_H1_1_1_hem.png,1\n"
    )
    found = readers.read(tmp_path)
    assert found.conflict is not None
    assert not any("is not read" in note for note in found.notes)


def test_read__a_picture_or_archive_in_place_of_a_table(tmp_path: Path) -> None:
    put(tmp_path / "a.png", b"\x89PNG\r\n\x1a\n and more")
    with pytest.raises(DataError, match="is a picture: give the folder that holds it"):
        readers.read(tmp_path / "a.png")
    put(tmp_path / "set.zip", b"PK\x03\x04 and more")
    with pytest.raises(DataError, match="an archive: unpack it first"):
        readers.read(tmp_path / "set.zip")
