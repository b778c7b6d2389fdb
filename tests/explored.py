"""Model folders with all that the Evaluation page can show of a model that never was."""

import dataclasses
import functools
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special

from allcore import model_folder
from allcore.data import cell_measurements
from allcore.evaluation import robustness
from allcore.reports import json_files
from tests import altered, simulated

SECOND_THRESHOLD = 0.4


def folder(root: Path, *, name: str = "simulated") -> Path:
    """A model folder with measures of the pictures, a map and robustness; a few cells lack both."""
    path = simulated.folder(root, name=name)
    table = model_folder.read_predictions(path)
    random = np.random.default_rng(3)
    numbers = {
        fact.name: random.normal(10, 1, len(table)).astype(np.float32)
        for fact in cell_measurements.MEASURES
    }
    measured = pd.DataFrame({"image_id": table["image_id"]} | numbers)
    measured["border"] = measured["border"] > 10
    model_folder.write_facts(path, measured.iloc[:-9])
    places = np.column_stack([table["logit"], random.normal(size=len(table))]).astype(np.float32)
    features = random.normal(size=(len(table), 4)).astype(np.float32)
    ids = table["image_id"].tolist()
    model_folder.write_embeddings(path, ids[5:], features[5:], places[5:])
    json_files.write_robustness(_robustness(), path)
    return path


@functools.cache
def _robustness() -> robustness.Robustness:
    return altered.result()


def second(root: Path, *, name: str = "second") -> Path:
    """A model of the same cells, trained on other cells of their subjects."""
    table = simulated.predictions()
    logit = table["logit"] + np.random.default_rng(4).normal(0, 1, len(table))
    table = table.assign(logit=logit, probability=special.expit(logit))
    path = simulated.folder(root, name=name, table=table)
    info = model_folder.read_info(path)
    changed = dataclasses.replace(
        info, threshold=SECOND_THRESHOLD, training=simulated.torn(info.training)
    )
    model_folder.write_info(path, changed)
    return path


def brought() -> pd.DataFrame:
    """Predictions as somebody may bring them: the test cells, by another program's names."""
    table = simulated.predictions()
    test = table[table["split"] == "test"]
    return pd.DataFrame(
        {
            "file": [f"slide-{place}" for place in range(len(test))],
            "label": test["label"].to_numpy(),
            "score": test["probability"].to_numpy(),
            "patient": test["subject"].to_numpy(),
        }
    )
