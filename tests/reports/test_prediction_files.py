import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from allcore import __main__ as command_line
from allcore.errors import AllScopeError
from allcore.inference.upload import Rgb
from allcore.notice import RESEARCH_USE
from allcore.reports import prediction_json


@pytest.fixture
def run(home: Path, tiny_model: Path) -> Callable[..., Result]:
    def invoke(*arguments: object) -> Result:
        words = ["predict", *(str(argument) for argument in arguments)]
        result = CliRunner().invoke(command_line.application(), words)
        if result.exception and not isinstance(result.exception, AllScopeError | SystemExit):
            raise result.exception
        return result

    return invoke


@pytest.fixture
def reports(run: Callable[..., Result], tmp_path: Path, cell_image: Rgb) -> Path:
    Image.fromarray(cell_image).save(tmp_path / "a cell.bmp")
    (tmp_path / "broken.bmp").write_text("only text")
    made = run(
        tmp_path / "a cell.bmp", tmp_path / "a cell.bmp", tmp_path / "broken.bmp", "missing.bmp",
        "--report", tmp_path / "reports",
    )  # fmt: skip
    assert made.exit_code == 1
    assert "There is no file or folder missing.bmp" in made.stderr
    assert "3 of 4 pictures got a report" in made.stderr
    assert len(made.stdout.splitlines()) == 5
    return tmp_path / "reports"


def test_report__writes_both_files_of_each_picture(reports: Path) -> None:
    names = sorted(path.name for path in reports.iterdir())
    assert len(names) == 6
    assert {Path(name).suffix for name in names} == {".json", ".pdf"}
    kept = [
        prediction_json.read_report(path.read_bytes())
        for path in sorted(reports.glob("a-cell*.json"))
    ]
    assert len(kept) == 2 and all(each.evidence for each in kept)
    assert {each.file.name for each in kept} == {"a cell.bmp"}
    assert all(path.read_bytes().startswith(b"%PDF") for path in reports.glob("*.pdf"))


def test_verify__reproduces_every_report(run: Callable[..., Result], reports: Path) -> None:
    for path in reports.glob("*.json"):
        found = run("--verify", path)
        assert found.exit_code == 0, found.stdout
        assert found.stdout.splitlines()[-1].startswith("Reproduced: ")
        assert RESEARCH_USE in found.stderr


def test_verify__says_what_differs(run: Callable[..., Result], reports: Path) -> None:
    path = next(reports.glob("a-cell*.json"))
    told = json.loads(path.read_text())
    told["prediction"]["logit"] += 1
    path.write_text(json.dumps(told))
    found = run("--verify", path, "--json")
    assert isinstance(found.exception, AllScopeError)
    assert "Not reproduced: log-odds is" in str(found.exception)
    said = json.loads(found.stdout)
    assert said["ok"] is False and said["notice"] == RESEARCH_USE
    assert [check["name"] for check in said["checks"] if not check["ok"]] == ["log-odds"]
    assert "DIFFERS  log-odds" in run("--verify", path).stdout


def test_verify__of_no_report(run: Callable[..., Result], tmp_path: Path) -> None:
    assert "can't be read" in str(run("--verify", tmp_path / "none.json").exception)
    (tmp_path / "x.json").write_text("{}")
    assert "no report of ALLScope" in str(run("--verify", tmp_path / "x.json").exception)


def test_usage__is_checked_before_anything_is_done(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    assert run().exit_code == 2
    assert run("a.bmp", "--verify", tmp_path / "x.json").exit_code == 2
    assert run("a.bmp", "--report", tmp_path, "--engine", "ray").exit_code == 2
    for ignored in (("--model", "m"), ("--engine", "ray")):
        assert run("--verify", tmp_path / "x.json", *ignored).exit_code == 2
