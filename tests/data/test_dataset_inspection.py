"""What is said of a folder before it is connected."""

from pathlib import Path

import pytest

from allcore.data import dataset_inspection, readers
from allcore.data.dataset_inspection import DatasetSummary
from allcore.errors import DataError


def inspect(path: Path) -> DatasetSummary:
    return dataset_inspection.summarize(readers.read(path))


def lay(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def test_inspect__training_folders(tmp_path: Path) -> None:
    lay(tmp_path, "fold_0/all/UID_1_1_1_all.bmp", "fold_1/hem/UID_H1_1_1_hem.bmp")
    found = inspect(tmp_path)
    assert found.layout == "C-NMC 2019 as it is published (fold_0, fold_1)"
    assert (found.labels, found.subjects, found.unknown_subjects) == ({"all": 1, "hem": 1}, 2, 0)
    assert found.warnings == []


def test_inspect__class_folders_without_subjects(tmp_path: Path) -> None:
    found = inspect(lay(tmp_path, "Blast/细胞.png", "normal/a.png"))
    assert found.layout == "class folders: blast, normal"
    assert found.subjects == 0
    [said] = found.warnings
    assert said.startswith("No file name tells a subject")


def test_inspect__one_class_only(tmp_path: Path) -> None:
    found = inspect(lay(tmp_path, "all/UID_1_1_1_all.png"))
    assert found.warnings == [
        "All labelled images are ALL blasts: with one class alone nothing can be trained or judged."
    ]


def test_inspect__no_label(tmp_path: Path) -> None:
    found = inspect(lay(tmp_path, "a.png", "deep/b.png"))
    assert found.layout == "a folder of pictures without class folders"
    assert found.warnings[0].startswith("No image has a label")


def test_inspect__table(tmp_path: Path) -> None:
    lay(tmp_path, "1.png")
    table = "image_id,path,label,subject\na,1.png,all,S1\nb,2.png,hem,S2\nc,../3.png,hem,\n"
    (tmp_path / "manifest.csv").write_text(table)
    found = inspect(tmp_path)
    assert found.layout == "a folder with the table manifest.csv"
    assert (found.missing, found.outside, found.unknown_subjects) == (1, 1, 1)
    assert [said.split(" ", 1)[0] for said in found.warnings] == ["1", "1", "1"]
    assert inspect(tmp_path / "manifest.csv").layout == "the table manifest.csv"


def test_inspect__links_that_lead_out(tmp_path: Path) -> None:
    root = lay(tmp_path / "set", "all/UID_1_1_1_all.png", "hem/UID_H1_1_1_hem.png")
    lay(tmp_path, "secret.png")
    (root / "all" / "UID_1_2_1_all.png").symlink_to(tmp_path / "secret.png")
    found = inspect(root)
    assert found.outside == 1
    assert "1 of 3 images lead out of the folder and are not followed" in found.warnings[0]


def test_inspect__empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No picture was found in"):
        inspect(tmp_path)


def test_inspect__two_files_with_one_id(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("image_id,path\na,1.png\na,2.png\n")
    with pytest.raises(DataError, match="image id 'a' stands more than once"):
        inspect(tmp_path)


def test_as_dict__has_the_fields_of_the_command(tmp_path: Path) -> None:
    lay(tmp_path, "train/all/UID_1_1_1_all.png", "test/hem/UID_H1_1_1_hem.png", "x.psd", ".hid")
    assert inspect(tmp_path).as_dict() == {
        "layout": "class folders: all, hem; splits: test, train",
        "images": 2,
        "labels": {"all": 1, "hem": 1},
        "splits": {"train": 1, "test": 1},
        "subjects": 2,
        "left_out": [
            {
                "suffix": ".psd",
                "reason": "a picture in a format that is not read",
                "count": 1,
                "example": "x.psd",
            },
            {"suffix": "", "reason": "a hidden or system file", "count": 1, "example": ".hid"},
        ],
        "warnings": [
            "Pictures in formats that are not read are left out (1 .psd), such as x.psd: save them "
            "as PNG."
        ],
    }


def test_as_dict__of_unknown_labels_and_subjects(tmp_path: Path) -> None:
    fields = inspect(lay(tmp_path, "a.png", "b.png")).as_dict()
    assert (fields["labels"], fields["splits"], fields["subjects"]) == ({"none": 2}, {}, None)


def test_warnings__ask_for_the_labels_first(tmp_path: Path) -> None:
    found = inspect(lay(tmp_path, "hem/UID_1_1_1_all.png"))
    assert found.labels == {None: 1}
    assert "--labels hem=all" in found.warnings[0]
    assert not any("No image has a label" in warning for warning in found.warnings)


def test_warnings__say_that_a_table_divides_a_subject(tmp_path: Path) -> None:
    lay(tmp_path, "UID_3_1_1_all.png", "UID_3_2_1_all.png")
    (tmp_path / "cells.csv").write_text(
        "path,subject\nUID_3_1_1_all.png,P1\nUID_3_2_1_all.png,P2\n"
    )
    found = inspect(tmp_path / "cells.csv")
    assert found.divided_subjects == ("3",)
    assert any("divides 1 subject" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("path,split\n1.png,Trian\n2.png,test\n", "1 image of 2 are in a part that is not known"),
        ("path,subject\n1.png,p1\n2.png,P1\n", "Subjects such as p1 and P1 differ in case"),
        ("path,subject\n1.png,007\n2.png,7\n", "Subjects such as 007 and 7 differ"),
        ("path,subject\n1.png,A 1\n2.png,A_1\n", "Subjects such as A 1 and A_1 differ"),
    ],
)
def test_inspect__entries_that_are_probably_mistyped(tmp_path: Path, table: str, says: str) -> None:
    lay(tmp_path, "1.png", "2.png")
    (tmp_path / "manifest.csv").write_text(table)
    assert any(warning.startswith(says) for warning in inspect(tmp_path).warnings)


def test_inspect__views_of_one_cell(tmp_path: Path) -> None:
    found = inspect(
        lay(tmp_path, "Original/all/a.png", "Segmented/all/a.png", "Original/hem/b.png")
    )
    assert any(warning.startswith("2 pictures such as Original") for warning in found.warnings)
