"""Out-of-fold training: a final network on all subjects, evaluated through fold networks.

Subjects are divided into folds. For each fold a network is trained without it and predicts its
cells, so that every cell has one prediction by a network trained without its subject. The final
network is trained by the same recipe on all subjects. No subject is left to test it on, so the
metrics in its folder are those of the fold networks. These are stored too: only they can predict
perturbed images of these subjects.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from scipy import special
from torch import nn

from allcore import model_folder
from allcore.data.splits import EXCLUDED
from allcore.errors import ModelError
from allcore.inference import devices
from allcore.nets import quantised_weights, registry
from allcore.nets.base import CellNetwork
from allcore.training import calibration, checkpoint, initialisation, run
from allcore.training import fabric as processes
from allcore.training import plan as plans
from allcore.training.calibration import PlattScaling
from allcore.training.plan import TrainingData, TrainingPlan
from allcore.training.run import OperatingPoint, TrainingResult

OPERATING_POINT = OperatingPoint(
    temperature=1.0,
    threshold=0.5,
    rule="Fixed at 0.5 before training: each fold's probabilities are calibrated (Platt scaling) "
    "on the predictions for the other folds, so that no threshold had to be chosen.",
)
PARTS = "parts"
"""Folder of the fold networks while a run lasts."""
_ROWS, _FACTS = "rows.parquet", "fold.json"


@dataclass(frozen=True)
class FoldResult:
    """Result of a fold network, apart from its weights."""

    rows: pd.DataFrame  # the held-out cells with uncalibrated log-odds as ``logit``
    history: list[dict[str, float]]  # one row an epoch


def train(plan: TrainingPlan) -> TrainingResult | None:
    """Train fold networks and the final one; only the first process gets the result.

    A killed run resumes from its last whole epoch.

    Raises:
        DataError: the data set can't be used, or has too few subjects for the folds.
        ModelError: unknown architecture or weights, or the folder holds another run.
    """
    started = time.perf_counter()
    run.refuse_finished(plan)
    fabric = processes.launch(devices.choose(plan.device))
    folds = plans.gather_folds(plan, show=fabric.is_global_zero)
    for data in folds:
        initialisation.origin(plan.init, data.split.parts)
    results = [_train_fold(plan, folds, fold, fabric) for fold in range(len(folds))]
    data = held_out(folds)
    plan.out.mkdir(parents=True, exist_ok=True)
    fitted = run.fit_network(plan, data, fabric)
    if not fabric.is_global_zero:
        return None
    seconds = time.perf_counter() - started
    training = run.provenance(plan, data, fitted, device=fabric.device, seconds=seconds)
    rows = pd.concat([result.rows for result in results], ignore_index=True)
    networks = []
    for fold, platt in enumerate(fold_calibrations(rows, "logit")):
        network = registry.build(plan.architecture, **plan.config)
        stored = load_file(plan.out / PARTS / f"fold-{fold}" / model_folder.WEIGHTS)
        network.load_state_dict(quantised_weights.dequantise(stored))
        networks.append(calibrate(network, platt))
    calibrate(fitted.network, _fit_platt(rows, "logit"))
    digest = model_folder.write_weights(plan.out, fitted.network)
    fitted.network.half().float()
    return TrainingResult(
        plan=plan,
        data=data,
        network=fitted.network,
        held_out=calibrated(rows),
        history=mean_history([result.history for result in results]),
        training=training | {"out_of_fold": plan.folds},
        weights_sha256=digest,
        folds_sha256=model_folder.write_folds(plan.out, networks),
        operating_point=OPERATING_POINT,
    )


def held_out(folds: Sequence[TrainingData], *tested: int) -> TrainingData:
    """Return the data with the test cells of some folds as test part; the others are for training.

    Near-duplicates of cells of a tested fold in other folds are excluded.

    Args:
        folds: of one split, in order.
        tested: their numbers.
    """
    parts = pd.Series("train", index=folds[0].split.parts.index, name="split")
    for part in (EXCLUDED, "test"):
        for fold in tested:
            parts[folds[fold].split.parts == part] = part
    return replace(folds[0], split=replace(folds[0].split, parts=parts))


def fold_calibrations(rows: pd.DataFrame, column: str) -> list[PlattScaling]:
    """Platt scaling of each fold, fitted on the cells of all other folds, which count equally.

    Args:
        rows: ``fold``, ``label`` and uncalibrated predictions of all cells.
        column: ``logit`` or ``baseline_probability``.
    """
    folds = range(int(rows["fold"].max()) + 1)
    return [_fit_platt(rows[rows["fold"] != fold], column) for fold in folds]


def calibrated(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with log-odds and baseline probability calibrated fold by fold."""
    rows = rows.copy()
    for column in ("logit", "baseline_probability"):
        for fold, platt in enumerate(fold_calibrations(rows, column)):
            own = rows["fold"] == fold
            values = platt.log_odds(_log_odds(rows[own], column))
            rows.loc[own, column] = values if column == "logit" else special.expit(values)
    return rows


