"""Experiment: QCResNet's head against one linear layer, with the same recipe, folds and seeds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from lightning.fabric import Fabric
from tqdm import tqdm

from allcore.data.manifest import Manifest
from allcore.data.preprocessing import Preprocessing
from allcore.evaluation import experiments
from allcore.evaluation.comparison import NETWORKS
from allcore.evaluation.experiments import ExperimentRecord, ExperimentRow
from allcore.evaluation.intervals import Interval
from allcore.inference import devices
from allcore.research.experiments import statistics, trials
from allcore.research.experiments.options import ExperimentOptions
from allcore.research.experiments.statistics import change
from allcore.training import checkpoint, out_of_fold
from allcore.training import fabric as processes
from allcore.training import plan as plans
from allcore.training import run as training
from allcore.training.plan import TrainingData, TrainingPlan
from allcore.training.recipe import Recipe

HEADS = ("qcresnet", "resnet18")
BALANCED, BY_CELL = checkpoint.SCORE, "validation_auroc"
"""Columns of a history: subject-balanced AUROC, and AUROC with equal weights of cells."""
EPOCHS = 4
SHARE = 0.95
LESS = "Difference"
PREDICTION = (
    "The head makes no clear difference to the AUROC on unseen subjects: what generalises is the "
    "body, and one linear layer reads it as well. Nor does it converge faster: with three fresh "
    "layers in the place of one, its first epoch is no better."
)
History = list[dict[str, float]]

MEASURES: dict[str, tuple[str, Callable[[History], float]]] = {
    "balanced": ("AUROC, subjects balanced", lambda history: best_epoch(history)[BALANCED]),
    "cell": ("AUROC by cell", lambda history: best_epoch(history)[BY_CELL]),
    "loss": ("Validation loss", lambda history: best_epoch(history)["validation_loss"]),
    "first": ("AUROC after the first epoch", lambda history: history[0][BALANCED]),
    "epochs": (
        "Epochs to 95 % of the best",
        lambda history: epochs_to(history, SHARE),
    ),
    "seconds": (
        "Seconds an epoch",
        lambda history: float(np.median([row["seconds"] for row in history])),
    ),
}


def run(options: ExperimentOptions) -> ExperimentRecord:
    """Train both heads for every fold and seed; evaluate on validation subjects.

    Raises:
        DataError: the data set can't be used.
    """
    fabric = processes.launch(devices.choose(options.device))
    folds = plans.gather_folds(_plan(HEADS[0], 0, options), show=fabric.is_global_zero)
    # Interleaved, so that other load on the machine affects both alike.
    trained = [(seed, fold, head) for seed in range(options.seeds)
               for fold in range(options.folds) for head in HEADS]  # fmt: skip
    histories: dict[str, list[History]] = {head: [] for head in HEADS}
    for seed, fold, head in tqdm(trained, desc="Head", unit="network", disable=None):
        data = _validated(folds, fold)
        train = partial(_train, data=data, fabric=fabric)
        result = trials.run_trial(_plan(head, seed, options), data, fabric, train)
        histories[head].append(result["history"])
    values = {head: _values(of_head, options) for head, of_head in histories.items()}
    manifest = folds[0].manifest
    rows = _rows(values, manifest)
    return ExperimentRecord(
        name="head",
        title="Is the paper's head better than one linear layer, and does it converge faster?",
        question="Does QCResNet's head order the cells of unseen subjects better than ResNet-18's "
        "one linear layer, and does it get there sooner?",
        why="The paper claims both; it compares on images split at random.",
        prediction=PREDICTION,
        command=options.command,
        data=manifest.name,
        data_digest=manifest.digest(),
        device=trials.device_name(fabric.device),
        titles={name: title for name, (title, _) in MEASURES.items()},
        rows=rows,
        finding=finding(rows[-1].figures),
        notes=_notes(values, options),
    )


def finding(less: Mapping[str, Interval]) -> str:
    """Sentence on quality and speed, by the intervals of QCResNet less ResNet-18."""
    area, loss, first, epochs = (less[name] for name in ("balanced", "loss", "first", "epochs"))
    better, worse = statistics.above(area), statistics.below(area)
    word = "better than" if better else "worse than" if worse else "not clearly different from"
    sooner = statistics.above(first) or statistics.below(epochs)
    verb = "converges" if sooner else "does not clearly converge"
    return (
        f"On unseen subjects QCResNet's head is {word} one linear layer: AUROC {change(area)}, "
        f"validation loss {change(loss)}. It {verb} faster: AUROC after the first "
        f"epoch {change(first)}, epochs to 95 % of its best "
        f"{change(epochs)}. "
    ) + experiments.prediction_verdict(
        [
            ("no clear difference in AUROC", not better and not worse),
            ("no faster convergence", not sooner),
        ]
    )


def best_epoch(history: History) -> dict[str, float]:
    """Row of the epoch with the best balanced AUROC."""
    return max(history, key=lambda row: row[BALANCED])


def epochs_to(history: History, share: float, column: str = BALANCED) -> int:
    """First epoch, counted from 1, that reaches a share of the best score of its run."""
    scores = np.array([row[column] for row in history])
    return int(np.flatnonzero(scores >= share * scores.max())[0]) + 1


def _plan(head: str, seed: int, options: ExperimentOptions) -> TrainingPlan:
    """Plan without early stopping, so that all curves have one length."""
    epochs = options.epochs or EPOCHS
    return TrainingPlan(
        data=options.data,
        out=options.work / "head",
        architecture=head,
        config={},
        init=options.init,
        split="subject",
        folds=options.folds,
        fold=0,
        preprocessing=Preprocessing(size=options.size),
        recipe=Recipe(
            epochs=epochs, samples=options.samples, patience=epochs, subject_strength=1.0, seed=seed
        ),
        device=options.device,
        command=options.command,
    )


def _validated(folds: Sequence[TrainingData], fold: int) -> TrainingData:
    """The data with the cells of a fold for validation and the others for training."""
    data = out_of_fold.held_out(folds, fold)
    parts = data.split.parts.replace("test", "validation")
    return replace(data, split=replace(data.split, parts=parts))


def _train(plan: TrainingPlan, data: TrainingData, fabric: Fabric) -> dict[str, Any]:
    fitted = training.fit_network(plan, data, fabric, progress_bar=False)
    return {"history": fitted.history}


def _values(histories: Sequence[History], options: ExperimentOptions) -> dict[str, np.ndarray]:
    """Each measure as (seeds, folds)."""
    shape = (options.seeds, options.folds)
    return {
        name: np.array([measure(history) for history in histories], dtype=float).reshape(shape)
        for name, (_, measure) in MEASURES.items()
    }


def _rows(
    values: Mapping[str, Mapping[str, np.ndarray]], manifest: Manifest
) -> tuple[ExperimentRow, ...]:
    qcresnet, resnet18 = (values[head] for head in HEADS)
    difference = {name: qcresnet[name] - resnet18[name] for name in MEASURES}
    names = (*(NETWORKS[head] for head in HEADS), LESS)
    return tuple(
        ExperimentRow(
            name=name,
            figures={measure: _figure(measure, row[measure], name) for measure in MEASURES},
            cells=len(manifest),
            subjects=int(manifest.table["group"].nunique()),
        )
        for name, row in zip(names, (qcresnet, resnet18, difference), strict=True)
    )


def _figure(measure: str, values: np.ndarray, row: str) -> Interval:
    """Estimate of values (seeds, folds): mean over seeds, interval over folds."""
    least = -np.inf if row == LESS else 0.0
    most = 1.0 if measure in ("balanced", "cell", "first") else np.inf
    return statistics.over_folds(values.mean(0), least=least, most=most)


def _notes(
    values: Mapping[str, Mapping[str, np.ndarray]], options: ExperimentOptions
) -> tuple[str, ...]:
    wins = (values[HEADS[0]]["balanced"] > values[HEADS[1]]["balanced"]).sum()
    return (
        f"{options.size} px, {options.epochs or EPOCHS} epochs of {options.samples} cells, "
        f"{options.folds} folds, seeds 0 to {options.seeds - 1}, initial weights "
        f"{options.init.rsplit('/', 1)[-1]}.",
        f"With the same seed and fold QCResNet has the higher AUROC in {wins} of "
        f"{options.seeds * options.folds} pairs.",
        "All figures are of the folds' validation subjects, at the epoch they chose. The "
        "difference is QCResNet less ResNet-18, paired by seed and fold. Seeds of one fold are "
        "averaged first: they share subjects, so that only folds count as independent.",
        statistics.FOLDS,
    )
