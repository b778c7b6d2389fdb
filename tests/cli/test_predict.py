import json
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from allcore import __main__ as command_line
from allcore.errors import AllScopeError, ModelError
from allcore.inference import distributed, export
from allcore.inference.results import COLUMNS, PredictedRow
from allcore.inference.upload import Rgb
from allcore.notice import RESEARCH_USE


@pytest.fixture
def run(home: Path, tiny_model: Path) -> Callable[..., Result]:
    def invoke(*arguments: object) -> Result:
        words = ["predict", *(str(argument) for argument in arguments)]
        result = CliRunner().invoke(command_line.application(), words)
        if isinstance(result.exception, AllScopeError):
            raise result.exception
        return result

    return invoke


@pytest.fixture
def cells(tmp_path: Path, cell_image: Rgb) -> Path:
    folder = tmp_path / "cells"
    (folder / "more").mkdir(parents=True)
    for index in range(3):
        Image.fromarray(np.rot90(cell_image, index).copy()).save(folder / f"{index}.bmp")
    shutil.copy(folder / "1.bmp", folder / "more" / "misnamed.png")
    (folder / "broken.bmp").write_text("only text")
    with zipfile.ZipFile(folder / "more" / "z.zip", "w") as file:
        file.write(folder / "2.bmp", "../2.bmp")
    return folder


def test_predict__writes_exactly_the_columns_first(
    run: Callable[..., Result], cells: Path, tmp_path: Path
) -> None:
    assert run(cells, "--out", tmp_path / "new" / "p.csv").exit_code == 0
    table = pd.read_csv(tmp_path / "new" / "p.csv", keep_default_na=False)
    assert list(table.columns) == [*COLUMNS, "notice"]
    assert set(table["notice"]) == {RESEARCH_USE}
    assert [Path(path).name for path in table["path"]] == [
        "0.bmp", "1.bmp", "2.bmp", "broken.bmp", "misnamed.png", "2.bmp",
    ]  # fmt: skip
    assert list(table["verdict"] == "refused") == [False, False, False, True, False, False]
    assert table["path"][5].endswith("z.zip/2.bmp")
    assert table["sha256"][5] == table["sha256"][2]
    assert "not a readable BMP" in table["reason"][3]
    assert table["p_all"][3] == ""
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["p.csv"]


def test_predict__writes_the_same_rows_in_every_format(
    run: Callable[..., Result], cells: Path, tmp_path: Path
) -> None:
    for suffix in ("csv", "jsonl", "parquet"):
        assert run(cells, "--out", tmp_path / f"p.{suffix}").exit_code == 0
    parquet = pd.read_parquet(tmp_path / "p.parquet")
    assert list(parquet.columns) == list(COLUMNS)
    metadata = pyarrow.parquet.read_schema(tmp_path / "p.parquet").metadata
    assert metadata[b"notice"].decode() == RESEARCH_USE
    lines = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert [list(line) for line in lines] == [[*COLUMNS, "notice"]] * 6
    csv = pd.read_csv(tmp_path / "p.csv")
    np.testing.assert_allclose(csv["p_all"], parquet["p_all"], atol=1e-6)
    assert [line["verdict"] for line in lines] == list(csv["verdict"]) == list(parquet["verdict"])


def test_predict__prints_a_table_and_the_notice_beside_it(
    run: Callable[..., Result], cells: Path
) -> None:
    result = run(cells / "0.bmp", cells / "broken.bmp")
    assert result.exit_code == 0
    header, answered, refused = result.stdout.splitlines()
    assert header.split() == ["path", "verdict", "p_all", "threshold", "reason"]
    assert "0.50" in answered
    assert "refused" in refused
    assert RESEARCH_USE in result.stderr
    assert "2 pictures: " in result.stderr


def test_predict__prints_json_for_machines(run: Callable[..., Result], cells: Path) -> None:
    result = run(cells / "0.bmp", "missing.bmp", "--json")
    assert result.exit_code == 1
    rows = json.loads(result.stdout)
    assert [list(row) for row in rows] == [list(COLUMNS)] * 2
    assert [row["p_all"] is None for row in rows] == [False, True]
    assert "no such file" in rows[1]["reason"]


def test_predict__refuses_another_format_before_it_works(
    run: Callable[..., Result], cells: Path, tmp_path: Path
) -> None:
    assert run(cells, "--out", tmp_path / "p.xlsx").exit_code == 2


def test_predict__names_the_models_there_are(run: Callable[..., Result], cells: Path) -> None:
    with pytest.raises(ModelError, match=r"no model 'other'.*tiny"):
        run(cells, "--model", "other")


def test_predict__says_where_it_can_not_write(
    run: Callable[..., Result], cells: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AllScopeError, match="can't be written"):
        run(cells / "0.bmp", "--out", tmp_path / "file" / "p.csv")


def test_write__keeps_the_old_file_when_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "p.csv"
    path.write_text("old")

    def fails(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export.os, "fsync", fails)
    row = PredictedRow("1.bmp", "ab", "hem", 0.25, 0.5, "", "tiny", "cd")
    with pytest.raises(AllScopeError, match="No space left"):
        export.write([row], path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_predict__says_that_ray_is_missing(
    run: Callable[..., Result], cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(AllScopeError, match=r"pip install .*--engine local"):
        run(cells, "--engine", "ray")


@pytest.mark.long
@pytest.mark.timeout(300)
def test_predict__gives_the_same_rows_with_ray(
    run: Callable[..., Result], cells: Path, tiny_model: Path
) -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    local = json.loads(run(cells, "missing.bmp", "--json").stdout)
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        rows = distributed.rows(
            [cells, Path("missing.bmp")], folder=tiny_model, device="cpu", batch_size=2
        )
        for row, expected in zip(rows, local, strict=True):
            p_all = expected.pop("p_all")
            assert row.p_all == (None if p_all is None else pytest.approx(p_all, abs=1e-4))
            assert {name: getattr(row, name) for name in expected} == expected
    finally:
        ray.shutdown()
