"""Out-of-fold training: a final network on all subjects, evaluated through fold networks.

Subjects are divided into folds. For each fold a network is trained without it, calibrated on the
next fold, and predicts the fold's cells, so that every cell has one prediction by a network trained
without its subject. A nested run calibrates on all other folds, each predicted by a network trained
without it and the tested fold, and then trains on all of them. The final network is trained by the
same recipe on all subjects, for as many epochs as the fold networks needed. No subject is left to
test it on, so the metrics in its folder are those of the fold networks. These are stored too: only
they can predict perturbed images of these subjects.
"""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray
from safetensors.torch import load_file
from scipy import special
from torch import nn

from allcore import model_folder
from allcore.data.splits import EXCLUDED
from allcore.errors import ModelError
from allcore.inference import devices
from allcore.nets import registry
from allcore.nets.base import CellNetwork
from allcore.training import calibration, checkpoint, frozen_features, run
from allcore.training import fabric as processes
from allcore.training import plan as plans
from allcore.training.calibration import PlattScaling
from allcore.training.fit import FittedNetwork
from allcore.training.plan import TrainingData, TrainingPlan
from allcore.training.run import OperatingPoint, TrainingResult

OPERATING_POINT = OperatingPoint(
    temperature=1.0,
    threshold=0.5,
    rule="Fixed at 0.5 before training: each fold's probabilities are calibrated (Platt scaling) "
    "on validation subjects, so that no threshold had to be chosen.",
)
_ROWS, _FACTS = "rows.parquet", "fold.json"
_FOLD_FILES = (_ROWS, _FACTS, model_folder.WEIGHTS)


@dataclass(frozen=True)
class FoldResult:
    """Result of a finished fold, apart from its network's weights.

    Attributes:
        rows: the fold's cells with calibrated log-odds as ``logit``.
        platt: the calibration, fitted on cells of other folds.
        best_epoch: the epoch of the selected weights.
        history: one row an epoch.
    """

    rows: pd.DataFrame
    platt: PlattScaling
    best_epoch: int
    history: list[dict[str, float]]

    def uncalibrated(self) -> pd.DataFrame:
        """Return the rows with uncalibrated log-odds."""
        logits = (self.rows["logit"] - self.platt.bias) * self.platt.temperature
        return self.rows.assign(logit=logits)


def train(plan: TrainingPlan) -> TrainingResult | None:
    """Train the fold networks and the final one; only the first process gets the result.

    A killed run resumes from its last whole epoch.

    Raises:
        DataError: the data set can't be used, or has too few subjects for the folds.
        ModelError: unknown architecture or weights, or the folder holds another run.
    """
    started = time.perf_counter()
    run.refuse_finished(plan)
    if plan.recipe.distilled and not plan.nested:
        raise ModelError("distilled takes answers of a nested run: give --nested, or leave it out.")
    fabric = processes.launch(devices.choose(plan.device))
    folds = plans.gather_folds(plan, show=fabric.is_global_zero)
    if frozen_features.apply_to(plan):
        statistics = frozen_features.read_statistics(plan, folds[0], fabric)
        folds = [replace(fold, statistics=statistics) for fold in folds]
    results = [_train_fold(plan, fold, folds, fabric) for fold in folds]
    everything = pd.Series("train", index=folds[0].split.parts.index, name="split")
    data = replace(folds[0], split=replace(folds[0].split, parts=everything))
    predictions = pd.concat([result.uncalibrated() for result in results])
    data = distilled(data, predictions, plan.recipe.distilled)
    plan.out.mkdir(parents=True, exist_ok=True)
    fitted = run.fit_network(plan, data, fabric, until=_epochs(r.best_epoch for r in results))
    if not fabric.is_global_zero:
        return None
    seconds = time.perf_counter() - started
    training = run.provenance(plan, data, fitted, device=fabric.device, seconds=seconds)
    return _result(plan, data, fitted.network, results, training)


def validated_on(tested: TrainingData, other: TrainingData) -> TrainingData:
    """Return the tested fold's data with another fold's test part as validation.

    Duplicates of tested cells are excluded; duplicates of validation cells are excluded from
    training.

    Args:
        tested: a fold.
        other: another fold of the same split.
    """
    validation = other.split.mask(tested.manifest, "test")
    return _split_anew(tested, excluded=_excluded(tested) | _excluded(other), validation=validation)


def trained_on_all(tested: TrainingData) -> TrainingData:
    """Return the tested fold's data without validation: all other cells are training cells."""
    none = np.zeros(len(tested.manifest), dtype=bool)
    return _split_anew(tested, excluded=_excluded(tested), validation=none)


