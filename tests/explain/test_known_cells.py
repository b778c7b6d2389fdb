import pandas as pd

from allcore.cnmc import release
from allcore.explain import known_cells


def test_of__knows_the_files_of_the_release() -> None:
    files = release.read_release()
    row = files[files["subject"] == "51"].iloc[0]
    found = known_cells.of(row["sha256"])
    assert found is not None
    assert found.subject == "51"
    assert found.group == "51+75+78"
    assert found.image_id.startswith("UID_51_")
    assert "/" not in found.image_id


def test_of__a_file_nobody_knows() -> None:
    assert known_cells.of("0" * 64) is None
    table = pd.DataFrame({"image_id": ["a"], "subject": ["7"], "sha256": ["1" * 64]})
    assert known_cells.of("0" * 64, table) is None
    assert known_cells.of("0" * 64, table.drop(columns="sha256")) is None


def test_of__looks_in_a_data_set_first() -> None:
    table = pd.DataFrame(
        {"image_id": ["a", "b"], "subject": ["7", None], "sha256": ["0" * 64, "1" * 64]}
    )
    first, second = known_cells.of("0" * 64, table), known_cells.of("1" * 64, table)
    assert first == known_cells.Identity("a", "7")
    assert second == known_cells.Identity("b", None)
    assert second.group is None
