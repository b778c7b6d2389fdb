"""Training runs of an experiment: cached, and resumed after a kill."""

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray
from tqdm import tqdm

import allcore
from allcore.data import decoded_cells, duplicate_cells, readers, splits
from allcore.data.decoded_cells import DecodedCells
from allcore.data.manifest import Manifest
from allcore.data.preprocessing import Preprocessing
from allcore.data.splits import Split
from allcore.evaluation.metrics import Floats
from allcore.inference import devices
from allcore.research.comparison import budget
from allcore.research.comparison.budget import Budget
from allcore.research.experiments.options import ExperimentOptions
from allcore.training import checkpoint, run
from allcore.training import fabric as processes
from allcore.training.plan import TrainingData, TrainingPlan
from allcore.training.recipe import Recipe

FROZEN = ("body.conv1", "body.bn1", "body.layer1", "body.layer2")
"""Default frozen layers."""
BALANCED, BY_CELL = checkpoint.SCORE, "validation_auroc"
"""Columns of a history: subject-balanced AUROC, and AUROC with equal weights of cells."""
WINDOW = 280


@dataclass(frozen=True)
class Trial:
    """One training run.

    Attributes:
        name: text of a progress bar.
        split: training part and held-out parts.
        recipe: of the training.
        preprocessing: crop and normalisation of the cells.
        init: initial weights.
        architecture: name in the registry.
        config: arguments of its constructor.
    """

    name: str
    split: Split
    recipe: Recipe
    preprocessing: Preprocessing
    init: str
    architecture: str = "qcresnet"
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TrialOutcome:
    """Result of a finished trial.

    Attributes:
        history: one row an epoch.
        best_epoch: the epoch that the validation cells select.
    """

    history: list[dict[str, float]]
    best_epoch: int

    def best(self, column: str) -> float:
        """Value of a history column at the best epoch."""
        return self.history[self.best_epoch][column]

    def last(self, column: str) -> float:
        """Value of a history column at the last epoch."""
        return self.history[-1][column]


@dataclass(frozen=True)
class TrialData:
    """Data shared by all trials of an experiment: N decoded cells and their folds.

    Attributes:
        manifest: labelled images.
        cells: the same, decoded.
        splits: one a fold; duplicates of held-out cells are excluded from training.
        fabric: launched.
        work: folder of finished trials.
        digest: of the manifest.
    """

    manifest: Manifest
    cells: DecodedCells
    splits: tuple[Split, ...]
    fabric: Fabric
    work: Path
    digest: str

    @property
    def targets(self) -> Floats:
        """(N,) 1 for ALL blasts."""
        return np.where(self.manifest.table["label"] == "all", 1.0, 0.0)

    @property
    def device(self) -> str:
        """Display name of the device."""
        return device_name(self.fabric.device)

    def training_data(self, split: Split) -> TrainingData:
        """Training data of a split."""
        return TrainingData(self.manifest, self.cells, split, self.targets)


def load_data(options: ExperimentOptions) -> TrialData:
    """Read, decode and split the data, once for all trials.

    Raises:
        DataError: the data set can't be used, or has too few subjects for the folds.
    """
    manifest = readers.read(options.data).labelled()
    with tqdm(total=len(manifest), desc="Decoding", disable=None) as bar:
        cells = decoded_cells.decode(manifest.paths(), preprocessing(options), progress=bar.update)
    families = duplicate_cells.families(manifest, cells)
    dealt = splits.subject_folds(manifest, seed=0, folds=options.folds)
    return TrialData(
        manifest=manifest,
        cells=cells,
        splits=tuple(apart(split, manifest, families) for split in dealt),
        fabric=processes.launch(devices.choose(options.device)),
        work=options.work,
        digest=manifest.digest(),
    )


def preprocessing(options: ExperimentOptions) -> Preprocessing:
    """Default preprocessing of cells."""
    return Preprocessing(size=options.size, window=WINDOW, normalisation="cell")


def recipe(options: ExperimentOptions, *, epochs: int, **changes: Any) -> Recipe:
    """Recipe of trials without early stopping, so that last epochs are comparable.

    Args:
        options: of the experiment.
        epochs: default where the options have none.
        changes: other fields that differ.
    """
    count = options.epochs or epochs
    fields: dict[str, Any] = {
        "epochs": count,
        "samples": options.samples,
        "ema_decay": 0.98,
        "patience": count,
        "freeze": () if options.init == "none" else FROZEN,
    }
    return Recipe(**fields | changes)


def apart(split: Split, manifest: Manifest, families: NDArray[np.intp]) -> Split:
    """Remove duplicates of held-out cells from training, and of test cells from validation.

    Args:
        split: of the manifest.
        manifest: N images.
        families: (N,) of ``allcore.data.duplicate_cells.families``.
    """
    for part in ("test", "validation"):
        split = splits.without_duplicates(split, manifest, families, of=part)
    return split


def run_all(trials: Sequence[Trial], data: TrialData, *, title: str) -> list[TrialOutcome]:
    """Return the outcome of each trial; finished trials of an earlier run are read.

    Raises:
        ModelError: the initial weights are unavailable.
    """
    outcomes = []
    with tqdm(total=len(trials), desc=title, unit="trial", disable=None) as bar:
        for trial in trials:
            bar.set_postfix_str(trial.name)
            outcomes.append(_outcome(trial, data))
            bar.update()
    return outcomes


def epochs_to(history: Sequence[dict[str, float]], share: float, column: str = BALANCED) -> int:
    """First epoch, counted from 1, that reaches a share of the best score of its run."""
    scores = np.array([row[column] for row in history])
    return int(np.flatnonzero(scores >= share * scores.max())[0]) + 1


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


def _outcome(trial: Trial, data: TrialData) -> TrialOutcome:
    fields = _fields(trial, data)
    folder = data.work / budget.digest(fields)
    fields_of_outcome = cached(data.work, fields, lambda: _train(trial, data, folder))
    (folder / checkpoint.FILE_NAME).unlink(missing_ok=True)
    if folder.is_dir():
        folder.rmdir()
    return TrialOutcome(**fields_of_outcome)


def _fields(trial: Trial, data: TrialData) -> dict[str, Any]:
    shared = Budget(trial.preprocessing, trial.recipe, trial.init, trial.split.folds)
    return shared.fields() | {
        "architecture": trial.architecture,
        "config": dict(trial.config),
        "split": budget.digest({str(image): part for image, part in trial.split.parts.items()}),
        "data": data.digest,
        "device": data.fabric.device.type,
    }


def _train(trial: Trial, data: TrialData, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    plan, split_data = _plan(trial, data, folder), data.training_data(trial.split)
    fitted = run.fit_network(plan, split_data, data.fabric, progress_bar=False)
    return asdict(TrialOutcome(fitted.history, fitted.best_epoch))


def _plan(trial: Trial, data: TrialData, folder: Path) -> TrainingPlan:
    return TrainingPlan(
        data=data.manifest.root,
        out=folder,
        architecture=trial.architecture,
        config=dict(trial.config),
        init=trial.init,
        split=trial.split.kind,
        folds=trial.split.folds,
        fold=trial.split.fold,
        preprocessing=trial.preprocessing,
        recipe=trial.recipe,
        device=data.fabric.device.type,
        command="",
    )
