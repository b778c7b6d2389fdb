"""The table without what was found: what goes, where it is kept, and that training can take it."""

from pathlib import Path

import pandas as pd
import pytest

from allcore.audit.findings import exclusion, finding
from allcore.audit.findings.finding import Finding
from allcore.data import readers
from allcore.errors import DataError
from tests.conftest import draw_folders


def test_leaving__counts_by_class_and_names_subjects_that_go_whole() -> None:
    table = pd.DataFrame(
        {"image_id": list("abcd"), "label": ["all", "all", "all", "hem"], "subject": list("1122")}
    )
    found = exclusion.count_exclusions(table, {"a", "b"}).set_index("label")
    assert found.loc["all"].tolist() == [3, 2, 2, 1]
    assert found.loc["hem"].tolist() == [1, 0, 1, 0]


def test_save__is_read_from_where_it_lies(tmp_path: Path) -> None:
    whole = readers.read(draw_folders(tmp_path / "cells", subjects=2, cells=2))
    out = Finding("dark", "low", (), "W.", "D.", leave_out=(whole.table["image_id"][0],))
    path = exclusion.save(finding.clean_manifest(whole, [out], ["dark"]), "no dark ones", tmp_path)
    again = readers.read(path)
    assert path == tmp_path / "manifests" / "no dark ones.csv"
    assert len(again) == len(whole) - 1 and all(each.is_file() for each in again.paths())
    columns = ["image_id", "label", "subject", "group"]
    assert again.table[columns].equals(whole.table[columns][1:].reset_index(drop=True))


def test_save__overwrites_nothing(tmp_path: Path) -> None:
    whole = readers.read(draw_folders(tmp_path / "cells", subjects=2, cells=1))
    before = exclusion.save(whole, "mine", tmp_path).read_bytes()
    with pytest.raises(DataError, match="already"):
        exclusion.save(whole, "mine", tmp_path)
    assert (tmp_path / "manifests" / "mine.csv").read_bytes() == before


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 61, "trailing.", "nul\0"])
def test_save__refuses_what_is_no_name(tmp_path: Path, name: str) -> None:
    whole = readers.read(draw_folders(tmp_path / "cells", subjects=2, cells=1))
    with pytest.raises(DataError, match="can't be used"):
        exclusion.save(whole, name, tmp_path)


def test_csv__keeps_paths_and_carries_the_notice(tmp_path: Path) -> None:
    whole = readers.read(draw_folders(tmp_path / "cells", subjects=2, cells=1))
    (tmp_path / "cells" / "manifest.csv").write_bytes(exclusion.csv(whole))
    again = readers.read(tmp_path / "cells")
    assert again.table["path"].tolist() == whole.table["path"].tolist()
    assert again.table["notice"].str.contains("Research use only").all()
