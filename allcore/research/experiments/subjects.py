"""How AUROC and weighted F1 on unseen subjects grow with the number of training subjects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.data import splits
from allcore.data.splits import Split
from allcore.evaluation import calibration, experiments, paired
from allcore.evaluation.experiments import AIMS, ExperimentRecord, ExperimentRow
from allcore.evaluation.intervals import Interval
from allcore.evaluation.metrics import Floats
from allcore.research.experiments import learning_curve_fit, statistics, trials
from allcore.research.experiments.options import Options
from allcore.research.experiments.statistics import change, words
from allcore.research.experiments.trials import Bench, Outcome, Trial

COUNTS = (6, 12, 18, 24)
"""Training subjects of the smaller draws; the last draw is all there are."""
EPOCHS = 2
PREDICTION = (
    "Both figures still rise with the last subjects added: all training subjects do clearly better "
    "than a quarter of them, and the error falls as a power of their number. Extrapolated, the "
    "aims need several times the subjects there are."
)
TITLES = {"auroc": "AUROC", "weighted_f1": "Weighted F1", "less": "AUROC, all subjects less these"}
ANSWERED = ("validation", "test")


@dataclass(frozen=True)
class Draw:
    """A fold with only some of its training subjects.

    Attributes:
        count: how many subjects; 0 for all.
        split: of the fold, the others left out.
    """

    count: int
    split: Split


def run(options: Options) -> ExperimentRecord:
    """Train on nested subsets of each fold's training subjects; every cell is tested once a count.

    Raises:
        DataError: the data set can't be used.
    """
    bench = trials.prepare(options)
    drawn = draws(bench)
    planned = [_trial(draw, bench, options) for draw in drawn]
    outcomes = trials.run_all(planned, bench, title="Subjects")
    logits = [_spread(outcome, draw.split, bench) for outcome, draw in zip(outcomes, drawn,
              strict=True)]  # fmt: skip
    shown = planned[0].recipe
    how = (
        f"QCResNet at {options.size} px, {shown.epochs} epochs of {shown.samples} cells whatever "
        f"the number of subjects, initial weights {options.init.rsplit('/', 1)[-1]}."
    )
    return written("subjects", drawn, logits, bench, options, how=how)


def draws(bench: Bench) -> list[Draw]:
    """Each fold with nested subsets of its training subjects, smallest first, all of them last."""
    most = max(len(bench.groups(split, "train")) for split in bench.splits)
    counts = [count for count in COUNTS if count < 0.9 * most] or [max(2, most // 2)]
    return [
        Draw(count, thinned(split, bench, count) if count else split)
        for count in (*counts, 0)
        for split in bench.splits
    ]


def thinned(split: Split, bench: Bench, count: int) -> Split:
    """The split with ``count`` training subjects, each class in its proportion, at least one.

    A smaller draw is part of every larger one.
    """
    table = bench.manifest.table
    train = table[split.mask(bench.manifest, "train")]
    label_of = train.groupby("group")["label"].first().sort_index()
    order = _interleaved(label_of, seed=split.fold)
    left_out = set(label_of.index) - set(order[:count])
    parts = split.parts.copy()
    chosen = table["group"].isin(left_out).to_numpy() & split.mask(bench.manifest, "train")
    parts[table["image_id"].to_numpy()[chosen]] = splits.EXCLUDED
    return replace(split, parts=parts)


def _interleaved(label_of: "pd.Series[str]", *, seed: int) -> list[str]:
    """Subjects shuffled within their class, classes mixed evenly, so that any start is balanced."""
    random = np.random.default_rng(seed)
    places: dict[str, float] = {}
    for _, members in label_of.groupby(label_of):
        # A class of n has its members at (1/2)/n, (3/2)/n, ... of the way.
        for place, name in enumerate(random.permutation(members.index.to_numpy(dtype=str))):
            places[str(name)] = (place + 0.5) / len(members)
    first = [min((n for n in places if label_of[n] == label), key=places.__getitem__)
             for label in sorted(set(label_of))]  # fmt: skip
    rest = sorted((name for name in places if name not in first), key=places.__getitem__)
    return [*first, *rest]


def written(
    name: str,
    drawn: Sequence[Draw],
    logits: Sequence[Floats],
    bench: Bench,
    options: Options,
    *,
    how: str,
) -> ExperimentRecord:
    """The record of a learning curve.

    Args:
        name: of the experiment.
        drawn: what was trained.
        logits: (N,) each, log-odds of held-out cells, NaN elsewhere.
        bench: that it ran on.
        options: of the experiment.
        how: sentence that says what was trained.
    """
    counts = list(dict.fromkeys(draw.count for draw in drawn))
    sizes = {c: _size([d for d in drawn if d.count == c], bench) for c in counts}
    samples = {
        count: _pooled([pair for pair in zip(drawn, logits, strict=True)
                        if pair[0].count == count], bench)
        for count in counts
    }  # fmt: skip
    everything = samples[0].resampled
    rows = tuple(
        _row(sizes[count], samples[count], everything, is_all=not count) for count in counts
    )
    grown = {
        metric: learning_curve_fit.fit(
            [sizes[count] for count in counts], [samples[c].resampled for c in counts], metric
        )
        for metric in AIMS
    }
    return ExperimentRecord(
        name=name,
        title=_TITLES[name],
        question="How do AUROC and weighted F1 on unseen subjects grow with the number of training "
        "subjects?",
        why="A figure that still rises where the data ends is out of reach for want of subjects, "
        "not of networks.",
        prediction=PREDICTION,
        command=options.command,
        data=bench.manifest.name,
        data_digest=bench.digest,
        device=bench.device,
        titles=TITLES,
        rows=rows,
        finding=finding(rows, grown),
        notes=(how, *_NOTES),
    )


def finding(rows: Sequence[ExperimentRow], grown: Mapping[str, learning_curve_fit.Growth]) -> str:
    """Whether the curve still rises, and how far the aims are."""
    few, every = rows[0], rows[-1]
    gained = few.figures["less"]
    rises = statistics.above(gained)
    reached = {metric: every.figures[metric].value >= aim for metric, aim in AIMS.items()}
    far = {metric: each.needed for metric, each in grown.items()}
    last = rows[-2]
    return (
        f"From {few.name} to {every.name} the AUROC goes from {words(few.figures['auroc'])} to "
        f"{words(every.figures['auroc'])} ({change(gained)}), weighted F1 from "
        f"{words(few.figures['weighted_f1'])} to {words(every.figures['weighted_f1'])}; the last "
        f"step, from {last.name}, changes the AUROC by {change(last.figures['less'])}. "
        + " ".join(
            learning_curve_fit.sentence(each, reached=reached[m]) for m, each in grown.items()
        )
        + " "
        + experiments.prediction_verdict(
            [
                ("all training subjects do clearly better than the fewest", rises),
                ("the error falls with every subject added", all(g.falls for g in grown.values())),
                (
                    "the aims need at least twice the subjects there are",
                    all(need >= 2 * grown[m].counts[-1] for m, need in far.items()),
                ),
            ]
        )
    )


_TITLES = {
    "subjects": "Would more subjects help?",
    "subjects-features": "Would more subjects help a classifier of frozen features?",
}
_NOTES = (
    "For each fold, subsets of its training subjects are drawn, each part of the next larger one, "
    "classes in proportion. Every cell is tested once a count; the epoch and the calibration come "
    "from the fold's validation subjects, which are the same for every count, so that nothing is "
    "chosen on tested cells. Intervals are over subjects.",
    "The extrapolation lays a power law through a handful of points inside the data and carries it "
    "far beyond: it says an order of magnitude, for subjects like these, and nothing about "
    "slides of another laboratory.",
)


@dataclass(frozen=True)
class _Pooled:
    """Out-of-fold figures of one count, and their resamples over subjects."""

    figures: dict[str, Interval]
    resampled: paired.Resampled
    cells: int
    subjects: int


def _trial(draw: Draw, bench: Bench, options: Options) -> Trial:
    return Trial(
        name=f"{draw.count or 'all'} subjects, fold {draw.split.fold + 1}",
        split=draw.split,
        recipe=trials.recipe(options, epochs=EPOCHS),
        preprocessing=trials.preprocessing(options),
        init=options.init,
        tested=True,
    )


def _spread(outcome: Outcome, split: Split, bench: Bench) -> Floats:
    """(N,) log-odds of the held-out cells at their rows, NaN elsewhere."""
    found = np.full(len(bench.manifest), np.nan)
    for part in ANSWERED:
        found[split.mask(bench.manifest, part)] = outcome.logits[part]
    return found


def _pooled(pairs: Sequence[tuple[Draw, Floats]], bench: Bench) -> _Pooled:
    """Calibrate each fold on its validation cells and pool the tested ones."""
    labels = bench.targets.astype(int)
    groups = bench.manifest.table["group"].to_numpy(dtype=str)
    probability = np.full(len(labels), np.nan)
    for draw, logits in pairs:
        held, tested = (draw.split.mask(bench.manifest, part) for part in ANSWERED)
        platt = calibration.fit_platt(logits[held], labels[held], groups[held])
        probability[tested] = platt.probability(logits[tested])
    known: NDArray[np.bool_] = np.isfinite(probability)
    shown, truth, who = probability[known], labels[known], groups[known]
    found = statistics.pooled(labels=truth, probabilities=shown, subjects=who)
    return _Pooled(
        {name: statistics.as_figure(found[name].over_subjects) for name in AIMS},
        paired.resample(labels=truth, probabilities=shown, subjects=who),
        int(known.sum()),
        len(np.unique(who)),
    )


def _size(drawn: Sequence[Draw], bench: Bench) -> float:
    """Mean number of training subjects over folds."""
    return float(np.mean([len(bench.groups(draw.split, "train")) for draw in drawn]))


def _row(
    size: float, pooled: _Pooled, everything: paired.Resampled, *, is_all: bool
) -> ExperimentRow:
    figures = dict(pooled.figures)
    if not is_all:
        less = paired.difference(everything, pooled.resampled, "auroc")
        figures["less"] = statistics.as_figure(less)
    return ExperimentRow(
        name=f"{'all ' if is_all else ''}{size:.0f} training subjects",
        figures=figures,
        cells=pooled.cells,
        subjects=pooled.subjects,
    )
