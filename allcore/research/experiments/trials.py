"""Training runs of an experiment: cached, and resumed after a kill."""

import json
import platform
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric

import allcore
from allcore.research.comparison import budget
from allcore.training import checkpoint
from allcore.training.plan import TrainingData, TrainingPlan


def run_trial(
    plan: TrainingPlan,
    data: TrainingData,
    fabric: Fabric,
    train: Callable[[TrainingPlan], dict[str, Any]],
) -> dict[str, Any]:
    """JSON-compatible result of one training, cached in ``plan.out``.

    Args:
        plan: of the training.
        data: with the split of the trial.
        fabric: launched.
        train: trains by a plan whose folder is the trial's own.
    """
    fields = {
        "architecture": plan.architecture,
        "config": plan.config,
        "recipe": plan.recipe.to_dict(),
        "preprocessing": plan.preprocessing.to_dict(),
        "init": budget.init_digest(plan.init),
        "split": budget.digest({str(image): part for image, part in data.split.parts.items()}),
        "data": data.manifest.digest(),
        "device": fabric.device.type,
    }
    folder = plan.out / budget.digest(fields)

    def make() -> dict[str, Any]:
        folder.mkdir(parents=True, exist_ok=True)
        return train(replace(plan, out=folder))

    result: dict[str, Any] = cached(plan.out, fields, make)
    (folder / checkpoint.FILE_NAME).unlink(missing_ok=True)
    if folder.is_dir():
        folder.rmdir()
    return result


def cached(work: Path, fields: dict[str, Any], make: Callable[[], Any]) -> Any:
    """JSON-compatible result of ``make``, cached by the digest of ``fields``."""
    path = work / f"{budget.digest(fields | {'version': allcore.__version__})}.json"
    if path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    result = make()
    work.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(result), encoding="utf-8")
    part.replace(path)
    return result


def device_name(device: torch.device) -> str:
    """Display name of a device."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"CPU ({platform.machine()}), {torch.get_num_threads()} threads"
