"""One run of one network in one round, and what is kept of it so that no run is done twice."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

import allcore
from allcore import model_folder
from allcore.evaluation.comparison import BASELINE
from allcore.nets import registry
from allcore.nets.base import CellNetwork
from allcore.nets.probe import Probe
from allcore.research.comparison import budget, candidates
from allcore.research.comparison.protocols import Round
from allcore.research.comparison.shared_data import Bench
from allcore.training import baseline, checkpoint, embedding, fit
from allcore.training import run as training
from allcore.training.plan import TrainingPlan

LOGITS = "logits.parquet"
DONE = "run.json"
FEATURES = "features.npy"

Answer = tuple[NDArray[np.float64], list[dict[str, float]], float]
"""Log-odds (N,) of all cells, one history row an epoch, seconds of training."""


@dataclass(frozen=True)
class Job:
    """One network in one round."""

    network: str
    held: Round

    @property
    def title(self) -> str:
        """What a progress bar says."""
        fold = f" fold {self.held.fold + 1}" if self.held.protocol == "unseen" else ""
        return f"{self.network}, {self.held.protocol}{fold}"


@dataclass(frozen=True)
class Outcome:
    """What a finished job leaves.

    Attributes:
        table: image_id, split (validation or test) and logit, one row a cell.
        history: one row an epoch as training writes it; empty without epochs.
        seconds: of training.
        device: that trained.
    """

    table: pd.DataFrame
    history: list[dict[str, float]]
    seconds: float
    device: str


def place(job: Job, bench: Bench) -> Path:
    """The folder of a job: another one as soon as anything differs that the result hangs on."""
    held, shared = job.held, bench.shared
    base = candidates.FEATURES_OF if candidates.is_probe(job.network) else job.network
    starts = candidates.init_of(base, bench.budget.init)
    key = budget.digest(
        {
            "version": allcore.__version__,
            "network": job.network,
            "recipe": shared["recipe"],
            "preprocessing": shared["preprocessing"],
            "init": "none" if starts == "none" else shared["init"],
            "split": held.digest(),
            "data": bench.data_digest,
        }
    )
    return bench.folder / f"{held.protocol}-{held.fold}-{job.network}-{key}"


def is_done(job: Job, bench: Bench) -> bool:
    """Whether the job's result is kept already."""
    return (place(job, bench) / DONE).exists()


def outcome(job: Job, bench: Bench) -> Outcome:
    """The kept result of a finished job."""
    folder = place(job, bench)
    told = json.loads((folder / DONE).read_text(encoding="utf-8"))
    return Outcome(pd.read_parquet(folder / LOGITS), **told)


def do(job: Job, bench: Bench) -> None:
    """Fit, predict and keep; a run that was killed goes on from its last whole epoch.

    Raises:
        DataError: the data can't be used.
        ModelError: the initial weights can't be had.
    """
    folder = place(job, bench)
    folder.mkdir(parents=True, exist_ok=True)
    logits, history, seconds = _maker(job.network)(job, bench, folder)
    chosen = _used(job, bench)
    parts = job.held.split.parts.reindex(bench.manifest.table["image_id"])
    table = pd.DataFrame(
        {
            "image_id": parts.index[chosen],
            "split": parts.to_numpy()[chosen],
            "logit": logits[chosen],
        }
    )
    table.to_parquet(folder / LOGITS, index=False)
    told = {"history": history, "seconds": round(seconds, 2), "device": bench.device_name}
    part = folder / f"{DONE}.part"
    part.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    part.replace(folder / DONE)  # last and whole: it says that the run is done
    (folder / checkpoint.FILE_NAME).unlink(missing_ok=True)


def _maker(network: str) -> Callable[[Job, Bench, Path], Answer]:
    if network == BASELINE:
        return _baseline
    return _probe if candidates.is_probe(network) else _network


def _network(job: Job, bench: Bench, folder: Path) -> Answer:
    plan = _plan(job, bench, folder)
    fitted = training.fit_network(plan, bench.material(job.held), bench.fabric, progress_bar=False)
    pixels = torch.from_numpy(bench.cells.pixels)
    used = _used(job, bench)
    logits = np.full(len(used), np.nan)
    with bench.fabric.autocast():
        logits[used] = fit.predict(
            fitted.network, pixels[used], plan.preprocessing, device=bench.fabric.device
        ).numpy()
    if job.network == candidates.FEATURES_OF:
        model_folder.write_weights(folder, fitted.network)  # the probes read its features
    return logits, fitted.history, sum(row["seconds"] for row in fitted.history)


def _used(job: Job, bench: Bench) -> NDArray[np.bool_]:
    """(N,) the cells whose log-odds are kept."""
    split = job.held.split
    held = [split.mask(bench.manifest, part) for part in ("validation", "test")]
    return np.asarray(held[0] | held[1])


def _plan(job: Job, bench: Bench, folder: Path) -> TrainingPlan:
    split = job.held.split
    return TrainingPlan(
        data=bench.manifest.root,
        out=folder,
        architecture=job.network,
        config={},
        init=candidates.init_of(job.network, bench.budget.init),
        split=split.kind,
        folds=split.folds,
        fold=split.fold,
        preprocessing=bench.budget.preprocessing,
        recipe=bench.budget.recipe,
        device=bench.device,
        command="",
    )


def _probe(job: Job, bench: Bench, folder: Path) -> Answer:
    """A classifier on the features of this round's network, which ran before."""
    source = place(Job(candidates.FEATURES_OF, job.held), bench)
    base = registry.build(candidates.FEATURES_OF)
    base.load_state_dict(load_file(source / model_folder.WEIGHTS))
    features = _features(base, bench, source / FEATURES)
    material, recipe = bench.material(job.held), bench.budget.recipe
    train = job.held.split.mask(bench.manifest, "train")
    started = time.perf_counter()
    probe = registry.architecture(job.network)
    assert issubclass(probe, Probe)
    fitted = probe.fit(
        base,
        architecture=candidates.FEATURES_OF,
        config={},
        features=features[train],
        targets=material.targets[train],
        weights=material.weights("train", subject_strength=recipe.subject_strength),
        seed=recipe.seed,
    )
    seconds = time.perf_counter() - started
    with torch.inference_mode():
        logits = fitted.head(torch.from_numpy(features)).squeeze(1).double().numpy()
    return logits, [], seconds


def _features(base: CellNetwork, bench: Bench, path: Path) -> NDArray[np.float32]:
    """Penultimate vectors (N, F) of all cells, computed for the first probe that asks."""
    if not path.exists():
        pixels = torch.from_numpy(bench.cells.pixels)
        device = bench.fabric.device
        with bench.fabric.autocast():
            found = embedding.features(
                base.to(device), pixels, bench.budget.preprocessing, device=device
            )
        part = path.with_suffix(".part.npy")
        np.save(part, found.astype(np.float16), allow_pickle=False)
        part.replace(path)
        base.cpu()
    return np.asarray(np.load(path, allow_pickle=False), dtype=np.float32)


def _baseline(job: Job, bench: Bench, folder: Path) -> Answer:
    material, recipe = bench.material(job.held), bench.budget.recipe
    started = time.perf_counter()
    fitted = baseline.fit(
        bench.cells,
        train=job.held.split.mask(bench.manifest, "train"),
        targets=material.targets,
        weights=material.weights("train", subject_strength=recipe.subject_strength),
        seed=recipe.seed,
    )
    seconds = time.perf_counter() - started
    share = fitted.probability(bench.cells).clip(1e-6, 1 - 1e-6)
    return np.log(share / (1 - share)), [], seconds
