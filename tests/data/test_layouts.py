"""Layouts that people bring: labels, splits and folds at any depth, or the question they raise."""

from pathlib import Path

import pytest

from allcore.audit.findings import finding
from allcore.data import label_choice, readers, splits
from allcore.data.manifest import Manifest
from allcore.errors import DataError
from tests.released import put

BLAST, NORMAL = "UID_28_12_1_all", "UID_H11_6_1_hem"


def lay(root: Path, *paths: str) -> Path:
    for path in paths:
        put(root / path, b"1")
    return root


def labels(found: Manifest) -> dict[str, str | None]:
    return dict(zip(found.table["path"], found.table["label"], strict=True))


def column(found: Manifest, name: str) -> list[str | None]:
    return found.table.sort_values("path")[name].tolist()


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["dataset/all/a.png", "dataset/hem/b.png"], ["all", "hem"]),
        (["x/my cells/ALL/a.png", "x/my cells/HEM/b.png"], ["all", "hem"]),
        (["Leukemia/a.png", "Normal/b.png"], ["all", "hem"]),
        (["all/blast/a.png", "all/normal/b.png"], ["all", "hem"]),
        (["Leukemia/ALL/a.png", "Leukemia/HEM/b.png"], ["all", "hem"]),
        (["0_normal/a.png", "1-ALL cells/b.png"], ["hem", "all"]),
        (["Benign/a.jpg", "Early/b.jpg", "Pre/c.jpg", "Pro/d.jpg"], ["hem", "all", "all", "all"]),
        (
            ["[Malignant] Pre-B/a.jpg", "[Malignant] early Pre-B/b.jpg", "Benign/c.jpg"],
            ["hem", "all", "all"],
        ),
        (["basophil/a.jpg", "lymphocytes/b.jpg", "platelet/c.jpg"], ["hem", "hem", None]),
        (["fotos/Im001_1.tif", "fotos/Im131_0.tif"], ["all", "hem"]),
        (["blast/a.png", "non-blast/b.png", "not leukemic/c.png"], ["all", "hem", "hem"]),
        (["train_ALL/a.png", "test_HEM/b.png", "AllTrain/c.png"], ["all", "hem", "all"]),
        (["ALL (leukemia)/a.png", "fold_1 HEM (normal)/b.png"], ["all", "hem"]),
        (["B-ALL/a.png", "Pre-B ALL/b.png", "Normal/c.png"], ["all", "all", "hem"]),
        (["L1/a.png", "L2/b.png", "Normal/c.png"], ["all", "all", "hem"]),
        (["augmented_all/a.png", "segmented hem/b.png"], ["all", "hem"]),
        (["ALL (4908)/a.png", "HEM(3389)/b.png"], ["all", "hem"]),
        (["cancerous/a.png", "non-cancerous/b.png", "Non_Cancer (1)/c.png"], ["all", "hem", "hem"]),
        (["unhealthy/a.png", "sick cells/b.png", "healthy/c.png"], ["all", "all", "hem"]),
    ],
)
def test_read__class_folders_at_any_depth(
    tmp_path: Path, paths: list[str], expected: list[str | None]
) -> None:
    found = readers.read(lay(tmp_path, *paths))
    assert column(found, "label") == [
        labels(found)[path] for path in sorted(paths)
    ]  # none is left out
    assert sorted(map(str, expected)) == sorted(map(str, column(found, "label")))
    assert found.conflict is None


@pytest.mark.parametrize("word", ["val", "Valid", "VALIDATION", "validation_set", "dev"])
@pytest.mark.parametrize("below", [True, False])
def test_read__split_above_or_below_the_classes(tmp_path: Path, word: str, below: bool) -> None:
    for part in ("Train", word, "testing"):
        for name in ("all", "hem"):
            lay(tmp_path, f"{name}/{part}/1.png" if below else f"{part}/{name}/1.png")
    found = readers.read(tmp_path)
    parts = found.table["split"].value_counts().to_dict()
    assert parts == {"train": 2, "validation": 2, "test": 2}
    assert found.table["label"].value_counts().to_dict() == {"all": 3, "hem": 3}


