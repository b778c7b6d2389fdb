from dataclasses import replace
from pathlib import Path

import pytest
from scipy import special

from allcore.errors import ModelError
from allcore.evaluation.experiments import ExperimentRecord
from allcore.reports import json_files
from allcore.research.experiments import runs
from allcore.research.experiments.catalogue import ExperimentOptions
from tests import altered, simulated


@pytest.fixture
def record(
    tmp_path: Path, options: ExperimentOptions, monkeypatch: pytest.MonkeyPatch
) -> ExperimentRecord:
    """Two runs, of which the second has its log-odds turned around."""
    monkeypatch.setenv("ALLSCOPE_MODELS", str(tmp_path))
    monkeypatch.setattr(runs, "MODERATE", {"noise": (1, 2)})
    table = simulated.predictions()
    first = simulated.folder(tmp_path, name="first", table=table)
    json_files.write_robustness(altered.result(), first)
    turned = table.assign(logit=-table["logit"], probability=special.expit(-table["logit"]))
    simulated.folder(tmp_path, name="second", table=turned.sample(frac=1, random_state=0))
    return runs.run(replace(options, models=("first", "second")))


def test_run__compares_the_same_cells_in_any_order(record: ExperimentRecord) -> None:
    first, second = record.rows
    assert (first.name, second.name) == ("first", "second")
    assert "difference" not in first.figures
    total = first.figures["auroc"].value + second.figures["auroc"].value
    assert total == pytest.approx(1)
    difference = second.figures["difference"]
    assert difference.value == pytest.approx(1 - 2 * first.figures["auroc"].value)
    assert difference.high < 0


def test_run__takes_the_largest_loss_of_what_was_altered(record: ExperimentRecord) -> None:
    first, second = record.rows
    expected = min(
        row.changes["auroc"].value
        for row in altered.result().rows
        if row.alteration == "noise" and row.level in (1, 2)
    )
    assert first.figures["altered_auroc"].value == expected
    assert "altered_auroc" not in second.figures
    assert "Not held: fine-tuning loses less than 0.03 of AUROC." in record.finding


def test_run__other_cells_are_refused(
    tmp_path: Path, options: ExperimentOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLSCOPE_MODELS", str(tmp_path))
    simulated.folder(tmp_path, name="first")
    simulated.folder(tmp_path, name="second", table=simulated.predictions(seed=1))
    with pytest.raises(ModelError, match="on the same cells"):
        runs.run(replace(options, models=("first", "second")))
