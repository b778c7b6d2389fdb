"""Each layout people have gives one manifest."""

from pathlib import Path

import pytest

from allcore.data import manifest, readers
from allcore.data.layouts import cnmc_release
from allcore.errors import DataError


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def row(found, image_id: str) -> dict:
    return found.table.set_index("image_id").loc[image_id].to_dict()


def test_read__official_training_folders(tmp_path):
    touch(
        tmp_path / "C-NMC_training_data",
        "fold_0/all/UID_51_1_1_all.bmp",
        "fold_1/hem/UID_H4_2_1_hem.bmp",
    )
    found = readers.read(tmp_path)
    assert len(found) == 2
    assert row(found, "UID_H4_2_1_hem") == {
        "path": "C-NMC_training_data/fold_1/hem/UID_H4_2_1_hem.bmp",
        "label": "hem",
        "subject": "H4",
        "group": "H2+H4+H5+H6+H7",
        "split": None,
        "fold": "fold_1",
        "sha256": None,
    }


def test_read__preliminary_phase_with_its_labels(tmp_path):
    touch(tmp_path, "C-NMC_test_prelim_phase_data/1.bmp", "C-NMC_test_prelim_phase_data/2.bmp")
    (tmp_path / cnmc_release.LABELS_TABLE).write_text(
        "Patient_ID,new_names,labels\n"
        "UID_57_29_1_all.bmp,1.bmp,1\nUID_H30_6_2_hem.bmp,2.bmp,0\nUID_57_1_1_all.bmp,3.bmp,1\n"
    )
    found = readers.read(tmp_path)
    assert found.table[["label", "subject"]].values.tolist() == [["all", "57"], ["hem", "H30"]]


def test_read__index_csv(tmp_path):
    (tmp_path / "index.csv").write_text(
        "file,subject,label,fold,bmp_sha256\nimages/a.jpg,20,all,fold_0,abc\n"
    )
    found = row(readers.read(tmp_path), "a")
    assert (found["path"], found["group"], found["sha256"]) == ("images/a.jpg", "16+20+21", "abc")


def test_read__own_manifest_keeps_what_it_wrote(tmp_path):
    rows = [{"path": "x/a.png", "label": "all", "subject": "1", "synthetic": "True"}]
    written = manifest.build(tmp_path, rows, name="demo")
    manifest.write(written, tmp_path / manifest.FILE_NAME)
    found = readers.read(tmp_path)
    assert found.table.equals(written.table)
    assert found.digest() == written.digest()


def test_read__class_folders_of_other_words(tmp_path):
    touch(tmp_path, "Blast/1.png", "normal/1.png", "notes/readme.png")
    found = readers.read(tmp_path)
    assert found.table[["image_id", "label"]].values.tolist() == [
        ["Blast/1.png", "all"],
        ["normal/1.png", "hem"],
    ]


def test_read__images_without_labels(tmp_path):
    touch(tmp_path, "a.bmp", "b.bmp")
    found = readers.read(tmp_path)
    assert found.table["label"].isna().all()
    with pytest.raises(DataError, match="has a label"):
        found.labelled()


def test_read__csv_file_with_paths_beside_it(tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text("path,label,subject\nc/1.png,healthy,p1\nc/2.png,blast,p2\n")
    found = readers.read(table)
    assert found.table["label"].tolist() == ["hem", "all"]
    assert found.paths()[0] == tmp_path / "c/1.png"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("label,subject\nall,1\n", "lacks a column of the images' files"),
        ("path,label\na.png,dog\n", "label 'dog'"),
        ("path\na.png\n./a.png\n", "stands more than once"),
        ("", "lacks a column"),
    ],
)
def test_read__csv_that_can_not_be_used(tmp_path, content, says):
    table = tmp_path / "mine.csv"
    table.write_text(content)
    with pytest.raises(DataError, match=says):
        readers.read(table)


def test_read__missing_folder(tmp_path):
    with pytest.raises(DataError, match="ALLSCOPE_DATA"):
        readers.read(tmp_path / "nowhere")


def test_read__folder_without_images(tmp_path):
    with pytest.raises(DataError, match="layout"):
        readers.read(tmp_path)


def test_read__real_cells(cnmc_root):
    found = readers.read(cnmc_root)
    counts = found.table["label"].value_counts()
    assert (len(found), counts["all"], counts["hem"]) == (7456, 4908, 2548)
    assert found.table["subject"].nunique() == 50