@pytest.mark.parametrize("folder", ["fold_0", "Fold 0", "fold-0", "0"])
def test_read__folds_are_known_and_never_labels(tmp_path: Path, folder: str) -> None:
    other = folder.replace("0", "1")
    lay(tmp_path, *(f"{f}/{c}/{f}.png" for f in (folder, other) for c in ("all", "hem")))
    found = readers.read(tmp_path)
    assert found.table["fold"].value_counts().to_dict() == {"fold_0": 2, "fold_1": 2}
    assert found.table["label"].value_counts().to_dict() == {"all": 2, "hem": 2}


def test_read__unlabelled_test_pictures_belong_to_the_set(tmp_path: Path) -> None:
    lay(tmp_path, "train/all/a.png", "train/hem/b.png", "test/1.png", "notes/c.png")
    found = readers.read(tmp_path)
    assert column(found, "path") == ["test/1.png", "train/all/a.png", "train/hem/b.png"]
    assert column(found, "label") == [None, "all", "hem"]
    assert "notes/c.png" in found.notes[0]


def test_read__a_wrapper_named_as_a_split(tmp_path: Path) -> None:
    lay(tmp_path, "training/train/all/a.png", "training/val/hem/b.png")
    assert column(readers.read(tmp_path), "split") == ["train", "validation"]


def test_read__splits_inside_each_other_are_not_guessed(tmp_path: Path) -> None:
    lay(tmp_path, "train/test/all/a.png", "test/train/hem/b.png")
    found = readers.read(tmp_path)
    assert column(found, "split") == [None, None]
    assert "as part of 'test' and of 'train'" in found.notes[0]


def test_read__numbers_alone_are_asked_for(tmp_path: Path, home: Path) -> None:
    lay(tmp_path / "set", "0/a.png", "1/b.png")
    found = readers.read(tmp_path / "set")
    assert column(found, "label") == [None, None]
    assert found.conflict is not None and "C-NMC's codes" in found.conflict.sentence
    with pytest.raises(DataError, match="--labels 0=hem,1=all"):
        found.labelled()
    decided = [
        readers.read(tmp_path / "set", choice=label_choice.parse(value))
        for value, _ in found.conflict.choices
    ]
    assert [column(each, "label") for each in decided] == [
        ["hem", "all"], ["all", "hem"], [None, None],
    ]  # fmt: skip
    assert column(decided[2], "fold") == ["fold_0", "fold_1"]


def test_read__numbers_are_explained_by_file_names(tmp_path: Path) -> None:
    found = readers.read(lay(tmp_path, f"0/{BLAST}.png", f"1/{NORMAL}.png"))
    assert column(found, "label") == ["all", "hem"]


def test_read__class_folders_inside_each_other_are_asked_for(tmp_path: Path) -> None:
    lay(tmp_path, "normal/all/a.png", "blast/all/b.png")
    found = readers.read(tmp_path)
    assert found.conflict is not None
    assert "the inner folder 'all' and by the outer one 'normal'" in found.conflict.reason
    inner, outer = (
        readers.read(tmp_path, choice=label_choice.parse(value))
        for value, _ in found.conflict.choices
    )
    assert column(inner, "label") == ["all", "all"]
    assert column(outer, "label") == ["all", "hem"]


def test_read__normal_cells_of_patients_are_asked_for(tmp_path: Path) -> None:
    lay(tmp_path, "ALL/lymphocyte/a.png", "ALL/monocyte/b.png")
    assert readers.read(tmp_path).conflict is not None
    assert readers.read(tmp_path / "ALL" / "monocyte").conflict is not None
    lay(tmp_path, "ALL/lymphoblast/c.png")
    assert column(readers.read(tmp_path), "label") == ["all", "hem", "hem"]
    assert column(readers.read(tmp_path / "ALL" / "monocyte"), "label") == ["hem"]


def test_read__a_pool_labels_nothing_beside_its_classes(tmp_path: Path) -> None:
    lay(tmp_path, "all/blast/a.png", "all/normal/b.png", "all/unsorted/c.png")
    assert column(readers.read(tmp_path), "path") == ["all/blast/a.png", "all/normal/b.png"]
    assert column(readers.read(tmp_path / "all" / "unsorted"), "label") == [None]


