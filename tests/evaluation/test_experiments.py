import subprocess
import sys
from pathlib import Path

import pytest

from allcore.errors import ModelError
from allcore.evaluation import experiments, intervals
from allcore.evaluation.experiments import ExperimentRecord, ExperimentRow
from allcore.evaluation.intervals import Interval
from allcore.notice import RESEARCH_USE
from allcore.reports import json_files
from allcore.research.experiments import catalogue, report
from allcore.synthetic import dataset

NAN = float("nan")


def made(name: str = "cues", **changes: object) -> ExperimentRecord:
    fields = {
        "name": name,
        "title": "What helps?",
        "question": "Does it?",
        "why": "Because.",
        "prediction": "It does not.",
        "command": f"python -m allcore experiment {name} --data cells",
        "data": "C-NMC 2019",
        "data_digest": "a" * 64,
        "device": "cpu",
        "titles": {"auroc": "AUROC", "gap": "Gap", "never": "Never filled"},
        "rows": (
            ExperimentRow(
                "Size",
                {"auroc": Interval(0.75, 0.7, 0.8), "gap": intervals.unknown(0.01)},
                4000,
                40,
            ),
            ExperimentRow("Shape", {"auroc": Interval(0.6, 0.5, 0.7)}, 4000, 40),
        ),
        "finding": "It does.",
        "notes": ("A note.",),
    }
    return ExperimentRecord(**(fields | changes))  # type: ignore[arg-type]


def test_write__comes_back_the_same(tmp_path: Path) -> None:
    json_files.write_experiment(tmp_path, made())
    first = json_files.experiment_file(tmp_path, "cues").read_bytes()
    found = json_files.read_experiment(tmp_path, "cues")
    assert found.row("Shape") == made().row("Shape")
    assert found.titles == made().titles and found.notes == made().notes
    json_files.write_experiment(tmp_path, found)
    assert json_files.experiment_file(tmp_path, "cues").read_bytes() == first
    assert b"NaN" not in first


def test_read__not_run_yet(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has no record"):
        json_files.read_experiment(tmp_path, "cues")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rows": [], "notes": []}', '{"rows": 3}'])
def test_read__damaged(tmp_path: Path, text: str) -> None:
    json_files.experiment_file(tmp_path, "cues").write_text(text)
    with pytest.raises(ModelError, match="can't be read"):
        json_files.read_experiment(tmp_path, "cues")


def test_read_all__in_the_order_of_the_log(tmp_path: Path) -> None:
    for name in ("subjects", "cues", "recipe"):
        json_files.write_experiment(tmp_path, made(name))
    assert [each.name for each in json_files.read_experiments(tmp_path)] == [
        "cues",
        "recipe",
        "subjects",
    ]


def test_verdict__says_what_held() -> None:
    assert experiments.prediction_verdict([("a", True), ("b", True)]).startswith(
        "The prediction held."
    )
    assert experiments.prediction_verdict([("a", False)]).startswith("The prediction did not hold.")
    mixed = experiments.prediction_verdict([("a", True), ("b", False)])
    assert "in 1 of 2 parts" in mixed and "Held: a." in mixed and "Not held: b." in mixed


def test_markdown__shows_what_a_reader_needs() -> None:
    text = report.markdown([made()])
    assert RESEARCH_USE in text
    assert "Prediction, before the run: It does not." in text
    assert "| Size | 0.750 [0.700, 0.800] | 0.010 | 4,000 | 40 |" in text
    assert "| Shape | 0.600 [0.500, 0.700] |  | 4,000 | 40 |" in text
    assert "Never filled" not in text
    assert "**Finding.** It does." in text
    assert "`python -m allcore experiment cues --data cells`" in text
    assert "Synthetic" not in text


def test_markdown__groups_expectations_and_synthetic_cells() -> None:
    rows = (
        ExperimentRow(
            "Size",
            {"auroc": intervals.unknown(NAN)},
            9,
            3,
            group="a model",
            prediction="Less.",
        ),
    )
    text = report.markdown([made(rows=rows, data=dataset.NAME)])
    assert "| a model | Size |  | 9 | 3 | Less. |" in text
    assert "Synthetic cells" in text


def test_markdown__of_nothing() -> None:
    assert "No experiment was run yet" in report.markdown([])


def test_keep__writes_the_log_of_all(tmp_path: Path) -> None:
    docs = tmp_path / "docs" / "experiments.md"
    catalogue.write(made("recipe"), out=tmp_path / "out", docs=docs)
    catalogue.write(made("cues", title="Cues first"), out=tmp_path / "out", docs=docs)
    text = docs.read_text()
    assert text.index("Cues first") < text.index("experiment recipe")


def test_record__needs_neither_torch_nor_sklearn() -> None:
    code = (
        "import sys, allcore.evaluation.experiments, allcore.research.experiments.report\n"
        "print(*sorted({'torch', 'torchvision', 'sklearn'} & sys.modules.keys()))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert ran.stdout.split() == []
