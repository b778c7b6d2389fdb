"""What helps a head that reads statistics of a frozen body: one choice changed at a time.

The body is read once a cell, so that a training takes seconds and many choices can be tried.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from allcore.evaluation.experiments import ExperimentRecord, ExperimentRow
from allcore.research.experiments import recipe, stages_trials, statistics, trials
from allcore.research.experiments.options import Options
from allcore.research.experiments.recipe import BASE, Variant
from allcore.research.experiments.stages_trials import Answer, Scores
from allcore.research.experiments.trials import Bench

EPOCHS = 6
PREDICTION = (
    "Resolution and shrinking what tells subjects of one class apart help; averaging answers or "
    "weights helps a little, if at all; everything else moves the AUROC by less than folds differ."
)
TITLES = {
    "difference": "AUROC less base",
    "balanced": "AUROC, subjects balanced",
    "cell": "AUROC by cell",
    "last_balanced": "Last epoch, subjects balanced",
}


@dataclass(frozen=True, kw_only=True)
class Choice(Variant):
    """A variant of the head's training.

    Attributes:
        scale: side of the input over that of the options.
        answer: whose answer counts, see ``stages_trials.Answer``.
    """

    scale: float = 1.0
    answer: Answer = "one"


VARIANTS = (
    Choice(BASE, "Base", 0, ""),
    Choice(
        "half-size", "Half the resolution", -1,
        "Lower: chromatin is finer than the pixels that remain.", scale=0.5,
    ),
    Choice(
        "native-size", "Native resolution", 0,
        "No clear change: little detail is left between the two.", scale=1.25,
    ),
    Choice(
        "shrunk", "Directions that tell subjects apart shrunk, strength 3", 1,
        "Higher: what differs among subjects of a class can't tell the class of a new one.",
        {"subject_shrinkage": 3.0},
    ),
    Choice(
        "shrunk-1", "Directions that tell subjects apart shrunk, strength 1", 1,
        "Higher, for the same reason.",
        {"subject_shrinkage": 1.0},
    ),
    Choice(
        "shrunk-10", "Directions that tell subjects apart shrunk, strength 10", 1,
        "Higher, but less: the class is shrunk as well.",
        {"subject_shrinkage": 10.0},
    ),
    Choice(
        "one-layer", "One linear layer instead of the paper's head", 0,
        "No clear change: hundreds of statistics of a few thousand cells are nearly separable.",
        config={"widths": ()},
    ),
    Choice(
        "mixup", "Mixup 0.4", 0, "No clear change: it fights memory of cells, not of subjects.",
        {"mixup": 0.4},
    ),
    Choice(
        "hard-labels", "No label smoothing", 0, "No clear change in the order of cells.",
        {"label_smoothing": 0.0},
    ),
    Choice(
        "no-average", "Weights not averaged over steps", 0,
        "No clear change: the rate falls to nothing at the end.", {"ema_decay": 0.0},
    ),
    Choice(
        "short-average", "Weights averaged over some ten steps instead of the whole run", 0,
        "No clear change: a narrower average of much the same weights.", {"ema_decay": 0.9},
    ),
    Choice(
        "subjects-alike", "Every subject drawn alike (subject strength 1)", 0,
        "No clear change: a dozen cells of a small subject say little.", {"subject_strength": 1.0},
    ),
    Choice(
        "cells-alike", "Every cell drawn alike (subject strength 0)", -1,
        "Lower: single large subjects decide.", {"subject_strength": 0.0},
    ),
    Choice(
        "decay", "Weight decay 0.5", 0, "No clear change in so few steps.", {"weight_decay": 0.5},
    ),
    Choice(
        "turned", "Mean answer over four quarter turns", 0,
        "No clear change: statistics hardly depend on the direction.", answer="turned",
    ),
    Choice(
        "ensemble", "Mean answer of all seeds", 0,
        "No clear change: seeds err on the same subjects.", answer="ensemble",
    ),
    Choice(
        "taught", "Distilled: half of each label from networks without the cell's subject", 0,
        "No clear change: teachers know no subject that the student does not.", answer="taught",
    ),
    Choice(
        "alike-taught", "Distilled, and every subject drawn alike", 1,
        "Higher: after the runs above, which say so of either alone.",
        {"subject_strength": 1.0}, answer="taught",
    ),
    Choice(
        "alike-taught-shrunk", "Distilled, subjects alike, their directions shrunk, strength 3", 0,
        "No clear change to that: after the runs above, in which shrinking did nothing.",
        {"subject_strength": 1.0, "subject_shrinkage": 3.0}, answer="taught",
    ),
)  # fmt: skip


def run(options: Options) -> ExperimentRecord:
    """Train every variant for every fold and seed; figures are those of validation subjects.

    Raises:
        DataError: the data set can't be used.
        AllScopeError: there is no such variant.
        ModelError: the initial weights can't be had.
    """
    variants = recipe.chosen(options.variants, VARIANTS)
    bench = trials.prepare(options)
    found = {
        variant.name: stages_trials.scores(
            asked=stages_trials.Asked(
                changes=variant.changes,
                config=variant.config,
                size=round(options.size * variant.scale),
                answer=variant.answer,
            ),
            bench=bench,
            options=options,
            epochs=EPOCHS,
        )
        for variant in variants
    }
    rows = tuple(_row(variant, found, bench) for variant in variants)
    return ExperimentRecord(
        name="stages",
        title="What helps a head that reads statistics of a frozen body?",
        question="How much does the AUROC on unseen subjects change with one choice, where the "
        "body stays as ImageNet left it and the head reads its statistics inside the cell?",
        why="The shipped model is made this way; a choice is kept where it helps on subjects that "
        "training never saw.",
        prediction=PREDICTION,
        command=options.command,
        data=bench.manifest.name,
        data_digest=bench.digest,
        device=bench.device,
        titles=TITLES,
        rows=rows,
        finding=recipe.finding(variants, rows),
        notes=_notes(options),
    )


def _row(variant: Choice, found: Mapping[str, Sequence[Scores]], bench: Bench) -> ExperimentRow:
    own, base = found[variant.name], found[BASE]
    values = {
        "balanced": [each.balanced for each in own],
        "cell": [each.cell for each in own],
        "last_balanced": [each.last_balanced for each in own],
    }
    if variant.name != BASE:
        pairs = zip(own, base, strict=True)
        values["difference"] = [a.balanced - b.balanced for a, b in pairs]
    held = np.logical_or.reduce([s.mask(bench.manifest, "validation") for s in bench.splits])
    return ExperimentRow(
        name=variant.title,
        figures={name: recipe.figure(name, numbers) for name, numbers in values.items()},
        cells=int(held.sum()),
        subjects=int(bench.manifest.table["group"][held].nunique()),
        prediction=variant.prediction,
    )


def _notes(options: Options) -> tuple[str, ...]:
    return (
        f"QCResNet on statistics of layer1 to layer3 at {options.size} px, "
        f"{options.epochs or EPOCHS} epochs of {options.samples} cells, {options.folds} folds, "
        f"{options.seeds} seeds that are averaged before folds are compared, initial weights "
        f"{options.init.rsplit('/', 1)[-1]}; each fold trains on all parts but its validation and "
        "its test part. Cells are read as they are, so that nothing varies them.",
        "All figures are of the folds' validation subjects; no test cell was looked at. The epoch "
        "is chosen by these same subjects, which flatters all variants alike; the last epoch is "
        "not chosen.",
        "Teachers of the distilled network are trained on the other training parts of the fold; a "
        "cell's target is the mean of its label and what they answer.",
        statistics.FOLDS,
    )
