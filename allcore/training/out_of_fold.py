"""One network for use from all subjects, with honest figures from networks that it resembles.

Subjects are dealt into folds. For each fold a network is trained without it, calibrated on the
next fold, and predicts the fold's cells, so that every cell is predicted once by a network that
never saw its subject. A nested run calibrates on all other folds, each predicted by a network
trained without it and the tested fold, and then trains on all of them. The network that ships is
then trained by the same recipe on all subjects, for as many epochs as the fold networks needed;
nobody is left to test it on, so the figures in its folder are those of the fold networks. These
are kept beside it: only they can answer for altered pictures of these subjects.
"""

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd
import torch
from lightning.fabric import Fabric
from safetensors.torch import load_file
from torch import nn

from allcore import model_folder
from allcore.data.splits import Split
from allcore.errors import ModelError
from allcore.evaluation import calibration
from allcore.evaluation.calibration import Platt
from allcore.evaluation.metrics import Floats
from allcore.inference import devices
from allcore.nets import registry
from allcore.nets.base import CellNetwork
from allcore.training import checkpoint, frozen_features, model_writer, nested, run
from allcore.training import fabric as processes
from allcore.training import plan as plans
from allcore.training.fit import Fitted
from allcore.training.model_writer import Point
from allcore.training.plan import Material, Plan

THRESHOLD = 0.5
RULE = (
    "Fixed at 0.5 before training: each fold's probabilities are calibrated (Platt scaling) on "
    "validation subjects, so that no threshold had to be chosen."
)
_ROWS, _FACTS = "rows.parquet", "fold.json"
_NEEDED = (_ROWS, _FACTS, model_folder.WEIGHTS)


@dataclass(frozen=True)
class Fold:
    """What is kept of a fold beside its network's weights.

    Attributes:
        rows: the fold's cells with calibrated log-odds as ``logit``.
        platt: how they were calibrated, on cells of other folds.
        best_epoch: the epoch that was kept.
        history: one row an epoch.
    """

    rows: pd.DataFrame
    platt: Platt
    best_epoch: int
    history: list[dict[str, float]]

    def uncalibrated(self) -> pd.DataFrame:
        """The rows with log-odds as the network gave them."""
        logits = (self.rows["logit"] - self.platt.bias) * self.platt.temperature
        return self.rows.assign(logit=logits)


def train(plan: Plan) -> None:
    """Train the fold networks and the final one; write the model folder.

    A run that was killed goes on from its last whole epoch when asked again.

    Raises:
        DataError: the data set can't be used, or has too few subjects for the folds.
        ModelError: unknown architecture or weights, or the folder holds another run.
    """
    started = time.perf_counter()
    run.refuse_finished(plan)
    if plan.recipe.distilled and not plan.nested:
        raise ModelError("distilled takes answers of a nested run: give --nested, or leave it out.")
    fabric = processes.launch(devices.choose(plan.device))
    held = plans.gather_folds(plan, show=fabric.is_global_zero)
    if frozen_features.apply_to(plan):
        read = frozen_features.read(plan, held[0], fabric).statistics
        held = [replace(material, statistics=read) for material in held]
    folds = [_fold(plan, material, _inner(plan, material, held), fabric) for material in held]
    material = replace(held[0], split=_nobody_held_out(held[0].split))
    answers = pd.concat([fold.uncalibrated() for fold in folds])
    material = nested.distilled(material, answers, plan.recipe.distilled)
    plan.out.mkdir(parents=True, exist_ok=True)
    until = 1 + round(float(np.median([fold.best_epoch for fold in folds])))
    fitted = _fitted(plan, material, fabric, until=until)
    if fabric.is_global_zero:
        training = model_writer.told(
            plan, material, fitted, device=fabric.device, seconds=time.perf_counter() - started
        )
        training |= {"out_of_fold": plan.folds, "nested": plan.nested}
        _write(plan, material, fitted.network, folds, training)
    fabric.barrier()


