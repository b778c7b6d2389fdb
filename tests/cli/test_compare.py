"""The command line of a comparison."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from allcore.__main__ import application
from allcore.errors import AllScopeError
from allcore.evaluation import comparison
from allcore.notice import RESEARCH_USE
from allcore.reports import json_files
from allcore.research.comparison import cost, run
from allcore.synthetic import dataset


def called(*arguments: str) -> Result:
    return CliRunner().invoke(application(), ["compare", *arguments])


def test_compare__lists_the_networks() -> None:
    found = called("--list")
    assert found.exit_code == 0
    assert [line.split()[0] for line in found.output.splitlines()] == list(comparison.NETWORKS)
    assert "on the features of QCResNet" in found.output


def test_compare__quick(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "LONGEST", 0.0)
    chosen = "--networks=lenet5,svm,ensemble,area_brightness"
    found = called("--quick", chosen, "--size=32", "--device=cpu", f"--out={tmp_path / 'out'}")
    assert found.exit_code == 0, found.output
    assert RESEARCH_USE in found.output
    assert "SVM" in found.output
    kept = json_files.read_comparison(tmp_path / "out")
    assert kept.networks() == ["lenet5", "svm", "ensemble", "area_brightness"]
    assert {row.protocol for row in kept.rows} == set(comparison.PROTOCOLS)
    assert {row.data for row in kept.rows} == {dataset.NAME}
    assert len(kept.gaps) == 3 * 4
    svm = kept.row("svm", "unseen")
    assert svm is not None
    assert svm.members == ("qcresnet",)
    assert (home / "comparison" / "runs").is_dir()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_compare__quick_with_every_network(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "LONGEST", 0.0)
    assert called("--quick", "--protocols=paper", "--device=cpu").exit_code == 0
    kept = json_files.read_comparison(home / "comparison" / "quick")
    networks = [name for name in comparison.NETWORKS if name not in comparison.PRETRAINED]
    assert kept.networks() == networks
    assert len(kept.rows) == len(networks)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--networks=lenet"], "There is no network 'lenet': choose some of"),
        (["--protocols=seen"], "There is no protocol 'seen': choose some of paper"),
        (["--networks=ensemble"], "An ensemble needs members"),
        (["--recipe=[]"], "is not a JSON object"),
        (['--recipe={"epoch": 3}'], "unexpected keyword argument 'epoch'"),
    ],
)
def test_compare__wrong_usage(home: Path, arguments: list[str], sentence: str) -> None:
    found = called("--quick", "--data=nowhere", *arguments)
    assert found.exit_code == 2
    assert sentence in " ".join(found.output.replace("│", " ").split())


def test_compare__without_a_label(home: Path, tmp_path: Path) -> None:
    (tmp_path / "cells").mkdir()
    (tmp_path / "cells" / "one.png").write_bytes(b"")
    found = called("--quick", f"--data={tmp_path / 'cells'}")
    assert isinstance(found.exception, AllScopeError)
    assert "has a label" in str(found.exception)


def test_compare__stopped_says_how_to_go_on(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(request: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "compare", stop)
    found = called("--quick", f"--data={tmp_path}")
    assert isinstance(found.exception, AllScopeError)
    assert "the same command goes on" in str(found.exception)
