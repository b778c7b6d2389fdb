from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from allcore.data import dataset_inspection, readers
from allcore.data.subject_separation import SubjectSeparation
from tests.released import put


def separated(*rows: tuple[str | None, str]) -> SubjectSeparation:
    """Of images as (subject, part), in groups of their own where the subject is unknown."""
    table = pd.DataFrame(rows, columns=["subject", "part"], dtype=object)
    groups = [subject or f"image {number}" for number, subject in enumerate(table["subject"])]
    return SubjectSeparation.of_parts(table.assign(group=groups), table["part"])


@pytest.mark.parametrize(
    ("rows", "state"),
    [
        ([("A", "train"), ("A", "train"), ("B", "test"), ("C", "validation")], "apart"),
        ([("A", "train"), ("A", "test"), ("B", "test")], "shared"),
        ([("A", "validation"), ("A", "test"), (None, "train")], "shared"),
        ([("A", "train"), ("B", "test"), (None, "train")], "unknown"),
        ([("A", "train"), ("B", "test"), (None, "test")], "unknown"),
        ([(None, "train"), (None, "test")], "unknown"),
        ([("A", "train"), ("B", "test"), (None, "excluded"), ("A", "excluded")], "apart"),
        ([], "unknown"),
    ],
)
def test_of_parts__says_what_the_images_show(
    rows: list[tuple[str | None, str]], state: str
) -> None:
    found = separated(*rows)
    assert found.state == state
    assert found.new_subjects == {"apart": True, "shared": False, "unknown": None}[state]
    assert ("never saw" in found.sentence) == (state == "apart")
    assert SubjectSeparation.of_record({"leaks": found.record()}) == found


def test_sentence__counts_what_is_unknown() -> None:
    some = separated(("A", "train"), ("B", "test"), (None, "test"), (None, "train"))
    assert some.sentence.startswith("The subject of 2 images is unknown, so nobody can say")
    none = separated((None, "train"), (None, "test"))
    assert none.sentence.startswith("Subjects are unknown, so nobody can say")
    for found in (some, none):
        assert found.sentence.endswith("no figure here is about unseen subjects.")
    both = separated(("A", "train"), ("A", "test"), (None, "test"))
    assert "1 of 1 independent subject have cells in two" in both.sentence
    assert both.sentence.endswith("The subject of 1 image is unknown.")


def test_sentence__of_a_model_whose_training_is_not_recorded() -> None:
    found = SubjectSeparation((), 5, 0, trained=False)
    assert found.new_subjects is None
    assert found.sentence.startswith("The subjects that the model was trained on are unknown, so")


def test_of_record__an_older_record_names_subjects_by_part() -> None:
    apart = {"kind": "image", "train": ["1", "2"], "validation": ["3"], "test": ["4"]}
    assert SubjectSeparation.of_record(apart).state == "apart"
    merged = {"kind": "subject", "train": ["H3"], "test": ["H10"]}  # one person under two names
    assert SubjectSeparation.of_record(merged).shared == ("H3+H10",)
    assert SubjectSeparation.of_record({"kind": "subject", "train": []}).state == "unknown"


TABLE = "path,subject,split\n"


@pytest.mark.parametrize(
    ("paths", "table", "state"),
    [
        (("train/all/patient_7/a.png", "test/all/patient_7/b.png"), "", "shared"),
        (("train/all/patient_7/a.png", "test/hem/patient_8/b.png"), "", "apart"),
        (("train/all/a.png", "test/hem/b.png"), "", "unknown"),
        (("train/all/UID_51_1_1_all.png", "test/all/UID_75_1_1_all.png"), "", "shared"),
        (("train/all/UID_1_1_1_all.png", "test/all/UID_1_1_1_all (1).png"), "", "shared"),
        (("train/all/UID_1_1_1_all.png", "test/hem/UID_H9_1_1_hem.png"), "", "apart"),
        (("train/all/UID_1_1_1_all.png", "test/hem/b.png"), "", "unknown"),
        (("all/UID_1_1_1_all.png", "hem/UID_H9_1_1_hem.png"), "", "unknown"),  # in no part
        (("a.png", "b.png"), TABLE + "a.png,P1,train\nb.png,P1,test\n", "shared"),
        (("a.png", "b.png"), TABLE + "a.png,P1,train\nb.png,n/a,test\n", "unknown"),
        (("a.png", "b.png"), TABLE + "a.png,1.0,train\nb.png,1,Test\n", "shared"),
        (("a.png", "b.png"), TABLE + "a.png,P1,train\nb.png,P2,test\n", "apart"),
        (
            ("a.png", "b.png"),
            TABLE + "a.png,UID_1_1_1_all.bmp,train\nb.png,UID_1_2_1_all.bmp,test\n",
            "shared",
        ),
    ],
)
def test_of_parts__of_data_sets_as_people_bring_them(
    tmp_path: Path, paths: Sequence[str], table: str, state: str
) -> None:
    for path in paths:
        put(tmp_path / path, b"1")
    if table:
        (tmp_path / "manifest.csv").write_text(table)
    found = readers.read(tmp_path)
    separation = SubjectSeparation.of_parts(found.table, found.table["split"])
    assert separation.state == state
    summary = dataset_inspection.summarize(found)
    unknown = [note for note in summary.notes if "a subject of its own" in note]
    assert bool(unknown) == found.table["subject"].isna().any()
