"""One run of one network on one split, with a cached result."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from scipy.special import logit

import allcore
from allcore import model_folder
from allcore.evaluation.comparison import BASELINE
from allcore.nets import registry
from allcore.nets.base import CellNetwork
from allcore.nets.probe import Probe
from allcore.research.comparison import budget, candidates
from allcore.research.comparison.protocols import ProtocolSplit
from allcore.research.comparison.shared_data import ComparisonData
from allcore.training import baseline, checkpoint, embedding, fit
from allcore.training import run as training
from allcore.training.plan import TrainingPlan

LOGITS = "logits.parquet"
SUMMARY = "run.json"
FEATURES = "features.npy"

Predicted = tuple[NDArray[np.float64], list[dict[str, float]], float]
"""Log-odds (N,) of all cells, one history row an epoch, seconds of training."""


@dataclass(frozen=True)
class ComparisonRun:
    """One network on one split of a protocol."""

    network: str
    split: ProtocolSplit

    @property
    def title(self) -> str:
        """Text of a progress bar."""
        fold = f" fold {self.split.fold + 1}" if self.split.protocol == "unseen" else ""
        return f"{self.network}, {self.split.protocol}{fold}"


@dataclass(frozen=True)
class RunOutcome:
    """Result of a finished run."""

    table: pd.DataFrame  # image_id, split (validation or test) and logit, one row a cell
    history: list[dict[str, float]]  # training history, one row an epoch; empty without epochs
    seconds: float  # training time
    device: str  # training device


def run_folder(run: ComparisonRun, data: ComparisonData) -> Path:
    """Folder of a run, named by a digest of all inputs of its result."""
    init = candidates.init_of(run.network, data.budget.init)
    key = budget.digest(
        {
            "version": allcore.__version__,
            "network": run.network,
            "recipe": data.shared["recipe"],
            "preprocessing": data.shared["preprocessing"],
            "init": "none" if init == "none" else data.shared["init"],
            "split": run.split.digest(),
            "data": data.data_digest,
        }
    )
    return data.folder / f"{run.split.protocol}-{run.split.fold}-{run.network}-{key}"


def is_finished(run: ComparisonRun, data: ComparisonData) -> bool:
    """True if the run's result is cached."""
    return (run_folder(run, data) / SUMMARY).exists()


def read_outcome(run: ComparisonRun, data: ComparisonData) -> RunOutcome:
    """Read the cached result of a finished run."""
    folder = run_folder(run, data)
    summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    return RunOutcome(pd.read_parquet(folder / LOGITS), **summary)


def perform(run: ComparisonRun, data: ComparisonData) -> None:
    """Fit, predict and cache; a killed run resumes from its last whole epoch.

    Raises:
        DataError: the data can't be used.
        ModelError: the initial weights are unavailable.
    """
    folder = run_folder(run, data)
    folder.mkdir(parents=True, exist_ok=True)
    if run.network == BASELINE:
        logits, history, seconds = _baseline(run, data)
    elif candidates.is_probe(run.network):
        logits, history, seconds = _probe(run, data)
    else:
        logits, history, seconds = _network(run, data, folder)
    rows = _held_out(run, data)
    parts = run.split.split.parts.reindex(data.manifest.table["image_id"])
    table = pd.DataFrame(
        {"image_id": parts.index[rows], "split": parts.to_numpy()[rows], "logit": logits[rows]}
    )
    table.to_parquet(folder / LOGITS, index=False)
    summary = {"history": history, "seconds": round(seconds, 2), "device": data.device_name}
    part = folder / f"{SUMMARY}.part"
    part.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    part.replace(folder / SUMMARY)  # last and atomic: it marks the run as finished
    (folder / checkpoint.FILE_NAME).unlink(missing_ok=True)


def _network(run: ComparisonRun, data: ComparisonData, folder: Path) -> Predicted:
    plan = _plan(run, data, folder)
    fitted = training.fit_network(
        plan, data.training_data(run.split), data.fabric, progress_bar=False
    )
    pixels = torch.from_numpy(data.cells.pixels)
    rows = _held_out(run, data)
    logits = np.full(len(rows), np.nan)
    with data.fabric.autocast():
        logits[rows] = fit.predict(
            fitted.network, pixels[rows], plan.preprocessing, device=data.fabric.device
        ).numpy()
    if run.network == candidates.FEATURES_OF:
        model_folder.write_weights(folder, fitted.network)  # the probes use its features
    return logits, fitted.history, sum(row["seconds"] for row in fitted.history)


def _held_out(run: ComparisonRun, data: ComparisonData) -> NDArray[np.bool_]:
    """(N,) mask of the cells with cached log-odds."""
    validation, test = (
        run.split.split.mask(data.manifest, part) for part in ("validation", "test")
    )
    return np.asarray(validation | test)


def _plan(run: ComparisonRun, data: ComparisonData, folder: Path) -> TrainingPlan:
    split = run.split.split
    return TrainingPlan(
        data=data.manifest.root,
        out=folder,
        architecture=candidates.architecture_of(run.network),
        config={},
        init=candidates.init_of(run.network, data.budget.init),
        split=split.kind,
        folds=split.folds,
        fold=split.fold,
        preprocessing=data.budget.preprocessing,
        recipe=data.budget.recipe,
        device=data.device,
        command="",
    )


def _probe(run: ComparisonRun, data: ComparisonData) -> Predicted:
    """Fit a classifier on the features of the network trained on this split."""
    source = run_folder(ComparisonRun(candidates.FEATURES_OF, run.split), data)
    base = registry.build(candidates.FEATURES_OF)
    base.load_state_dict(load_file(source / model_folder.WEIGHTS))
    features = _features(base, data, source / FEATURES)
    training_data, recipe = data.training_data(run.split), data.budget.recipe
    train = run.split.split.mask(data.manifest, "train")
    started = time.perf_counter()
    probe = registry.architecture(run.network)
    assert issubclass(probe, Probe)
    fitted = probe.fit(
        base,
        architecture=candidates.FEATURES_OF,
        config={},
        features=features[train],
        targets=training_data.targets[train],
        weights=training_data.weights("train", subject_strength=recipe.subject_strength),
        seed=recipe.seed,
    )
    seconds = time.perf_counter() - started
    with torch.inference_mode():
        logits = fitted.head(torch.from_numpy(features)).squeeze(1).double().numpy()
    return logits, [], seconds


def _features(base: CellNetwork, data: ComparisonData, path: Path) -> NDArray[np.float32]:
    """Penultimate vectors (N, F) of all cells, computed once for all probes."""
    if not path.exists():
        pixels, device = torch.from_numpy(data.cells.pixels), data.fabric.device
        with data.fabric.autocast():
            features = embedding.features(
                base.to(device), pixels, data.budget.preprocessing, device=device
            )
        part = path.with_suffix(".part.npy")
        np.save(part, features.astype(np.float16), allow_pickle=False)
        part.replace(path)
        base.cpu()
    return np.asarray(np.load(path, allow_pickle=False), dtype=np.float32)


def _baseline(run: ComparisonRun, data: ComparisonData) -> Predicted:
    training_data, recipe = data.training_data(run.split), data.budget.recipe
    started = time.perf_counter()
    fitted = baseline.fit(
        data.cells,
        train=run.split.split.mask(data.manifest, "train"),
        targets=training_data.targets,
        weights=training_data.weights("train", subject_strength=recipe.subject_strength),
        seed=recipe.seed,
    )
    seconds = time.perf_counter() - started
    return logit(fitted.probability(data.cells).clip(1e-6, 1 - 1e-6)), [], seconds
