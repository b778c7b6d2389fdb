import json
from pathlib import Path

import pandas as pd
import pytest

from allcore import notice
from allcore.errors import ModelError
from allcore.evaluation import comparison as comparison_results
from allcore.evaluation import model_evaluation
from allcore.evaluation.comparison import (
    ComparisonRow,
    NetworkComparison,
    NetworkCost,
    PairTest,
    ProtocolGap,
)
from allcore.evaluation.intervals import Interval
from allcore.reports import json_files
from tests import simulated

NAN = float("nan")
GOOD = Interval(0.9, 0.8, 0.95)


def row(network: str, protocol: str = "unseen") -> ComparisonRow:
    return ComparisonRow(
        network=network,
        protocol=protocol,
        **dict.fromkeys(comparison_results.METRICS[:-1], GOOD),
        specificity=Interval(0.5, NAN, NAN),
        command="python -m allcore compare",
        cells=4,
        subjects=2,
        folds=5,
        size=64,
        epochs=1,
        samples=0,
        init="none",
        seed=0,
        device="cpu",
        data="Synthetic",
        data_digest="d" * 64,
        budget="b" * 16,
        twins=0,
        excluded=1,
        seconds=1.5,
        epochs_to_95=None,
        members=("lenet5",) if network == "ensemble" else (),
    )


def comparison() -> NetworkComparison:
    history: dict[str, object] = dict.fromkeys(comparison_results.HISTORY_COLUMNS, 1.0)
    history |= {"network": "lenet5", "protocol": "unseen", "fold": 0, "epoch": 0}
    prediction = dict(
        zip(
            comparison_results.PREDICTION_COLUMNS,
            ("c1", "s1", "g1", "all", "lenet5", "unseen", 0, 1.25, 0.75),
            strict=True,
        )
    )
    return NetworkComparison(
        rows=(row("lenet5"), row("ensemble")),
        costs=(NetworkCost("lenet5", 60_000, None, 64, 12.5, "cpu"),),
        gaps=(ProtocolGap("lenet5", "auroc", 0.9, 0.8, Interval(0.1, NAN, NAN)),),
        tests=(PairTest("lenet5", "ensemble", "unseen", 4, 1, 0, 1.0, 1.0, GOOD, GOOD),),
        history=pd.DataFrame([history]),
        predictions=pd.DataFrame([prediction]),
    )


def test_write__is_read_back(tmp_path: Path) -> None:
    wrote = comparison()
    json_files.write_comparison(tmp_path, wrote)
    found = json_files.read_comparison(tmp_path)
    assert repr(found.rows) == repr(wrote.rows)
    assert repr(found.gaps) == repr(wrote.gaps)
    assert (found.costs, found.tests) == (wrote.costs, wrote.tests)
    assert found.networks() == ["lenet5", "ensemble"]
    assert found.row("lenet5", "paper") is None
    pd.testing.assert_frame_equal(found.history, wrote.history, check_dtype=False)
    pd.testing.assert_frame_equal(found.predictions, wrote.predictions, check_dtype=False)


def test_write__gives_the_same_bytes_again(tmp_path: Path) -> None:
    json_files.write_comparison(tmp_path / "one", comparison())
    json_files.write_comparison(tmp_path / "two", json_files.read_comparison(tmp_path / "one"))
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_read__says_what_to_do_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no comparison yet: make one"):
        json_files.read_comparison(tmp_path)


@pytest.mark.parametrize("name", [json_files.RESULTS, json_files.TESTS, json_files.PREDICTIONS])
def test_read__names_the_damaged_file(tmp_path: Path, name: str) -> None:
    json_files.write_comparison(tmp_path, comparison())
    (tmp_path / name).write_text("[{}]")
    with pytest.raises(ModelError, match=f"{name} can't be read"):
        json_files.read_comparison(tmp_path)


def test_read__of_nothing_compared(tmp_path: Path) -> None:
    json_files.write_comparison(tmp_path, NetworkComparison())
    assert json_files.read_comparison(tmp_path).rows == ()


def test_write_metrics__is_json_without_nan(tmp_path: Path) -> None:
    table = simulated.predictions(normal_subjects=0)
    json_files.write_metrics(
        model_evaluation.evaluate_model(table, simulated.info(table)), tmp_path / "m.json"
    )
    text = (tmp_path / "m.json").read_text()
    found = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert found["notice"] == notice.RESEARCH_USE
    assert found["test"]["figures"]["auroc"]["value"] is None
    sensitivity = found["test"]["figures"]["sensitivity"]
    assert sensitivity["subject"]["low"] < sensitivity["value"] < sensitivity["subject"]["high"]
