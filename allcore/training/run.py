"""Training run: from a data set to a trained network with its held-out log-odds."""

import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
import torch
from lightning.fabric import Fabric
from tqdm import tqdm

import allcore
from allcore import model_folder
from allcore.data.splits import PARTS
from allcore.data.subject_separation import SubjectSeparation
from allcore.errors import ModelError
from allcore.inference import devices
from allcore.nets import registry
from allcore.nets.base import CellNetwork
from allcore.training import baseline, checkpoint, fit, initialisation
from allcore.training import fabric as processes
from allcore.training import plan as plans
from allcore.training.fit import FittedNetwork
from allcore.training.plan import TrainingData, TrainingPlan

PACKAGES = ("torch", "torchvision", "lightning", "scikit-learn", "numpy", "pillow")
"""Packages whose versions ``model.json`` records."""


@dataclass(frozen=True)
class OperatingPoint:
    """Temperature, threshold, and the rule that selected the threshold."""

    temperature: float
    threshold: float
    rule: str


@dataclass(frozen=True)
class TrainingResult:
    """Trained network with all data for its model folder."""

    plan: TrainingPlan  # of the run; ``plan.out`` holds the weights already
    data: TrainingData  # all cells and their split
    network: CellNetwork  # as it ships, its weights rounded to float16
    # rows of the evaluated cells, with the columns of ``prediction_import.PREDICTION_COLUMNS``
    # except ``probability``
    held_out: pd.DataFrame
    history: list[dict[str, float]]  # one row an epoch
    training: dict[str, Any]  # provenance of the model, for ``model.json``
    weights_sha256: str  # digest of the weights file
    folds_sha256: str | None = None  # digest of the fold networks' files, where there are any
    # fixed before training; None where the validation rows select it
    operating_point: OperatingPoint | None = None


def train(plan: TrainingPlan) -> TrainingResult | None:
    """Train one network on one split; only the first process of a run gets the result.

    A killed run resumes from its last whole epoch.

    Raises:
        DataError: the data set can't be used.
        ModelError: unknown architecture or weights, or the folder holds another run.
    """
    started = time.perf_counter()
    refuse_finished(plan)
    fabric = processes.launch(devices.choose(plan.device))
    data = plans.gather(plan, show=fabric.is_global_zero)
    plan.out.mkdir(parents=True, exist_ok=True)
    keep_split(plan, data, write=fabric.is_global_zero)
    initialisation.origin(plan.init, data.split.parts)
    fitted = fit_network(plan, data, fabric)
    if not fabric.is_global_zero:
        return None
    return result(plan, data, fitted, fabric.device, seconds=time.perf_counter() - started)


def result(
    plan: TrainingPlan,
    data: TrainingData,
    fitted: FittedNetwork,
    device: torch.device,
    *,
    seconds: float,
) -> TrainingResult:
    """Write the weights, and predict the held-out cells with the rounded weights that ship."""
    digest = model_folder.write_weights(plan.out, fitted.network)
    fitted.network.half().float()
    return TrainingResult(
        plan=plan,
        data=data,
        network=fitted.network,
        held_out=held_out_predictions(plan, data, fitted.network, device),
        history=fitted.history,
        training=provenance(plan, data, fitted, device=device, seconds=seconds),
        weights_sha256=digest,
    )


def keep_split(plan: TrainingPlan, data: TrainingData, *, write: bool) -> None:
    """Write ``split.csv``, or check that a resumed run has the same split.

    Args:
        plan: of the run.
        data: with its split.
        write: whether this process writes.

    Raises:
        ModelError: the folder holds a run with another split.
    """
    path = plan.out / model_folder.SPLIT
    text = data.split.parts.rename_axis("image_id").to_csv()
    if (plan.out / checkpoint.FILE_NAME).exists() and path.exists():
        if path.read_text(encoding="utf-8") != text:
            raise ModelError(
                f"{plan.out} holds a run that began with another split: repeat that one, remove "
                "the folder, or choose another --out."
            )
    elif write:
        path.write_text(text, encoding="utf-8")


