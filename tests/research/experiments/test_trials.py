"""The shared trainings, and the experiments that are made of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from allcore.data.preprocessing import Preprocessing
from allcore.evaluation.intervals import Interval
from allcore.research.experiments import head, trials
from allcore.research.experiments.options import ExperimentOptions
from allcore.training import checkpoint
from allcore.training import fabric as processes
from allcore.training import plan as plans
from allcore.training.plan import TrainingPlan


@pytest.fixture
def plan(options: ExperimentOptions) -> TrainingPlan:
    plan = head._plan("resnet18", 0, options)
    return replace(plan, architecture="lenet5")


def test_run_trial__anything_that_matters_makes_another_trial(plan: TrainingPlan) -> None:
    fabric = processes.launch(torch.device("cpu"))
    folds = plans.gather_folds(plan, show=False)
    data = head._validated(folds, 0)
    trained: list[Path] = []

    def train(own: TrainingPlan) -> dict[str, Any]:
        trained.append(own.out)
        (own.out / checkpoint.FILE_NAME).touch()
        return {"number": len(trained)}

    assert [trials.run_trial(plan, data, fabric, train) for _ in range(2)] == [{"number": 1}] * 2
    other = replace(plan, recipe=replace(plan.recipe, mixup=0.4))
    results = [
        trials.run_trial(other, data, fabric, train),
        trials.run_trial(plan, head._validated(folds, 1), fabric, train),
        trials.run_trial(replace(plan, architecture="pyramid"), data, fabric, train),
        trials.run_trial(replace(plan, preprocessing=Preprocessing(size=64)), data, fabric, train),
    ]
    assert [result["number"] for result in results] == [2, 3, 4, 5]
    assert not [path for path in plan.out.iterdir() if path.is_dir()]


def test_validated__every_cell_once_and_never_learned(plan: TrainingPlan) -> None:
    folds = plans.gather_folds(plan, show=False)
    validated = np.zeros(len(folds[0].manifest), dtype=int)
    for fold in range(len(folds)):
        data = head._validated(folds, fold)
        masks = [data.split.mask(data.manifest, part) for part in ("train", "validation")]
        groups = [set(data.manifest.table["group"][mask]) for mask in masks]
        assert not groups[0] & groups[1]
        validated += masks[1]
    assert (validated == 1).all()


def test_epochs_to__counts_from_one() -> None:
    history = [{head.BALANCED: score} for score in (0.5, 0.8, 0.84, 0.7)]
    assert head.epochs_to(history, 0.95) == 2
    assert head.epochs_to(history, 1.0) == 3


def test_head__pairs_seeds_and_folds(options: ExperimentOptions) -> None:
    found = head.run(replace(options, seeds=1))
    own, plain, less = found.rows
    for name in ("balanced", "loss", "seconds"):
        apart = own.figures[name].value - plain.figures[name].value
        assert less.figures[name].value == pytest.approx(apart, abs=1e-9)
    assert "of 3 pairs" in " ".join(found.notes)
    assert "The prediction" in found.finding


def test_head__finding_goes_by_the_intervals() -> None:
    none, clear = Interval(0.01, -0.1, 0.1), Interval(0.1, 0.05, 0.2)
    same = {"balanced": none, "loss": none, "first": none, "epochs": none}
    assert "not clearly different from" in head.finding(same)
    assert "The prediction held." in head.finding(same)
    text = head.finding(same | {"balanced": clear, "first": clear})
    assert "better than" in text and "It converges faster" in text
    assert "The prediction did not hold." in text
