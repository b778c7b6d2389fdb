"""The packaged facts about the public release are those of its list, and small."""

import time
from pathlib import Path, PurePosixPath

import pandas as pd
import pytest

from allcore.cnmc import release
from allcore.errors import DataError


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


def test_read__every_row_is_a_file_below_the_root() -> None:
    table = release.read_release()
    paths = table["path"].map(PurePosixPath)
    assert (table["path"] == paths.map(str)).all()
    assert not any(path.is_absolute() or {"..", "."} & {*path.parts} for path in paths)
    assert not table["path"].str.contains("\\", regex=False).any()
    assert table["path"].is_unique
    assert table["sha256"].str.fullmatch("[0-9a-f]{64}").all()
    assert (table["size"] > 0).all()
    assert set(table["split"]) == set(release.SPLITS)


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
