import pytest
from hypothesis import given
from hypothesis import strategies as st

from allcore.data import subject_assignment
from allcore.errors import DataError

PATHS = ["a.zip/UID_51_1_1_all.bmp", "UID_75_2_1_all.bmp", "UID_H9_1_1_hem.bmp", "other.bmp"]


def test_by_names__takes_ids_of_one_person_together() -> None:
    found = subject_assignment.by_names(PATHS)
    assert found.subjects == ("51+75+78", "51+75+78", "H9", None)
    assert found.matched == 3
    assert found.sentence == (
        "3 of 4 pictures bear a subject in their names, as C-NMC's files do; the subject of 1 is "
        "unknown."
    )


def test_by_folders__takes_the_last_folder_or_the_archive() -> None:
    found = subject_assignment.by_folders(
        ["b/Anna/1.bmp", "c\\Anna\\2.bmp", "Ben.zip/1.bmp", "1.bmp"]
    )
    assert found.subjects == ("Anna", "Anna", "Ben", None)


@pytest.mark.parametrize(
    "table",
    [
        "file,subject\nUID_51_1_1_all.bmp,A\nUID_75_2_1_all.bmp,A\nuid_h9_1_1_hem.BMP,B\n",
        "Patient;Path\nA;elsewhere\\UID_51_1_1_ALL.bmp\nA;./UID_75_2_1_all.bmp\n"
        "B;x/UID_H9_1_1_hem.bmp\n",
        "image_id\tsubject_id\nUID_51_1_1_all\t A \nUID_75_2_1_all\tA\nUID_H9_1_1_hem.png\tB\n",
    ],
)
def test_by_table__forgives_case_folders_and_suffixes(table: str) -> None:
    found = subject_assignment.by_table(table.encode("utf-8-sig"), PATHS, name="t.csv")
    assert found.subjects == ("A", "A", "B", None)
    assert found.sentence == "3 of 4 pictures stand in t.csv; the subject of 1 is unknown."


def test_by_table__goes_by_the_longest_path_that_both_have() -> None:
    table = b"file,subject\none/1.bmp,A\ntwo/1.bmp,B\n"
    paths = ["x/one/1.bmp", "x/two/1.bmp", "three/1.bmp"]
    found = subject_assignment.by_table(table, paths, name="t.csv")
    assert found.subjects == ("A", "B", None)
    assert found.sentence.endswith("1 name could be of several subjects, which counts as unknown.")


def test_by_table__one_name_for_two_subjects_is_nobodys() -> None:
    table = b"file,subject\n1.bmp,A\n1.bmp,B\n2.bmp,A\n2.bmp,A\n3.bmp,\n"
    found = subject_assignment.by_table(table, ["1.bmp", "2.bmp", "3.bmp"], name="t.csv")
    assert found.subjects == (None, "A", None)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (b"file,subject\nx.bmp,A\n", "names none of the 4 pictures in its 1 lines.*such as 'UID_"),
        (b"file,who\nx.bmp,A\n", "lacks a column of subjects"),
        (b"subject\nA\n", "lacks a column of names of files"),
        (b"", "lacks a column"),
        (b"\xff\xfe\x00", "t.csv"),
    ],
)
def test_by_table__says_where_it_does_not_fit(table: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        subject_assignment.by_table(table, PATHS, name="t.csv")


@given(st.binary(max_size=200), st.lists(st.text(max_size=20), max_size=4))
def test_by_table__of_any_bytes_gives_subjects_or_the_one_error(
    data: bytes, paths: list[str]
) -> None:
    try:
        found = subject_assignment.by_table(b"file,subject\n" + data, paths, name="t.csv")
    except DataError:
        return
    assert len(found.subjects) == len(paths)
