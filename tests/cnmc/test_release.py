"""The packaged facts about the public release are those of its list, and small."""

import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from allcore.cnmc import release
from allcore.errors import DataError

HEADER = ",".join(release.COLUMNS)
ROW = f"training_data/fold_0/all/UID_1_1_1_all.bmp,train,fold_0,all,1,10,{'0a' * 32}"


def listed(folder: Path, *rows: str, header: str = HEADER) -> Path:
    file = folder / "list.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return file


def test_read__counts_of_the_release() -> None:
    table = release.read_release()
    assert tuple(table) == release.COLUMNS
    assert len(table) == 15_114
    assert table["split"].value_counts().to_dict() == {
        "train": 10_661, "final": 2_586, "prelim": 1_867,
    }  # fmt: skip
    train = table[table["split"] == "train"]
    counts = train.groupby(["fold", "label"]).size().unstack()
    assert counts[["all", "hem"]].values.tolist() == [[2397, 1130], [2418, 1163], [2457, 1096]]
    assert train["subject"].nunique() == 73
    assert table.loc[table["split"] != "train", ["fold", "label", "subject"]].isna().all(axis=None)


def test_read__same_as_the_list(cnmc_root: Path) -> None:
    source = cnmc_root / "manifest.csv"
    if not source.is_file():
        pytest.skip("the list of the public release is not on this machine")
    wanted = pd.read_csv(source, dtype=str, keep_default_na=False)
    found = release.read_release()
    as_text = found.fillna("").astype(str).astype(object)
    assert as_text.equals(wanted.sort_values("path", ignore_index=True).astype(object))


def test_read__fast_and_small() -> None:
    release.read_release()
    times = []
    for _ in range(5):
        start = time.perf_counter()
        release.read_release()
        times.append(time.perf_counter() - start)
    assert min(times) < 0.3
    assert release.FILE.stat().st_size < 700_000


def test_read__damaged(tmp_path: Path) -> None:
    file = tmp_path / "release.parquet"
    file.write_bytes(release.FILE.read_bytes()[:1000])
    with pytest.raises(DataError, match="install ALLScope again"):
        release.read_release(file)
    with pytest.raises(DataError, match="install ALLScope again"):
        release.read_release(tmp_path / "none")


def test_write__reads_back(tmp_path: Path) -> None:
    other = f"testing_data/1.bmp,final,,,,2000000000,{'ff' * 32}"
    table = release.parse_csv(listed(tmp_path, ROW, other))
    file = tmp_path / "release.parquet"
    release.write(table, file)
    found = release.read_release(file)
    assert found.equals(table)
    assert found["path"].tolist() == ["testing_data/1.bmp", ROW.split(",")[0]]
    assert found["label"].tolist() == [None, "all"]
    assert found["size"].tolist() == [2_000_000_000, 10]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([ROW, ROW], "stands twice"),
        ([ROW.replace("0a" * 32, "0a")], "hexadecimal"),
        ([ROW.replace(",10,", ",-1,")], "number of bytes"),
        ([ROW.replace("train,", "test,", 1)], "split"),
        ([ROW.replace("training_data", "../training_data")], "leads out"),
        ([f"/{ROW}"], "leads out"),
    ],
)
def test_from_csv__rows_that_are_no_release(tmp_path: Path, rows: list[str], says: str) -> None:
    with pytest.raises(DataError, match=says):
        release.parse_csv(listed(tmp_path, *rows))


def test_from_csv__other_columns(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column 'sha256'"):
        release.parse_csv(listed(tmp_path, "a,1", header=HEADER.replace("sha256", "md5")))
    with pytest.raises(DataError, match="can't be read"):
        release.parse_csv(tmp_path / "none.csv")


def test_command__wrong_usage() -> None:
    command = [sys.executable, "-m", "allcore.cnmc.release"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (2, "usage: python -m allcore.cnmc.release CSV\n")