def distilled(data: TrainingData, rows: pd.DataFrame, share: float) -> TrainingData:
    """Return the data with targets that blend labels with other networks' predictions.

    Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015. This
    implementation: the prediction of each cell comes from the network trained without its subject,
    so that it reflects generalisation to new subjects instead of memorisation.

    Args:
        data: N cells.
        rows: ``image_id`` and uncalibrated ``logit`` of cells; missing cells keep their label.
        share: weight of the prediction in the target; 0 changes nothing.
    """
    if not share:
        return data
    logits = rows.set_index("image_id")["logit"].reindex(data.manifest.table["image_id"])
    predictions = special.expit(logits.to_numpy(dtype=float))
    predictions = np.where(np.isnan(predictions), data.targets, predictions)
    return replace(data, soft_targets=(1 - share) * data.targets + share * predictions)


def mean_history(histories: Sequence[list[dict[str, float]]]) -> list[dict[str, float]]:
    """Mean of each epoch over the folds that reached it."""
    table = pd.concat([pd.DataFrame(history) for history in histories])
    mean = table.groupby("epoch", as_index=False).mean()
    return [{str(k): float(v) for k, v in row.items()} for row in mean.to_dict("records")]


def calibrate(network: CellNetwork, platt: PlattScaling) -> None:
    """Fold a calibration into the last layer, in place: its output is then calibrated log-odds.

    Raises:
        ModelError: the last layer is not linear.
    """
    if not isinstance(network.head, nn.Linear):
        raise ModelError("Only a network with a linear last layer can be calibrated in place.")
    with torch.no_grad():
        network.head.weight.div_(platt.temperature)
        network.head.bias.div_(platt.temperature).add_(platt.bias)


def _train_fold(
    plan: TrainingPlan, data: TrainingData, folds: Sequence[TrainingData], fabric: Fabric
) -> FoldResult:
    """Train one fold's network, or read the result of an earlier killed run."""
    plan = replace(plan, out=plan.out / f"fold-{data.split.fold}")
    finished = _read(plan)
    if finished:
        return finished
    plan.out.mkdir(parents=True, exist_ok=True)
    if plan.nested:
        others = [validated_on(data, other) for other in folds if other is not data]
        fitted, rows = _fit_nested(plan, data, others, fabric)
    else:
        fitted, rows = _fit(plan, data, fabric)
    validation = rows[rows["split"] == "validation"]
    # Many subjects outside the fold: none dominates, so that cells can count equally.
    platt, baseline_platt = (
        _platt(validation, column, plan.nested) for column in ("logit", "baseline")
    )
    test = rows[rows["split"] == "test"].copy()
    test["logit"] = platt.log_odds(test["logit"].to_numpy())
    test["baseline_probability"] = baseline_platt.probability(
        _log_odds(test["baseline_probability"])
    )
    result = FoldResult(test, platt, fitted.best_epoch, fitted.history)
    calibrate(fitted.network, platt)
    if fabric.is_global_zero:
        _write(plan, result, fitted.network)
    fabric.barrier()
    return result


def _fit(
    plan: TrainingPlan, data: TrainingData, fabric: Fabric, *, until: int | None = None
) -> tuple[FittedNetwork, pd.DataFrame]:
    """Return the fitted network, and its rows of the held-out cells."""
    fitted = run.fit_network(plan, data, fabric, until=until)
    return fitted, run.held_out_predictions(plan, data, fitted.network, fabric.device)


def _fit_nested(
    plan: TrainingPlan, data: TrainingData, others: Sequence[TrainingData], fabric: Fabric
) -> tuple[FittedNetwork, pd.DataFrame]:
    """Fit a network on all folds but the tested one; also return its calibration and test rows.

    Args:
        plan: of the fold.
        data: the tested fold's.
        others: the same, each with another fold as its validation part.
        fabric: launched.
    """
    inner = []
    for number, part in enumerate(others):
        # A separate folder, so that no training resumes another's checkpoint.
        part_plan = replace(plan, out=plan.out / f"part-{number}")
        part_plan.out.mkdir(parents=True, exist_ok=True)
        inner.append(_fit(part_plan, part, fabric))
    until = _epochs(fitted.best_epoch for fitted, _ in inner)
    validation = pd.concat([rows[rows["split"] == "validation"] for _, rows in inner])
    whole = distilled(trained_on_all(data), validation, plan.recipe.distilled)
    fitted, test = _fit(plan, whole, fabric, until=until)
    history = mean_history([fitted.history for fitted, _ in inner])
    fitted = replace(fitted, history=history, best_epoch=until - 1)
    return fitted, pd.concat([validation, test])


