"""Experiment: effect of single choices of the recipe on unseen subjects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from allcore.data.augmentation import Augmentation
from allcore.data.preprocessing import Preprocessing
from allcore.errors import AllScopeError
from allcore.evaluation.experiments import ExperimentRecord, ExperimentRow
from allcore.evaluation.intervals import Interval
from allcore.research.experiments import statistics, trials
from allcore.research.experiments.options import ExperimentOptions
from allcore.research.experiments.trials import BALANCED, BY_CELL, Trial, TrialData, TrialOutcome

BASE = "base"
EPOCHS = 3
PREDICTION = (
    "Per-cell normalisation, initial weights and frozen early layers carry the recipe: taking any "
    "of them away lowers the AUROC clearly. Every other change moves it by less than folds differ."
)
TITLES = {
    "difference": "Chosen epoch, less base",
    "balanced": "AUROC, chosen epoch, subjects balanced",
    "cell": "by cell",
    "last_balanced": "AUROC, last epoch, subjects balanced",
    "last_cell": "last epoch, by cell",
    "last_difference": "Last epoch, less base",
}


@dataclass(frozen=True)
class Variant:
    """The recipe with one change.

    Attributes:
        name: value of ``--variants``.
        title: display name of the change.
        expected: sign of the expected difference to base, 0 for no clear one.
        prediction: reason for it, in one line.
        changes: fields of the recipe.
        normalisation: of the preprocessing.
        init: initial weights; empty for those of the options.
        config: arguments of the network's constructor.
    """

    name: str
    title: str
    expected: int
    prediction: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    normalisation: Literal["imagenet", "cell"] = "cell"
    init: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)


VARIANTS = (
    Variant(BASE, "Base", 0, ""),
    Variant(
        "imagenet-norm", "Fixed normalisation instead of per cell", -1,
        "Lower: the subject's stain and brightness become cues.", normalisation="imagenet",
    ),
    Variant(
        "nothing-frozen", "Nothing frozen", -1,
        "Lower: early layers fit the stain of few subjects.", {"freeze": ()},
    ),
    Variant(
        "layer3-frozen", "Frozen to layer3", 0,
        "No clear change: less to overfit with, less to adapt.",
        {"freeze": (*trials.FROZEN, "body.layer3")},
    ),
    Variant(
        "stages", "Body frozen; the head reads statistics of layer1 to layer3 inside the cell", 1,
        "Higher: statistics of early layers describe chromatin, and a frozen body fits no subject.",
        {"freeze": ("body",), "learning_rate": 3e-3}, normalisation="imagenet",
        config={"stages": ("layer1", "layer2", "layer3")},
    ),
    Variant(
        "heavy", "Scale, brightness, stain and contrast varied twice as far", 0,
        "No clear change: per-cell normalisation has removed most of it already.",
        {"augmentation": Augmentation(scale=1.4, brightness=0.4, stain=0.2, contrast=0.3)},
    ),
    Variant(
        "plain-stain", "Stain, brightness and contrast not varied", 0,
        "No clear change, for the same reason.",
        {"augmentation": Augmentation(brightness=0.0, stain=0.0, contrast=0.0)},
    ),
    Variant(
        "mixup", "Mixup 0.4", 0,
        "No clear change: it fights memory of single cells, not of subjects.", {"mixup": 0.4},
    ),
    Variant(
        "slow", "Learning rate x 0.3", 0,
        "No clear change: less is learned, of cells and of subjects.", {"learning_rate": 3e-4},
    ),
    Variant(
        "subjects-alike", "Every subject drawn alike (subject strength 1)", 0,
        "No clear change: small subjects count more, but their few cells are learned by heart.",
        {"subject_strength": 1.0},
    ),
    Variant(
        "cells-alike", "Every cell drawn alike (subject strength 0)", -1,
        "Lower: single large subjects decide.", {"subject_strength": 0.0},
    ),
    Variant(
        "decay", "Weight decay 0.5", 0,
        "No clear change: few steps, so that decay hardly acts.", {"weight_decay": 0.5},
    ),
    Variant(
        "from-nothing", "No initial weights, everything trained at the full rate", -1,
        "Clearly lower: few epochs can't make up for them.",
        {"freeze": (), "body_rate": 1.0}, init="none",
    ),
)  # fmt: skip


def run(options: ExperimentOptions) -> ExperimentRecord:
    """Train every variant for every fold; evaluate on validation subjects.

    Raises:
        DataError: the data set can't be used.
        AllScopeError: there is no such variant.
    """
    variants = chosen(options.variants)
    data = trials.load_data(options)
    planned = [_trial(variant, fold, data, options) for variant in variants
               for fold in range(options.folds)]  # fmt: skip
    outcomes = trials.run_all(planned, data, title="Recipe")
    by_name = {
        variant.name: outcomes[place * options.folds : (place + 1) * options.folds]
        for place, variant in enumerate(variants)
    }
    rows = tuple(_row(variant, by_name, data) for variant in variants)
    return ExperimentRecord(
        name="recipe",
        title="Which choices of the recipe help on unseen subjects?",
        question="How much does the AUROC on unseen subjects change with one choice of the recipe?",
        why="A choice is worth keeping where it helps on subjects that training never saw.",
        prediction=PREDICTION,
        command=options.command,
        data=data.manifest.name,
        data_digest=data.digest,
        device=data.device,
        titles=TITLES,
        rows=rows,
        finding=finding(variants, rows),
        notes=_notes(planned[0], options),
    )


def chosen(names: Sequence[str]) -> list[Variant]:
    """Return the variants of these names, with base first; all without names.

    Raises:
        AllScopeError: there is no such variant.
    """
    known = {variant.name: variant for variant in VARIANTS}
    for name in names:
        if name not in known:
            raise AllScopeError(f"There is no variant '{name}': choose of {', '.join(known)}.")
    return [variant for name, variant in known.items() if not names or name in (BASE, *names)]


def finding(variants: Sequence[Variant], rows: Sequence[ExperimentRow]) -> str:
    """Sentences on helpful and harmful changes, and on the number of correct predictions."""
    directions = {v.title: _direction(row) for v, row in zip(variants, rows, strict=True)}
    pairs = [(v, directions[v.title]) for v in variants if v.name != BASE]
    if not pairs:
        return "Only base was run."
    lines = [
        f"{head}: {'; '.join(v.title for v, way in pairs if way == sign) or 'none'}."
        for sign, head in ((1, "Clearly better than base"), (-1, "Clearly worse"),
                           (0, "No clear difference"))
    ]  # fmt: skip
    confirmed = sum(v.expected == way for v, way in pairs)
    wrong = "; ".join(v.title for v, way in pairs if v.expected != way)
    lines.append(f"The prediction held for {confirmed} of {len(pairs)}" + (
        f", not for: {wrong}." if wrong else "."
    ))  # fmt: skip
    return " ".join(lines)


def _direction(row: ExperimentRow) -> int:
    """Sign of the difference to base where its interval excludes 0, else 0."""
    difference = row.figures.get("difference")
    if difference is None:
        return 0
    return int(statistics.above(difference)) - int(statistics.below(difference))


def _trial(variant: Variant, fold: int, data: TrialData, options: ExperimentOptions) -> Trial:
    base = trials.preprocessing(options)
    return Trial(
        name=f"{variant.name}, fold {fold + 1}",
        split=data.splits[fold],
        recipe=trials.recipe(options, epochs=EPOCHS, **variant.changes),
        preprocessing=Preprocessing(
            size=base.size, window=base.window, normalisation=variant.normalisation
        ),
        init=variant.init or options.init,
        config=variant.config,
    )


def _row(
    variant: Variant, by_name: Mapping[str, Sequence[TrialOutcome]], data: TrialData
) -> ExperimentRow:
    outcomes, base = by_name[variant.name], by_name[BASE]
    best, last = TrialOutcome.best, TrialOutcome.last
    values = {
        "balanced": [best(outcome, BALANCED) for outcome in outcomes],
        "cell": [best(outcome, BY_CELL) for outcome in outcomes],
        "last_balanced": [last(outcome, BALANCED) for outcome in outcomes],
        "last_cell": [last(outcome, BY_CELL) for outcome in outcomes],
    }
    if variant.name != BASE:
        for name, read in (("difference", best), ("last_difference", last)):
            pairs = zip(outcomes, base, strict=True)
            values[name] = [read(a, BALANCED) - read(b, BALANCED) for a, b in pairs]
    validation = np.logical_or.reduce([s.mask(data.manifest, "validation") for s in data.splits])
    return ExperimentRow(
        name=variant.title,
        figures={name: figure(name, values_of_folds) for name, values_of_folds in values.items()},
        cells=int(validation.sum()),
        subjects=int(data.manifest.table["group"][validation].nunique()),
        prediction=variant.prediction,
    )


def figure(name: str, values: Sequence[float]) -> Interval:
    """Estimate of an AUROC, or a difference of two, from one value a fold."""
    is_less = name in ("difference", "last_difference")
    return statistics.over_folds(values, least=-1.0 if is_less else 0.0, most=1.0)


def _notes(trial: Trial, options: ExperimentOptions) -> tuple[str, ...]:
    recipe = trial.recipe
    return (
        f"QCResNet at {options.size} px, {recipe.epochs} epochs of {recipe.samples} cells, "
        f"{options.folds} folds, initial weights {options.init.rsplit('/', 1)[-1]}; each fold "
        "trains on all parts but its validation and its test part.",
        "All figures are of the folds' validation subjects; no test cell was looked at. The epoch "
        "is chosen by these same subjects, which flatters all variants alike; the last epoch is "
        "not chosen.",
        statistics.FOLDS,
    )
