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
from allcore import model_folder, site_profile
from allcore.errors import AllScopeError, DataError, ModelError
from allcore.inference import answer_journal, distributed, export
from allcore.inference.predictor import Predictor
from allcore.inference.results import COLUMNS, PredictedRow
from allcore.inference.upload import Rgb
from allcore.notice import RESEARCH_USE
from benchmarks import synthetic_smears
from tests import validated


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
    row = PredictedRow("1.bmp", "ab", "hem", 0.25, 0.5, "", "tiny", "cd", "fp32")
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


def test_predict__resumes_a_killed_run_by_content(
    run: Callable[..., Result], cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, asked = tmp_path / "p.csv", []
    assert run(cells, "--out", out).exit_code == 0
    whole = pd.read_csv(out)
    rows = [PredictedRow(**row) for row in json.loads(run(cells, "--json").stdout)]
    list(answer_journal.record(rows[:2], out))  # 0.bmp and 1.bmp, which misnamed.png equals
    read = Predictor.read
    monkeypatch.setattr(
        Predictor, "read", lambda self, batch: asked.append(len(batch)) or read(self, batch)
    )
    assert run(cells, "--out", out, "--resume").exit_code == 0
    assert sum(asked) == 2  # 2.bmp and the same picture in the archive
    pd.testing.assert_frame_equal(pd.read_csv(out), whole, atol=1e-4)
    assert not answer_journal.journal_path(out).exists()


def test_predict__resume_needs_a_file(run: Callable[..., Result], cells: Path) -> None:
    result = run(cells, "--resume")
    assert result.exit_code == 2


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


def test_predict__fields_have_a_row_for_each_cell(
    run: Callable[..., Result], cells: Path, tmp_path: Path
) -> None:
    field = synthetic_smears.field(480, 640)
    for place in (180, 460):
        field, _ = synthetic_smears.with_cell(field, 240, place, radius=70)
    Image.fromarray(field).save(cells / "field.png")
    out = tmp_path / "p.csv"
    result = run(cells / "field.png", cells / "0.bmp", "--fields", "auto", "--out", out)
    assert "2 cells of fields, 1 other picture" in result.stderr
    table = pd.read_csv(out, keep_default_na=False, dtype=str)
    assert list(table.columns) == [*COLUMNS, "cell", "box", "processing", "mark", "notice"]
    assert list(table["cell"]) == ["1", "2", ""]
    assert (table["sha256"][0], table["processing"][2]) == (table["sha256"][1], "")
    (row,) = json.loads(run(cells / "field.png", "--json").stdout)
    assert row["verdict"] == "refused" and "cell" not in row


def test_predict__a_report_is_of_single_cells(
    run: Callable[..., Result], cells: Path, tmp_path: Path
) -> None:
    result = run(cells, "--fields", "auto", "--report", tmp_path / "reports")
    assert result.exit_code == 2


def test_predict__applies_a_site_profile_by_name(
    run: Callable[..., Result], cells: Path, tiny_model: Path, tmp_path: Path
) -> None:
    model = model_folder.resolve("tiny")
    made = validated.profile(
        model_digest=model.digest, model_sha256=model.info.weights_sha256, bias=3.0, threshold=0.75
    )
    profile = site_profile.save(made)
    run(cells, "--out", tmp_path / "plain.csv")
    run(cells, "--profile", "laboratory a", "--out", tmp_path / "p.csv")
    plain, table = (pd.read_csv(tmp_path / name) for name in ("plain.csv", "p.csv"))
    assert list(table.columns) == [*COLUMNS, "profile", "notice"]
    assert set(table["profile"]) == {"Laboratory A@1"}
    expected = [profile.probability(p) for p in plain["p_all"].dropna()]
    np.testing.assert_allclose(table["p_all"].dropna(), expected, atol=1e-5)
    assert set(table["threshold"]) == {0.75}
    site_profile.save(validated.profile(name="Other"))
    with pytest.raises(ModelError, match="was measured on simulated"):
        run(cells, "--profile", "Other")
    with pytest.raises(DataError, match="There is no site profile 'nowhere'"):
        run(cells, "--profile", "nowhere")
