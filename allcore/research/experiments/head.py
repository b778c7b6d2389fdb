"""Experiment: QCResNet's head against one linear layer, with the same recipe, folds and seeds."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from allcore.evaluation import experiments
from allcore.evaluation.comparison import NETWORKS
from allcore.evaluation.experiments import ExperimentRecord, ExperimentRow
from allcore.evaluation.intervals import Interval
from allcore.research.experiments import statistics, trials
from allcore.research.experiments.options import ExperimentOptions
from allcore.research.experiments.statistics import change
from allcore.research.experiments.trials import BALANCED, BY_CELL, Trial, TrialData, TrialOutcome

HEADS = ("qcresnet", "resnet18")
EPOCHS = 4
SHARE = 0.95
LESS = "Difference"
PREDICTION = (
    "The head makes no clear difference to the AUROC on unseen subjects: what generalises is the "
    "body, and one linear layer reads it as well. Nor does it converge faster: with three fresh "
    "layers in the place of one, its first epoch is no better."
)
MEASURES: dict[str, tuple[str, Callable[[TrialOutcome], float]]] = {
    "balanced": ("AUROC, subjects balanced", lambda outcome: outcome.best(BALANCED)),
    "cell": ("AUROC by cell", lambda outcome: outcome.best(BY_CELL)),
    "loss": ("Validation loss", lambda outcome: outcome.best("validation_loss")),
    "first": ("AUROC after the first epoch", lambda outcome: outcome.history[0][BALANCED]),
    "epochs": (
        "Epochs to 95 % of the best",
        lambda outcome: trials.epochs_to(outcome.history, SHARE),
    ),
    "seconds": (
        "Seconds an epoch",
        lambda outcome: float(np.median([row["seconds"] for row in outcome.history])),
    ),
}


def run(options: ExperimentOptions) -> ExperimentRecord:
    """Train both heads for every fold and seed; evaluate on validation subjects.

    Raises:
        DataError: the data set can't be used.
    """
    data = trials.load_data(options)
    places = [(seed, fold) for seed in range(options.seeds) for fold in range(options.folds)]
    # Interleaved, so that other load on the machine affects both alike.
    planned = [_trial(head, *place, data, options) for place in places for head in HEADS]
    outcomes = trials.run_all(planned, data, title="Head")
    values = {head: _values(outcomes[number :: len(HEADS)], options)
              for number, head in enumerate(HEADS)}  # fmt: skip
    rows = _rows(values, data)
    return ExperimentRecord(
        name="head",
        title="Is the paper's head better than one linear layer, and does it converge faster?",
        question="Does QCResNet's head order the cells of unseen subjects better than ResNet-18's "
        "one linear layer, and does it get there sooner?",
        why="The paper claims both; it compares on images split at random.",
        prediction=PREDICTION,
        command=options.command,
        data=data.manifest.name,
        data_digest=data.digest,
        device=data.device,
        titles={name: title for name, (title, _) in MEASURES.items()},
        rows=rows,
        finding=finding(rows[-1].figures),
        notes=_notes(planned[0], values, options),
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


def _trial(head: str, seed: int, fold: int, data: TrialData, options: ExperimentOptions) -> Trial:
    return Trial(
        name=f"{head}, seed {seed}, fold {fold + 1}",
        split=data.splits[fold],
        recipe=trials.recipe(options, epochs=EPOCHS, seed=seed),
        preprocessing=trials.preprocessing(options),
        init=options.init,
        architecture=head,
    )


def _values(outcomes: Sequence[TrialOutcome], options: ExperimentOptions) -> dict[str, np.ndarray]:
    """Each measure as (seeds, folds)."""
    shape = (options.seeds, options.folds)
    return {
        name: np.array([measure(outcome) for outcome in outcomes], dtype=float).reshape(shape)
        for name, (_, measure) in MEASURES.items()
    }


def _rows(
    values: Mapping[str, Mapping[str, np.ndarray]], data: TrialData
) -> tuple[ExperimentRow, ...]:
    qcresnet, resnet18 = (values[head] for head in HEADS)
    difference = {name: qcresnet[name] - resnet18[name] for name in MEASURES}
    names = (*(NETWORKS[head] for head in HEADS), LESS)
    validation = np.logical_or.reduce([s.mask(data.manifest, "validation") for s in data.splits])
    subjects = int(data.manifest.table["group"][validation].nunique())
    return tuple(
        ExperimentRow(
            name=name,
            figures={measure: _figure(measure, row[measure], name) for measure in MEASURES},
            cells=int(validation.sum()),
            subjects=subjects,
        )
        for name, row in zip(names, (qcresnet, resnet18, difference), strict=True)
    )


def _figure(measure: str, values: np.ndarray, row: str) -> Interval:
    """Estimate of values (seeds, folds): mean over seeds, interval over folds."""
    least = -np.inf if row == LESS else 0.0
    most = 1.0 if measure in ("balanced", "cell", "first") else np.inf
    return statistics.over_folds(values.mean(0), least=least, most=most)


def _notes(
    trial: Trial, values: Mapping[str, Mapping[str, np.ndarray]], options: ExperimentOptions
) -> tuple[str, ...]:
    wins = (values[HEADS[0]]["balanced"] > values[HEADS[1]]["balanced"]).sum()
    return (
        f"{options.size} px, {trial.recipe.epochs} epochs of {trial.recipe.samples} cells, "
        f"{options.folds} folds, seeds 0 to {options.seeds - 1}, initial weights "
        f"{options.init.rsplit('/', 1)[-1]}.",
        f"With the same seed and fold QCResNet has the higher AUROC in {wins} of "
        f"{options.seeds * options.folds} pairs.",
        "All figures are of the folds' validation subjects, at the epoch they chose. The "
        "difference is QCResNet less ResNet-18, paired by seed and fold. Seeds of one fold are "
        "averaged first: they share subjects, so that only folds count as independent.",
        statistics.FOLDS,
    )