def mean_history(histories: Sequence[list[dict[str, float]]]) -> list[dict[str, float]]:
    """Mean of each epoch over the folds."""
    table = pd.concat([pd.DataFrame(history) for history in histories])
    mean = table.groupby("epoch", as_index=False).mean()
    return [{str(k): float(v) for k, v in row.items()} for row in mean.to_dict("records")]


def calibrate(network: CellNetwork, platt: PlattScaling) -> CellNetwork:
    """Fold a calibration into the last layer, in place: its output is then calibrated log-odds.

    Raises:
        ModelError: the last layer is not linear.
    """
    if not isinstance(network.head, nn.Linear):
        raise ModelError("Only a network with a linear last layer can be calibrated in place.")
    with torch.no_grad():
        network.head.weight.div_(platt.temperature)
        network.head.bias.div_(platt.temperature).add_(platt.bias)
    return network


def _train_fold(
    plan: TrainingPlan, folds: Sequence[TrainingData], fold: int, fabric: Fabric
) -> FoldResult:
    """Train a fold network, or read the result of an earlier killed run."""
    plan = replace(plan, out=plan.out / PARTS / f"fold-{fold}")
    if (plan.out / _FACTS).exists():
        return _read_part(plan)
    plan.out.mkdir(parents=True, exist_ok=True)
    data = held_out(folds, fold)
    fitted = run.fit_network(plan, data, fabric)
    quantised_weights.round_weights(fitted.network)
    rows = run.held_out_predictions(plan, data, fitted.network, fabric.device)
    rows["fold"] = rows["image_id"].map(_fold_of_cells(folds))
    if fabric.is_global_zero:
        weights = quantised_weights.quantise(fitted.network.state_dict())
        save_file(weights, plan.out / model_folder.WEIGHTS)
        rows.to_parquet(plan.out / _ROWS, index=False)
        facts = {"fingerprint": plan.recipe.fingerprint(), "history": fitted.history}
        (plan.out / _FACTS).write_text(json.dumps(facts), encoding="utf-8")
        (plan.out / checkpoint.FILE_NAME).unlink(missing_ok=True)
    fabric.barrier()
    return FoldResult(rows, fitted.history)


def _fold_of_cells(folds: Sequence[TrainingData]) -> "pd.Series[int]":
    """Number of the fold that tests a cell, by image id."""
    parts = (fold.split.parts for fold in folds)
    return pd.concat(
        [pd.Series(n, index=part.index[part == "test"]) for n, part in enumerate(parts)]
    )


def _read_part(plan: TrainingPlan) -> FoldResult:
    facts = json.loads((plan.out / _FACTS).read_text(encoding="utf-8"))
    if facts["fingerprint"] != plan.recipe.fingerprint():
        raise ModelError(
            f"{plan.out} belongs to a run with other settings: repeat these, remove the folder, or "
            "choose another --out."
        )
    return FoldResult(pd.read_parquet(plan.out / _ROWS), facts["history"])


def _fit_platt(rows: pd.DataFrame, column: str) -> PlattScaling:
    labels = np.where(rows["label"] == "all", 1, 0)
    return calibration.fit_platt(_log_odds(rows, column), labels)


def _log_odds(rows: pd.DataFrame, column: str) -> NDArray[np.float64]:
    values = rows[column].to_numpy(dtype=float)
    return values if column == "logit" else special.logit(values.clip(1e-6, 1 - 1e-6))
