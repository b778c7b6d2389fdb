"""The end of a run: operating point, honest predictions, and the model folder."""

from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm import tqdm

import allcore
from allcore import model_folder
from allcore.data import cell_measurements
from allcore.data.prediction_import import PREDICTION_COLUMNS
from allcore.evaluation import calibration, model_evaluation, thresholds
from allcore.model_folder import ModelInfo
from allcore.nets import registry
from allcore.nets.base import CellNetwork
from allcore.reports.model_card import document
from allcore.training import baseline, checkpoint, embedding, fit, frozen_features
from allcore.training.fit import Fitted
from allcore.training.plan import Material, Plan

PACKAGES = ("torch", "torchvision", "lightning", "scikit-learn", "numpy", "pillow")


def write(
    plan: Plan, material: Material, fitted: Fitted, *, device: torch.device, seconds: float
) -> ModelInfo:
    """Write every file of the model folder and remove the checkpoint.

    The weights are written first and read back, so that each figure is that of the float16
    weights which ship.
    """
    digest = model_folder.write_weights(plan.out, fitted.network)
    fitted.network.half().float()
    held_out = predictions(plan, material, fitted, device)
    point = _point(held_out)
    held_out["probability"] = calibration.probability(
        held_out["logit"].to_numpy(), point.temperature
    )
    training = told(plan, material, fitted, device=device, seconds=seconds)
    info = write_folder(plan, point, held_out, digest, history=fitted.history, training=training)
    material.split.parts.rename_axis("image_id").to_csv(plan.out / model_folder.SPLIT)
    write_facts(plan, material, held_out)
    write_embeddings(plan, material, fitted.network, device)
    (plan.out / checkpoint.FILE_NAME).unlink(missing_ok=True)
    return info


@dataclass(frozen=True)
class Point:
    """From logits to calls: the temperature, the threshold, and the rule that chose it."""

    temperature: float
    threshold: float
    rule: str


def write_folder(
    plan: Plan,
    point: Point,
    held_out: pd.DataFrame,
    digest: str,
    *,
    history: list[dict[str, float]],
    training: dict[str, object],
    folds_sha256: str | None = None,
) -> ModelInfo:
    """Write model.json, the held-out predictions, the history and the card."""
    info = ModelInfo(
        name=plan.out.name,
        architecture=plan.architecture,
        config=registry.config(plan.architecture, **plan.config),
        preprocessing=plan.preprocessing,
        temperature=point.temperature,
        threshold=point.threshold,
        threshold_rule=point.rule,
        weights_sha256=digest,
        training=training,
        folds_sha256=folds_sha256,
    )
    held_out[list(PREDICTION_COLUMNS)].to_parquet(plan.out / model_folder.PREDICTIONS, index=False)
    pd.DataFrame(history).to_csv(plan.out / model_folder.HISTORY, index=False)
    model_folder.write_info(plan.out, info)
    text = document.card(info, model_evaluation.evaluate_model(held_out, info))
    (plan.out / model_folder.CARD).write_text(text, encoding="utf-8")
    return info


def predictions(
    plan: Plan, material: Material, fitted: Fitted, device: torch.device
) -> pd.DataFrame:
    """Validation and test rows with the logits of the network and the baseline's probability."""
    parts = material.split.parts.reindex(material.manifest.table["image_id"]).to_numpy()
    chosen = np.isin(parts, ("validation", "test"))
    table = material.manifest.table[chosen].reset_index(drop=True)
    if material.statistics is not None:
        logits = frozen_features.predict(
            fitted.network, material.statistics[torch.from_numpy(chosen)]
        )
    else:
        pixels = torch.from_numpy(material.cells.pixels[chosen])
        logits = fit.predict(fitted.network, pixels, plan.preprocessing, device=device)
    kept: pd.DataFrame = table[["image_id", "path", "subject", "group", "label"]]
    return kept.assign(
        split=parts[chosen],
        fold=material.split.fold,
        logit=logits.double().numpy(),
        baseline_probability=_baseline(plan, material)[chosen],
    )


def _baseline(plan: Plan, material: Material) -> NDArray[np.float64]:
    strength = plan.recipe.subject_strength
    fitted = baseline.fit(
        material.cells,
        train=material.split.mask(material.manifest, "train"),
        targets=material.targets,
        weights=material.weights("train", subject_strength=strength),
        seed=plan.recipe.seed,
    )
    return fitted.probability(material.cells)


def _point(held_out: pd.DataFrame) -> Point:
    """Temperature and threshold from validation cells alone."""
    rows = held_out[held_out["split"] == "validation"]
    labels = np.where(rows["label"] == "all", 1, 0)
    groups = rows["group"].to_numpy(dtype=str)
    logits = rows["logit"].to_numpy()
    temperature = calibration.fit_temperature(logits, labels, groups)
    choice = thresholds.weighted_f1_optimal(
        labels, calibration.probability(logits, temperature), groups
    )
    return Point(temperature, choice.value, choice.sentence)


def told(
    plan: Plan, material: Material, fitted: Fitted, *, device: torch.device, seconds: float
) -> dict[str, object]:
    """Where a model came from, as model.json keeps it."""
    manifest, split = material.manifest, material.split
    return {
        "command": plan.command,
        "seed": plan.recipe.seed,
        "recipe": _recipe(plan, material),
        "init": plan.init,
        "best_epoch": fitted.best_epoch,
        "data": {"name": manifest.name, "digest": manifest.digest(), "images": len(manifest)},
        "split": {
            **split.told(),
            **{part: split.subjects(manifest, part) for part in ("train", "validation", "test")},
        },
        "versions": {
            "allscope": allcore.__version__,
            **{name: version(name) for name in PACKAGES},
        },
        "device": str(device),
        "seconds": round(seconds),
    }


def _recipe(plan: Plan, material: Material) -> dict[str, object]:
    """The recipe's fields; cells that were read once were not varied."""
    fields = plan.recipe.to_dict()
    return fields if material.statistics is None else fields | {"augmentation": None}


def write_facts(plan: Plan, material: Material, held_out: pd.DataFrame) -> None:
    """Write the facts of the held-out cells, which galleries show where images are absent."""
    root = material.manifest.root
    pictures = [
        (str(row.image_id), root / str(row.path)) for row in held_out.itertuples(index=False)
    ]
    with tqdm(total=len(pictures), desc="Measuring cells", unit="cell", disable=None) as bar:
        model_folder.write_facts(plan.out, cell_measurements.table(pictures, progress=bar.update))


def write_embeddings(
    plan: Plan, material: Material, network: CellNetwork, device: torch.device
) -> None:
    """Write the penultimate features of all cells and their map."""
    if material.statistics is not None:
        vectors = frozen_features.features(network, material.statistics)
    else:
        pixels = torch.from_numpy(material.cells.pixels)
        vectors = embedding.features(network, pixels, plan.preprocessing, device=device)
    model_folder.write_embeddings(
        plan.out,
        material.manifest.table["image_id"].tolist(),
        vectors,
        embedding.flat_map(vectors, seed=plan.recipe.seed),
    )
