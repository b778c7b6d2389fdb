import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from allcore import __main__ as command_line
from allcore import site_profile
from allcore.cli import validate as command
from allcore.errors import AllScopeError, DataError
from allcore.inference import site_answers
from tests import simulated, validated


@pytest.fixture
def model(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A simulated model, whose answers are those of `validated`."""
    folder = simulated.folder(tmp_path / "models")
    monkeypatch.setenv("ALLSCOPE_MODELS", str(folder.parent))
    monkeypatch.setenv("ALLSCOPE_MODEL", folder.name)
    monkeypatch.setattr(command.options, "load_predictor", lambda *_, **__: None)
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "set"
    (root / "all").mkdir(parents=True)
    (root / "all" / "1.png").write_bytes(b"")
    return root


def run(*words: object, few: bool = False) -> str:
    answers = validated.answers(**({"all_subjects": 1, "normal_subjects": 1} if few else {}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site_answers, "answer", lambda *_, **__: answers)
        arguments = ["validate", *map(str, words)]
        result = CliRunner().invoke(command_line.application(), arguments)
    if isinstance(result.exception, AllScopeError):
        raise result.exception
    assert result.exit_code == (2 if "Usage" in result.output else 0), result.output
    return result.output


def test_validate__writes_figures_answers_and_profile(
    model: Path, data: Path, tmp_path: Path
) -> None:
    text = run(data, "--out", tmp_path / "out")
    assert "What may be claimed:" in text
    assert "Saved as the site profile Laboratory A@1" in text
    found = json.loads((tmp_path / "out" / "validation.json").read_text())
    assert found["profile"] == "Laboratory A@1"
    assert len(pd.read_parquet(tmp_path / "out" / "answers.parquet")) == found["cells"] == 300
    profile = site_profile.find("Laboratory A")
    assert profile.command.startswith("python -m allcore")
    assert profile.threshold == found["calibration"]["threshold"]
    run(data)
    assert len(site_profile.list_profiles()[0]) == 1
    run(data, "--site", "Ward 3", "--rule", "sensitivity")
    assert "Ward 3@1" in run("--list")
    run("--delete", "Ward 3")
    assert [one.name for one in site_profile.list_profiles()[0]] == ["Laboratory A"]


def test_validate__of_two_subjects_nothing(model: Path, data: Path) -> None:
    text = run(data, few=True)
    assert "Nothing can be claimed: 2 subjects" in text
    assert "No site profile is saved" in text
    assert site_profile.list_profiles() == ([], [])
    assert "No site profile is saved." in run("--list")


def test_validate__says_what_is_wrong(model: Path, data: Path) -> None:
    with pytest.raises(DataError, match="1 to 60 letters"):
        run(data, "--site", "a@b")
    with pytest.raises(DataError, match="no site profile 'A'"):
        run("--delete", "A")
    assert "give a labelled data set" in run()
    assert "takes no DIR" in run(data, "--list")