def _epochs(best_epochs: Iterable[int]) -> int:
    """Number of epochs without validation: the median of the runs with validation."""
    return 1 + round(float(np.median(list(best_epochs))))


def _platt(validation: pd.DataFrame, column: str, cells_alike: bool) -> PlattScaling:
    if column == "logit":
        logits = validation["logit"].to_numpy()
    else:
        logits = _log_odds(validation["baseline_probability"])
    labels = np.where(validation["label"] == "all", 1, 0)
    groups = None if cells_alike else validation["group"].to_numpy(dtype=str)
    return calibration.fit_platt(logits, labels, groups)


def _log_odds(probability: "pd.Series[float]") -> NDArray[np.float64]:
    return np.asarray(special.logit(probability.to_numpy(dtype=float).clip(1e-6, 1 - 1e-6)))


def _excluded(data: TrainingData) -> NDArray[np.bool_]:
    return data.split.mask(data.manifest, EXCLUDED)


def _split_anew(
    tested: TrainingData, *, excluded: NDArray[np.bool_], validation: NDArray[np.bool_]
) -> TrainingData:
    """Split the cells outside the tested part; cells in neither mask are for training."""
    test = tested.split.mask(tested.manifest, "test")
    names = np.select([test, excluded, validation], ["test", EXCLUDED, "validation"], "train")
    parts = tested.split.parts.copy()
    parts[tested.manifest.table["image_id"].to_numpy()] = names
    return replace(tested, split=replace(tested.split, parts=parts))


def _result(
    plan: TrainingPlan,
    data: TrainingData,
    network: CellNetwork,
    folds: Sequence[FoldResult],
    training: dict[str, Any],
) -> TrainingResult:
    """Calibrate the final network by the mean of the folds' calibrations, and write all weights."""
    temperatures = [fold.platt.temperature for fold in folds]
    temperature = float(np.exp(np.mean(np.log(temperatures))))
    bias = float(np.mean([fold.platt.bias for fold in folds]))
    calibrate(network, PlattScaling(temperature, bias))
    digest = model_folder.write_weights(plan.out, network)
    folds_digest = model_folder.write_folds(
        plan.out, ((number, _fold_network(plan, number)) for number in range(len(folds)))
    )
    network.half().float()
    return TrainingResult(
        plan=plan,
        data=data,
        network=network,
        held_out=pd.concat([fold.rows for fold in folds], ignore_index=True),
        history=mean_history([fold.history for fold in folds]),
        training=training | {"out_of_fold": plan.folds, "nested": plan.nested},
        weights_sha256=digest,
        folds_sha256=folds_digest,
        operating_point=OPERATING_POINT,
    )


def _fold_network(plan: TrainingPlan, fold: int) -> CellNetwork:
    """Load the calibrated network from a finished fold's folder."""
    network = registry.build(plan.architecture, **plan.config)
    network.load_state_dict(load_file(plan.out / f"fold-{fold}" / model_folder.WEIGHTS))
    return network


def _write(plan: TrainingPlan, fold: FoldResult, network: CellNetwork) -> None:
    model_folder.write_weights(plan.out, network)
    fold.rows.to_parquet(plan.out / _ROWS, index=False)
    facts = {
        "fingerprint": _fingerprint(plan),
        "platt": asdict(fold.platt),
        "best_epoch": fold.best_epoch,
        "history": fold.history,
    }
    (plan.out / _FACTS).write_text(json.dumps(facts), encoding="utf-8")
    (plan.out / checkpoint.FILE_NAME).unlink(missing_ok=True)


def _read(plan: TrainingPlan) -> FoldResult | None:
    if not all((plan.out / name).exists() for name in _FOLD_FILES):
        return None
    facts = json.loads((plan.out / _FACTS).read_text(encoding="utf-8"))
    if facts["fingerprint"] != _fingerprint(plan):
        raise ModelError(
            f"{plan.out} belongs to a run with other settings: repeat these, remove the folder, "
            "or choose another --out."
        )
    rows = pd.read_parquet(plan.out / _ROWS)
    return FoldResult(rows, PlattScaling(**facts["platt"]), facts["best_epoch"], facts["history"])


def _fingerprint(plan: TrainingPlan) -> str:
    return plan.recipe.fingerprint() + ("-nested" if plan.nested else "")