def refuse_finished(plan: TrainingPlan) -> None:
    """Raise a ModelError where the output folder holds a trained model."""
    if (plan.out / model_folder.INFO).exists():
        raise ModelError(f"{plan.out} holds a trained model: remove it or choose another --out.")


def fit_network(
    plan: TrainingPlan,
    data: TrainingData,
    fabric: Fabric,
    *,
    progress_bar: bool = True,
) -> FittedNetwork:
    """Build, initialise and fit the network of ``plan`` on the training part of ``data``.

    Args:
        plan: of the run; ``plan.out`` holds the checkpoint.
        data: the cells and their split.
        fabric: launched.
        progress_bar: whether to show a progress bar on a terminal.

    Raises:
        ModelError: unknown architecture or weights, or the folder holds another run.
    """
    recipe = plan.recipe
    train_part = data.examples("train", subject_strength=recipe.subject_strength)
    torch.manual_seed(recipe.seed)
    network = registry.build(plan.architecture, **plan.config)
    # A balanced sample of cells gives the statistics of norm layers.
    rows = torch.multinomial(train_part.weights, plans.INITIAL_CELLS, replacement=True)
    cells = plan.preprocessing.normalise(train_part.pixels[rows])
    loaded = initialisation.initialise(network, plan.init, cells)
    hidden = None if progress_bar and fabric.is_global_zero else True
    with tqdm(desc="Training", unit="step", disable=hidden) as bar:

        def update_bar(step: int, steps: int) -> None:
            bar.total = steps
            bar.update(step - bar.n)

        return fit.fit(
            network,
            train=train_part,
            validation=data.validation_examples(),
            preprocessing=plan.preprocessing,
            recipe=recipe,
            fabric=fabric,
            folder=plan.out,
            loaded=loaded,
            on_step=update_bar,
        )


def held_out_predictions(
    plan: TrainingPlan, data: TrainingData, network: CellNetwork, device: torch.device
) -> pd.DataFrame:
    """Validation and test rows with the log-odds of the network and the baseline's probability."""
    parts = data.split.parts.reindex(data.manifest.table["image_id"]).to_numpy()
    chosen = np.isin(parts, ("validation", "test"))
    pixels = torch.from_numpy(data.cells.pixels[chosen])
    logits = fit.predict(network, pixels, plan.preprocessing, device=device)
    fitted_baseline = baseline.fit(
        data.cells,
        train=data.split.mask(data.manifest, "train"),
        targets=data.targets,
        weights=data.weights("train", subject_strength=plan.recipe.subject_strength),
        seed=plan.recipe.seed,
    )
    table = data.manifest.table.loc[chosen, ["image_id", "path", "subject", "group", "label"]]
    rows: pd.DataFrame = table.reset_index(drop=True)
    return rows.assign(
        split=parts[chosen],
        fold=data.split.fold,
        logit=logits.double().numpy(),
        baseline_probability=fitted_baseline.probability(data.cells)[chosen],
    )


def provenance(
    plan: TrainingPlan,
    data: TrainingData,
    fitted: FittedNetwork,
    *,
    device: torch.device,
    seconds: float,
) -> dict[str, Any]:
    """Provenance of a model, for ``model.json``."""
    manifest, split = data.manifest, data.split
    return {
        "command": plan.command,
        "seed": plan.recipe.seed,
        "recipe": plan.recipe.to_dict(),
        "init": plan.init,
        "origin": initialisation.origin(plan.init, data.split.parts),
        "best_epoch": fitted.best_epoch,
        "data": {"name": manifest.name, "digest": manifest.digest(), "images": len(manifest)},
        "split": {
            **_split_record(data),
            **{part: split.subjects(manifest, part) for part in PARTS},
        },
        "versions": {
            "allscope": allcore.__version__,
            **{name: version(name) for name in PACKAGES},
        },
        "device": str(device),
        "seconds": round(seconds),
    }


def _split_record(data: TrainingData) -> dict[str, Any]:
    """Parameters of the split, and what its images show of subjects in two parts."""
    table, record = data.manifest.table, data.split.record()
    parts = data.split.parts.reindex(table["image_id"])
    leaks = SubjectSeparation.of_parts(table, parts).record()
    return record | {"leaks": leaks | record.get("leaks", {})}
