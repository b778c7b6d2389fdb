import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import special
from sklearn.metrics import roc_auc_score

from allcore import model_folder
from allcore.data.perturbations import Sweep
from allcore.errors import ModelError
from allcore.evaluation import robustness
from allcore.evaluation.intervals import Interval
from allcore.evaluation.robustness import Robustness
from allcore.reports import json_files
from tests import altered, simulated


@pytest.fixture(scope="module")
def found() -> Robustness:
    return altered.result()


def test_rows__figures_are_those_of_the_answers() -> None:
    table = simulated.predictions()
    labels = (table["label"] == "all").to_numpy(dtype=int)
    answers = altered.answers(table)
    rows = robustness.robustness_rows(
        answers, altered.SWEEPS, labels=labels, subjects=table["group"].to_numpy(str), threshold=0.5
    )
    assert [(row.alteration, row.level) for row in rows] == list(answers)
    for row in rows:
        probability = answers[row.alteration, row.level]
        right = (probability >= 0.5) == labels
        assert row.figures["auroc"].value == pytest.approx(roc_auc_score(labels, probability))
        assert row.figures["sensitivity"].value == pytest.approx(right[labels == 1].mean())
        assert row.figures["specificity"].value == pytest.approx(right[labels == 0].mean())
        assert set(row.figures) == set(row.changes) == set(robustness.METRICS)
        before = answers[row.alteration, 0.0]
        flipped = ((probability >= 0.5) != (before >= 0.5)).mean()
        assert row.flipped.value == pytest.approx(flipped)
        for name in robustness.METRICS:
            unaltered = next(r for r in rows if r.alteration == row.alteration and r.level == 0)
            change = row.figures[name].value - unaltered.figures[name].value
            assert row.changes[name].value == pytest.approx(change)


def test_rows__changes_are_paired(found: Robustness) -> None:
    """What shifts every logit alike is told apart more sharply than subjects differ."""
    bias = found.of("bias")[-1]
    for name in ("sensitivity", "specificity"):
        change, own = bias.changes[name], bias.figures[name]
        assert change.known and not change.low <= 0 <= change.high
        assert change.low < change.value < change.high
        assert change.high - change.low < own.high - own.low
    assert bias.changes["auroc"].value == pytest.approx(0, abs=1e-12)


def test_rows__noise_moves_more_the_more_there_is(found: Robustness) -> None:
    values = [row.figures["auroc"].value for row in found.of("noise")]
    assert values == sorted(values, reverse=True)
    flips = [row.flipped.value for row in found.of("noise")]
    assert flips[0] == 0 and flips == sorted(flips)
    assert found.of("noise")[-1].changes["auroc"].high < 0
    assert set(found.of("noise")[0].changes.values()) == {Interval(0.0, 0.0, 0.0)}


def test_rows__unknown_subjects_have_no_interval() -> None:
    row = altered.result(known=False).of("noise")[-1]
    assert not any(each.known for each in (*row.figures.values(), *row.changes.values()))
    assert not row.flipped.known and 0 < row.flipped.value < 1


def test_rows__one_class_has_what_it_can() -> None:
    probability = special.expit(np.linspace(-1, 2, 40))
    sweep = Sweep("shift", "Shift", "one", (0.0, 1.0), 0.0, lambda cell, _: cell)
    rows = robustness.robustness_rows(
        {("shift", 0.0): probability, ("shift", 1.0): probability / 2},
        [sweep],
        labels=np.ones(40, dtype=int),
        subjects=np.repeat(["1", "2", "3", "4"], 10),
        threshold=0.5,
    )
    assert rows[1].changes["sensitivity"].value < 0
    assert math.isnan(rows[1].changes["specificity"].value)
    assert math.isnan(rows[1].figures["auroc"].value)


def test_share__over_subjects() -> None:
    flags = np.repeat([True, False, False, False], 25)
    labels, subjects = np.repeat([1, 1, 0, 0], 25), np.repeat(["1", "2", "H1", "H2"], 25)
    found = robustness.flagged_share(flags, labels=labels, subjects=subjects)
    assert found.value == 0.25 and found.low < 0.1 and found.high > 0.5
    assert not robustness.flagged_share(flags, labels=labels, subjects=None).known


def test_read__what_was_written(found: Robustness, tmp_path: Path) -> None:
    assert json_files.read_robustness(tmp_path) is None
    json_files.write_robustness(found, tmp_path)
    assert repr(json_files.read_robustness(tmp_path)) == repr(found)  # NaN is itself
    row = json.loads((tmp_path / model_folder.ROBUSTNESS).read_text())["rows"][0]
    assert (row["alteration"], row["unit"]) == ("noise", "deviations")
    assert set(row["figures"]["auroc"]) == {"value", "low", "high"}


@pytest.mark.parametrize(
    "damage",
    [
        lambda fields: "nonsense",
        lambda fields: json.dumps([1]),
        lambda fields: json.dumps(fields | {"more": 1}),
        lambda fields: json.dumps(fields | {"rows": [{"alteration": "noise"}]}),
        lambda fields: json.dumps({k: v for k, v in fields.items() if k != "cells"}),
    ],
)
def test_read__damage_is_one_sentence(damage, found: Robustness, tmp_path: Path) -> None:
    json_files.write_robustness(found, tmp_path)
    file = tmp_path / model_folder.ROBUSTNESS
    file.write_text(damage(json.loads(file.read_text())))
    with pytest.raises(ModelError, match="evaluate --robustness"):
        json_files.read_robustness(tmp_path)
