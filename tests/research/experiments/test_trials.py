"""The trainings of experiments."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from allcore.data.preprocessing import Preprocessing
from allcore.research.experiments import finetuning, trials
from allcore.research.experiments.catalogue import ExperimentOptions
from allcore.training import checkpoint, out_of_fold
from allcore.training import fabric as processes
from allcore.training import plan as plans
from allcore.training.plan import TrainingPlan


@pytest.fixture
def plan(options: ExperimentOptions) -> TrainingPlan:
    plan = finetuning._plan(finetuning.VARIANTS[0], options)
    return replace(plan, architecture="lenet5")


def test_run_trial__anything_that_matters_makes_another_trial(plan: TrainingPlan) -> None:
    fabric = processes.launch(torch.device("cpu"))
    folds = plans.gather_folds(plan, show=False)
    data = out_of_fold.held_out(folds, 0)
    trained: list[Path] = []

    def train(own: TrainingPlan) -> dict[str, Any]:
        trained.append(own.out)
        (own.out / checkpoint.FILE_NAME).touch()
        return {"number": len(trained)}

    assert [trials.run_trial(plan, data, fabric, train) for _ in range(2)] == [{"number": 1}] * 2
    other = replace(plan, recipe=replace(plan.recipe, mixup=0.4))
    results = [
        trials.run_trial(other, data, fabric, train),
        trials.run_trial(plan, out_of_fold.held_out(folds, 1), fabric, train),
        trials.run_trial(replace(plan, architecture="pyramid"), data, fabric, train),
        trials.run_trial(replace(plan, preprocessing=Preprocessing(size=64)), data, fabric, train),
    ]
    assert [result["number"] for result in results] == [2, 3, 4, 5]
    assert not [path for path in plan.out.iterdir() if path.is_dir()]
