from pathlib import Path

import pytest
from typer.testing import CliRunner

from allcore.__main__ import application
from allcore.cli import experiment
from allcore.errors import AllScopeError
from allcore.evaluation.experiments import ExperimentRecord
from allcore.notice import RESEARCH_USE
from allcore.reports import json_files
from allcore.research.experiments import catalogue, finetuning
from allcore.research.experiments.catalogue import ExperimentOptions
from tests import experimented


def called(*words: str) -> tuple[int, str]:
    found = CliRunner().invoke(application(), ["experiment", *words])
    if found.exception and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.exit_code, found.output


@pytest.fixture
def asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ExperimentOptions]]:
    """What the catalogue was asked for; it answers with cues that never were."""
    seen: list[tuple[str, ExperimentOptions]] = []

    def run(name: str, options: ExperimentOptions) -> ExperimentRecord:
        seen.append((name, options))
        return experimented.cues()

    monkeypatch.setattr(catalogue, "run", run)
    return seen


def test_experiment__lists_all(home: Path) -> None:
    status, text = called("--list")
    assert status == 0
    assert [line.split()[0] for line in text.splitlines()] == ["finetuning", "runs"]


def test_experiment__without_a_name_is_wrong_usage(home: Path) -> None:
    assert called()[0] == 2


def test_experiment__writes_result_and_log(
    asked: list[tuple[str, ExperimentOptions]], tmp_path: Path
) -> None:
    out, docs = tmp_path / "out", tmp_path / "docs" / "log.md"
    words = ("cues", "--data", "cells", "--out", str(out), "--docs", str(docs))
    status, text = called(*words, "--variants", "a, b", "--size", "64")
    assert status == 0
    assert RESEARCH_USE in text and "This is what the cues say." in text
    assert json_files.read_experiment(out, "cues").finding == experimented.cues().finding
    assert "What is used?" in docs.read_text()
    name, options = asked[0]
    assert (name, options.variants, options.size) == ("cues", ("a", "b"), 64)
    assert options.data == Path("cells")


def test_experiment__command_names_no_folder_of_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["x", "experiment", "cues", "--data", "/some/where/cnmc"])
    assert experiment._command() == "python -m allcore experiment cues --data cnmc"


def test_experiment__quick_leaves_the_real_log_alone(
    asked: list[tuple[str, ExperimentOptions]], home: Path
) -> None:
    assert called("finetuning", "--quick", "--data", "cells")[0] == 0
    kept = home / "experiments"
    assert (kept / "quick" / "cues.json").is_file() and (kept / "quick.md").is_file()
    options = asked[0][1]
    assert (options.size, options.init, options.epochs) == (48, "none", 1)
    assert options.variants == experiment.QUICK_VARIANTS["finetuning"]


def test_experiment__stopped_says_how_to_go_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(catalogue, "run", stopped)
    with pytest.raises(AllScopeError, match="the same command goes on there"):
        called("cues", "--data", "cells")


def test_experiment__unknown(home: Path) -> None:
    with pytest.raises(AllScopeError, match="no experiment 'nonsense'"):
        called("nonsense", "--data", "cells")


@pytest.mark.long
def test_experiment__quick_on_drawn_cells(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetuning, "PROBED", 4)
    status, text = called("finetuning", "--quick", "--variants", "base")
    assert status == 0
    assert "The highest AUROC has" in text