def test_read__names_against_folders_are_counted_at_every_depth(tmp_path: Path) -> None:
    lay(tmp_path, f"all/{NORMAL}.png", f"hem/{BLAST}.png", "hem/UID_3_1_1_all.png")
    whole, part = readers.read(tmp_path), readers.read(tmp_path / "hem")
    assert whole.conflict is not None and part.conflict is not None
    assert whole.conflict.reason.startswith("3 of 3 file names contradict the class folders")
    assert part.conflict.reason.startswith("2 of 2 file names contradict the class folders")
    assert column(whole, "label") == [None] * 3
    assert whole.conflict.choices[0][0] == "all=hem,hem=all"
    with pytest.raises(DataError, match="3 of 3 file names"):
        whole.labelled()


def test_read__nothing_is_split_or_written_until_it_is_decided(tmp_path: Path) -> None:
    found = readers.read(lay(tmp_path, f"all/{NORMAL}.png", f"hem/{BLAST}.png"))
    with pytest.raises(DataError, match="2 of 2 file names contradict"):
        splits.subject_split(found, seed=0)
    with pytest.raises(DataError, match="2 of 2 file names contradict"):
        finding.clean_manifest(found, [], [])


def test_read__each_way_to_decide_works(tmp_path: Path) -> None:
    lay(tmp_path, f"all/{NORMAL}.png", f"hem/{BLAST}.png")
    conflict = readers.read(tmp_path).conflict
    assert conflict is not None
    decided = [
        readers.read(tmp_path, choice=label_choice.parse(value)) for value, _ in conflict.choices
    ]
    assert [column(each, "label") for each in decided] == [
        ["hem", "all"], ["all", "hem"], ["hem", "all"],
    ]  # fmt: skip
    assert [bool(each.conflict) for each in decided] == [False, True, False]
    assert all(len(each.labelled()) == 2 for each in decided)


def test_read__a_few_wrong_names_suggest_the_names(tmp_path: Path) -> None:
    lay(tmp_path, *(f"all/UID_{n}_1_1_all.png" for n in range(5)), f"all/{NORMAL}.png")
    conflict = readers.read(tmp_path).conflict
    assert conflict is not None and conflict.choices[0][0] == "names"


def test_read__table_codes_against_names(tmp_path: Path) -> None:
    lay(tmp_path, f"img/{BLAST}.png", f"img/{NORMAL}.png")
    table = tmp_path / "cells.csv"
    table.write_text(f"path,label\nimg/{BLAST}.png,0\nimg/{NORMAL}.png,1\n")
    found = readers.read(table)
    assert found.conflict is not None
    assert found.conflict.choices[0][0] == "0=all,1=hem"
    assert "(file name: ALL blast, table: '0')" in found.conflict.reason
    decided = readers.read(table, choice=label_choice.parse("0=all,1=hem"))
    assert column(decided, "label") == ["all", "hem"] and decided.conflict is None


def test_read__table_against_class_folders(tmp_path: Path) -> None:
    lay(tmp_path, "all/a.png", "hem/b.png")
    table = tmp_path / "cells.csv"
    table.write_text("path,label\nall/a.png,normal\nhem/b.png,normal\n")
    conflict = readers.read(table).conflict
    assert conflict is not None and conflict.reason.startswith("1 of 2 folders contradict")


def test_read__table_of_words_that_a_decision_explains(tmp_path: Path) -> None:
    table = tmp_path / "cells.csv"
    table.write_text("path,label\na.png,B-ALL\nb.png,WBC\n")
    found = readers.read(table, choice=label_choice.parse("b-all=all;WBC=hem"))
    assert column(found, "label") == ["all", "hem"]


def test_read__folders_that_a_decision_explains(tmp_path: Path) -> None:
    lay(tmp_path, "kind A/a.png", "kind B/b.png")
    found = readers.read(tmp_path, choice=label_choice.parse("kind A=all,kind B=hem"))
    assert column(found, "label") == ["all", "hem"]
    assert found.notes[0] == "Labels as decided: 'kind A' is ALL blast, 'kind B' is normal."


