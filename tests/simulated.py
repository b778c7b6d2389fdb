"""Held-out predictions of a model that never was, and a model folder around them."""

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from allcore import model_folder
from allcore.data.preprocessing import Preprocessing
from allcore.data.subject_separation import SubjectSeparation
from allcore.evaluation import slices
from allcore.evaluation.slices import Slice, SliceResult
from allcore.model_folder import ModelInfo


def predictions(*, seed: int = 0, all_subjects: int = 12, normal_subjects: int = 8) -> pd.DataFrame:
    """Cells of subjects that differ; every other subject of a class is a test subject."""
    random = np.random.default_rng(seed)
    parts = []
    for label, subjects in (("all", all_subjects), ("hem", normal_subjects)):
        for number in range(1, subjects + 1):
            name = f"H{number}" if label == "hem" else str(100 + number)
            cells = int(random.integers(15, 90))
            centre = (1.4 if label == "all" else -1.4) + 0.8 * random.normal()
            logit = random.normal(centre, 1.0, cells)
            parts.append(
                pd.DataFrame(
                    {
                        "image_id": [f"UID_{name}_1_{i}_{label}" for i in range(cells)],
                        "path": [f"UID_{name}_1_{i}_{label}.bmp" for i in range(cells)],
                        "subject": name,
                        "group": name,
                        "label": label,
                        "split": "test" if number % 2 else "validation",
                        "fold": 0,
                        "logit": logit,
                        "probability": special.expit(logit),
                        "baseline_probability": special.expit(
                            logit / 3 + random.normal(size=cells)
                        ),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def info(table: pd.DataFrame, *, name: str = "simulated", **changes: Any) -> ModelInfo:
    """The description of the model that might have made these predictions."""
    held = {
        part: sorted(set(table.loc[table["split"] == part, "subject"].dropna()))
        for part in ("validation", "test")
    }
    leaks = SubjectSeparation.of_parts(table, table["split"]).record()
    fields: dict[str, Any] = {
        "name": name,
        "architecture": "qcresnet",
        "config": {"widths": [16]},
        "preprocessing": Preprocessing(size=64),
        "temperature": 1.0,
        "threshold": 0.5,
        "threshold_rule": "Fixed for tests.",
        "weights_sha256": "0" * 64,
        "training": {
            "command": "python -m allcore train --data DIR --arch qcresnet --out models/simulated",
            "seed": 0,
            "recipe": {"epochs": 2, "augmentation": {"flip": True}},
            "init": "none",
            "data": {"name": "Simulated cells", "digest": "f" * 64, "images": len(table)},
            "versions": {"torch": "2"},
            "split": {"kind": "subject", "seed": 0, "train": ["98", "H99"], **held, "leaks": leaks},
            "device": "cpu",
            "seconds": 60.0,
            "baseline": {},
        },
    }
    return ModelInfo(**(fields | changes))


def torn(training: dict[str, Any]) -> dict[str, Any]:
    """The record of a training on other cells of the held-out subjects."""
    split = {key: value for key, value in training["split"].items() if key != "leaks"}
    people = sorted({name for part in ("validation", "test") for name in split[part]})
    return training | {"split": split | {"kind": "image", "train": people}}


def folder(root: Path, *, name: str = "simulated", table: pd.DataFrame | None = None) -> Path:
    """A model folder with everything but weights."""
    path = root / name
    path.mkdir(parents=True)
    table = predictions() if table is None else table
    model_folder.write_info(path, info(table, name=name))
    table.to_parquet(path / model_folder.PREDICTIONS, index=False)
    table[["image_id", "split"]].to_csv(path / model_folder.SPLIT, index=False)
    pd.DataFrame(
        {"epoch": [0, 1, 2], "train_loss": [0.7, 0.5, 0.4], "validation_loss": [0.69, 0.55, 0.6]}
    ).to_csv(path / model_folder.HISTORY, index=False)
    return path


def folder_with_network(root: Path, network: Path) -> Path:
    """A folder as of `folder`, with the weights of another model's folder."""
    path = folder(root)
    shutil.copy(network / model_folder.WEIGHTS, path)
    digest = model_folder.read_info(network).weights_sha256
    info = dataclasses.replace(model_folder.read_info(path), weights_sha256=digest)
    model_folder.write_info(path, info)
    return path


def compare_slices(
    tried: Sequence[Slice],
    *,
    right: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray | None,
) -> tuple[SliceResult, ...]:
    """The slices counted and compared."""
    counted = slices.count_slices(tried, labels=labels, groups=groups)
    return slices.compare_slices(counted, right=right)