def mean_history(histories: Sequence[list[dict[str, float]]]) -> list[dict[str, float]]:
    """The mean over folds of each epoch that any of them reached."""
    table = pd.concat([pd.DataFrame(history) for history in histories])
    mean = table.groupby("epoch", as_index=False).mean()
    return [{str(k): float(v) for k, v in row.items()} for row in mean.to_dict("records")]


def calibrate(network: CellNetwork, platt: Platt) -> None:
    """Fold a calibration into the last layer, in place: its output is then calibrated log-odds.

    Raises:
        ModelError: the last layer is not linear.
    """
    if not isinstance(network.head, nn.Linear):
        raise ModelError("Only a network with a linear last layer can be calibrated in place.")
    with torch.no_grad():
        network.head.weight.div_(platt.temperature)
        network.head.bias.div_(platt.temperature).add_(platt.bias)


def _inner(plan: Plan, tested: Material, held: Sequence[Material]) -> list[Material]:
    """One material for each other fold: it is validated on, what is neither is learned."""
    if not plan.nested:
        return []
    return [nested.validated_on(tested, other) for other in held if other is not tested]


def _fold(plan: Plan, material: Material, inner: Sequence[Material], fabric: Fabric) -> Fold:
    """Train one fold's network, or read what a killed run kept of it."""
    here = replace(plan, out=plan.out / f"fold-{material.split.fold}")
    kept = _read(here)
    if kept:
        return kept
    here.out.mkdir(parents=True, exist_ok=True)
    if inner:
        parts = [_one(_within(here, number), each, fabric) for number, each in enumerate(inner)]
        fitted, rows = _after(here, parts, material, fabric)
    else:
        fitted, rows = _one(here, material, fabric)
    validation = rows[rows["split"] == "validation"]
    # Over all subjects outside of the fold no single one decides, so that cells can count alike.
    alike = bool(inner)
    platt, baseline = (_platt(validation, what, alike) for what in ("logit", "baseline"))
    test = rows[rows["split"] == "test"].copy()
    test["logit"] = platt.log_odds(test["logit"].to_numpy())
    test["baseline_probability"] = baseline.probability(_log_odds(test["baseline_probability"]))
    fold = Fold(test, platt, fitted.best_epoch, fitted.history)
    calibrate(fitted.network, platt)
    if fabric.is_global_zero:
        _keep(here, fold, fitted.network)
    fabric.barrier()
    return fold


def _one(plan: Plan, material: Material, fabric: Fabric) -> tuple[Fitted, pd.DataFrame]:
    """A network, and its rows of the cells that are held out."""
    fitted = _fitted(plan, material, fabric)
    return fitted, model_writer.predictions(plan, material, fitted, fabric.device)


def _within(plan: Plan, number: int) -> Plan:
    """The plan with a folder of its own, so that no training takes up another's checkpoint."""
    here = replace(plan, out=plan.out / f"part-{number}")
    here.out.mkdir(parents=True, exist_ok=True)
    return here


def _after(
    plan: Plan,
    inner: Sequence[tuple[Fitted, pd.DataFrame]],
    material: Material,
    fabric: Fabric,
) -> tuple[Fitted, pd.DataFrame]:
    """The network of all folds but the tested one, and what it is calibrated and tested on.

    Args:
        plan: of the fold.
        inner: what the networks without one of the other folds became, and their rows.
        material: the tested fold's.
        fabric: launched.
    """
    epochs = [fitted.best_epoch for fitted, _ in inner]
    until = 1 + round(float(np.median(epochs)))
    validated = pd.concat([rows[rows["split"] == "validation"] for _, rows in inner])
    whole = nested.trained_on_all(material)
    whole = nested.distilled(whole, validated, plan.recipe.distilled)
    fitted = _fitted(plan, whole, fabric, until=until)
    tested = model_writer.predictions(plan, whole, fitted, fabric.device)
    history = mean_history([each.history for each, _ in inner])
    return replace(fitted, history=history, best_epoch=until - 1), pd.concat([validated, tested])