@pytest.mark.parametrize("inside", ["train/all", "train", "all/images", "fold_3/hem"])
def test_read__labels_do_not_depend_on_the_depth(tmp_path: Path, inside: str) -> None:
    lay(tmp_path, f"{inside}/a.png", f"{inside}/deep/b.png", "all/c.png", "hem/d.png")
    top = labels(readers.read(tmp_path))
    below = labels(readers.read(tmp_path / inside))
    assert below == {
        path.removeprefix(f"{inside}/"): label
        for path, label in top.items()
        if path.startswith(f"{inside}/")
    }


def test_read__a_subtype_alone_is_read_as_beside_the_others(tmp_path: Path) -> None:
    lay(tmp_path, "Benign/a.jpg", "Early/b.jpg", "Pre/c.jpg")
    assert column(readers.read(tmp_path / "Early"), "label") == ["all"]


def test_read__copies_belong_to_the_original(tmp_path: Path) -> None:
    ends = ["", " (1)", " - Copy", " - Copy (2)", " copy 2", " (copy)", " - Kopie"]
    ends += [" – Kopie", " - コピー", " - 副本", " (Ann's conflicted copy 2026-01-01)"]
    lay(tmp_path, *(f"all/{BLAST}{end}.png" for end in ends), f"hem/Copy of {NORMAL}.png")
    table = readers.read(tmp_path).table
    assert table["subject"].tolist() == ["28"] * 11 + ["H11"]
    assert table["group"].nunique() == 2


def test_read__copies_of_unknown_subject_stay_with_the_original(tmp_path: Path) -> None:
    copies = [f"all/a{end}.png" for end in (" (1)", " – Kopie", " - コピー", "_copy")]
    lay(tmp_path, "all/a.png", *copies, "hem/b (1).png", "hem/b (2).png")
    table = readers.read(tmp_path).table.set_index("path")
    assert set(table.loc[copies, "group"]) == {table.loc["all/a.png", "group"]}
    assert table["group"].nunique() == 3  # pictures numbered by a file manager are no copies


def test_read__junk_is_skipped_and_counted(tmp_path: Path) -> None:
    lay(
        tmp_path, "all/a.png", "hem/b.png", "$RECYCLE.BIN/x.png", "@eaDir/a.png", ".hidden/h.png",
        "all/Thumbs.db", "__MACOSX/all/a.png", "all/._a.png", "hem/~$b.png", "Desktop.ini",
        "System Volume Information/x.png",
    )  # fmt: skip
    found = readers.read(tmp_path)
    assert column(found, "path") == ["all/a.png", "hem/b.png"]
    assert {kind.reason for kind in found.left_out} == {"a hidden or system file"}
    assert sum(kind.count for kind in found.left_out) == 9


def test_read__other_suffixes_are_read_or_counted(tmp_path: Path) -> None:
    lay(tmp_path, "all/a.jfif", "all/b.JPE", "hem/c.psd", "hem/d.svs", "hem/e.psd", "x.zip", "y")
    found = readers.read(tmp_path)
    assert column(found, "path") == ["all/a.jfif", "all/b.JPE"]
    counts = {(kind.suffix, kind.count) for kind in found.left_out}
    assert counts == {(".psd", 2), (".svs", 1), (".zip", 1), ("", 1)}
    assert "(2 .psd, 1 .svs)" in found.notes[0]


def test_read__a_folder_of_unread_formats_alone_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not read are left out \(1 .psd\)"):
        readers.read(lay(tmp_path, "all/a.psd"))


def test_save__holds_for_the_folders_below(tmp_path: Path, home: Path) -> None:
    root = lay(tmp_path / "set", "0/a.png", "1/b.png")
    label_choice.save(root, label_choice.parse("0=all,1=hem"))
    assert column(readers.read(root), "label") == ["all", "hem"]
    assert column(readers.read(root / "1"), "label") == ["hem"]
    label_choice.save(root, label_choice.LabelChoice())
    assert readers.read(root).conflict is not None


@pytest.mark.parametrize("text", ["0", "0=dog", "=all", "0=all,0=hem"])
def test_parse__of_an_unclear_decision(text: str) -> None:
    with pytest.raises(DataError, match="0=all,1=hem"):
        label_choice.parse(text)