def _fitted(plan: Plan, material: Material, fabric: Fabric, *, until: int | None = None) -> Fitted:
    train_network = run.fitted if material.statistics is None else frozen_features.fitted
    return train_network(plan, material, fabric, until=until)


def _platt(validation: pd.DataFrame, what: str, cells_alike: bool) -> Platt:
    probabilities = validation["baseline_probability"]
    logits = validation["logit"].to_numpy() if what == "logit" else _log_odds(probabilities)
    labels = np.where(validation["label"] == "all", 1, 0)
    groups = None if cells_alike else validation["group"].to_numpy(dtype=str)
    return calibration.fit_platt(logits, labels, groups)


def _log_odds(probability: "pd.Series[float]") -> Floats:
    inside = probability.to_numpy(dtype=float).clip(1e-6, 1 - 1e-6)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def _nobody_held_out(split: Split) -> Split:
    return replace(split, parts=pd.Series("train", index=split.parts.index, name="split"))


def _write(
    plan: Plan,
    material: Material,
    network: CellNetwork,
    folds: Sequence[Fold],
    training: dict[str, object],
) -> None:
    calibrate(network, _mean_platt([fold.platt for fold in folds]))
    digest = model_folder.write_weights(plan.out, network)
    folds_digest = model_folder.write_folds(
        plan.out, ((number, _network(plan, number)) for number in range(len(folds)))
    )
    network.half().float()
    rows = pd.concat([fold.rows for fold in folds], ignore_index=True)
    rows["probability"] = calibration.probability(rows["logit"].to_numpy(), 1.0)
    material.split.parts.rename_axis("image_id").to_csv(plan.out / model_folder.SPLIT)
    device = next(network.parameters()).device
    model_writer.write_embeddings(plan, material, network, device)
    history = mean_history([fold.history for fold in folds])
    point = Point(1.0, THRESHOLD, RULE)
    model_writer.write_facts(plan, material, rows)
    model_writer.write_folder(
        plan, point, rows, digest, history=history, training=training, folds_sha256=folds_digest
    )
    (plan.out / checkpoint.FILE_NAME).unlink(missing_ok=True)
    for number in range(len(folds)):
        shutil.rmtree(plan.out / f"fold-{number}")


def _network(plan: Plan, fold: int) -> CellNetwork:
    """The calibrated network that a fold's folder keeps."""
    network = registry.build(plan.architecture, **plan.config)
    network.load_state_dict(load_file(plan.out / f"fold-{fold}" / model_folder.WEIGHTS))
    return network


def _mean_platt(found: Sequence[Platt]) -> Platt:
    """The geometric mean of temperatures and the mean of biases."""
    temperature = float(np.exp(np.mean([np.log(one.temperature) for one in found])))
    return Platt(temperature, float(np.mean([one.bias for one in found])))


def _keep(here: Plan, fold: Fold, network: CellNetwork) -> None:
    model_folder.write_weights(here.out, network)
    fold.rows.to_parquet(here.out / _ROWS, index=False)
    facts = {
        "fingerprint": _fingerprint(here),
        "platt": asdict(fold.platt),
        "best_epoch": fold.best_epoch,
        "history": fold.history,
    }
    (here.out / _FACTS).write_text(json.dumps(facts), encoding="utf-8")
    (here.out / checkpoint.FILE_NAME).unlink(missing_ok=True)


def _read(here: Plan) -> Fold | None:
    if not all((here.out / name).exists() for name in _NEEDED):
        return None
    facts = json.loads((here.out / _FACTS).read_text(encoding="utf-8"))
    if facts["fingerprint"] != _fingerprint(here):
        raise ModelError(
            f"{here.out} belongs to a run with other settings: repeat these, remove the folder, "
            "or choose another --out."
        )
    rows = pd.read_parquet(here.out / _ROWS)
    return Fold(rows, Platt(**facts["platt"]), facts["best_epoch"], facts["history"])


def _fingerprint(plan: Plan) -> str:
    return plan.recipe.fingerprint() + ("-nested" if plan.nested else "")