@pytest.mark.parametrize(
    ("folder", "split", "fold"),
    [
        ("train_all", "train", None),
        ("fold_2-ALL", None, "fold_2"),
        ("ALL TestSet fold 0", "test", "fold_0"),
        ("X_train/ALL", "train", None),
        ("External Test/ALL", "test", None),
        ("hold-out/ALL (12)", "test", None),
        ("cv_2/train/ALL", "train", "fold_2"),
        ("split3/val_ALL", "validation", "fold_3"),
        ("all_vs_hem/ALL", None, None),
    ],
)
def test_read__several_facts_in_one_name(
    tmp_path: Path, folder: str, split: str | None, fold: str | None
) -> None:
    lay(tmp_path, f"{folder}/a.png", "other/b.png")
    for root in (tmp_path, tmp_path / folder):
        row = readers.read(root).table.iloc[0]
        assert (row["label"], row["split"], row["fold"]) == ("all", split, fold)


@pytest.mark.parametrize("names", [("class_0", "class_1"), ("C0", "C1"), ("00", "01"), ("0", "1")])
def test_read__codes_are_asked_for(tmp_path: Path, names: tuple[str, str]) -> None:
    lay(tmp_path, *(f"{name}/a.png" for name in names))
    found = readers.read(tmp_path)
    assert found.conflict is not None and set(column(found, "label")) == {None}
    for value, _ in found.conflict.choices[:2]:
        decided = readers.read(tmp_path, choice=label_choice.parse(value))
        assert decided.conflict is None and set(column(decided, "label")) == {"all", "hem"}


@pytest.mark.parametrize(
    "folder",
    [
        "patient_7",
        "Patient 7",
        "subject-A7",
        "donor7",
        "case_id_7",
        "SBJ_7",
        "pt7",
        "control 7b",
        "participant-07",
    ],
)
def test_read__folders_of_subjects(tmp_path: Path, folder: str) -> None:
    lay(tmp_path, f"{folder}/all/a.png", f"hem/{folder}/b.png", f"hem/x/{NORMAL}.png")
    found = readers.read(tmp_path).table.set_index("path")["subject"]
    assert found.to_dict() == {
        f"{folder}/all/a.png": folder,
        f"hem/{folder}/b.png": folder,
        f"hem/x/{NORMAL}.png": "H11",
    }


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Original/all/a.png", "Segmented/all/a.png"),
        ("images/all/a.png", "masks/all/a.png"),
        ("all/a.png", "augmented/all/a.png"),
        ("train/all/a.png", "raw/train/all/a.jpg"),
        ("all/a.png", "all/a (1).png"),
        ("all/Original/a.png", "all/Cropped/a - Copy.png"),
    ],
)
def test_read__views_of_one_cell_are_one_group(tmp_path: Path, first: str, second: str) -> None:
    found = readers.read(lay(tmp_path, first, second, "hem/a.png", "all/b.png"))
    groups = found.table.set_index("path")["group"]
    assert groups[first] == groups[second] and groups.nunique() == 3


def test_read__numbered_files_are_no_copies(tmp_path: Path) -> None:
    found = readers.read(lay(tmp_path, *(f"all/cell ({n}).png" for n in range(1, 4)), "hem/a.png"))
    assert found.table["group"].nunique() == 4


@pytest.mark.parametrize(
    "name",
    [f"{BLAST}_aug1.png", f"aug_{BLAST}.png", f"train_{BLAST}_flip.jpg", f"{BLAST}.bmp.png",
     f"{BLAST}(2)_rot90.png"],
)  # fmt: skip
def test_read__versions_of_a_cell_belong_to_its_subject(tmp_path: Path, name: str) -> None:
    found = readers.read(lay(tmp_path / "right", f"all/{name}", f"hem/{NORMAL}.png"))
    assert column(found, "subject") == ["28", "H11"]
    wrong = readers.read(lay(tmp_path / "wrong", f"hem/{name}"))
    assert wrong.conflict is not None and not wrong.conflict.decided


@pytest.mark.parametrize("file", ["labels.csv", "metadata.csv", "train/metadata.csv", "m.tsv"])
def test_read__a_table_beside_the_pictures_is_named(tmp_path: Path, file: str) -> None:
    lay(tmp_path, "train/a.png")
    (tmp_path / file).write_text("file_name,label\na.png,all\n")
    [note] = readers.read(tmp_path).notes
    assert file in note and readers.read(tmp_path / file).table["label"].tolist() == ["all"]
