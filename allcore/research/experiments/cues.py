"""What plain facts of a picture tell about the class, and about the subject. No network."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from allcore.data import readers, sampling, splits
from allcore.data.manifest import Manifest
from allcore.evaluation import experiments, intervals, paired
from allcore.evaluation.experiments import ExperimentRecord, ExperimentRow
from allcore.evaluation.intervals import Interval
from allcore.evaluation.metrics import Floats
from allcore.research.experiments import cue_features, statistics, trials
from allcore.research.experiments.options import Options
from allcore.research.experiments.statistics import words

BASELINE = ("size.area", "brightness.mean")
ALL, PLAINEST = "All facts together", "Area and mean brightness alone"
LEAKS = ("brightness", "colour", "traces")
"""Cues that were expected to know the subject rather than the cell."""
LARGE_GAP, SMALL_GAP = 0.10, 0.05
PREDICTION = (
    "Size is about the cell: it orders cells of unseen subjects nearly as well as under a split of "
    f"images (gap below {SMALL_GAP}). Brightness, colour and the background's traces of "
    "compression are about the slide: they recognise subjects and lose more than "
    f"{LARGE_GAP:.1f} of AUROC on unseen ones. Position tells nothing about unseen subjects."
)
TITLES = {
    "image": "AUROC, images split at random",
    "unseen": "AUROC, unseen subjects",
    "gap": "Gap",
    "added": "Added to size, unseen subjects",
    "subject": "Subject recognised (share of cells)",
}
LEAF = 40
"""Fewest cells of a leaf, as in the baseline; fewer where there are few cells."""
STRENGTH = 0.5
"""Subject balance of the trees' training, as in the baseline."""


def run(options: Options) -> ExperimentRecord:
    """Measure all cells, then fit trees on each group of facts under both protocols.

    Raises:
        DataError: the data set can't be used, or has too few subjects for the folds.
    """
    manifest = readers.read(options.data).labelled()
    digest = manifest.digest()
    table = measured(manifest, digest, options)
    cells = _Cells.of(manifest, table, folds=options.folds)
    groups = _groups(list(table.columns))
    size = _resampled(groups[cue_features.CUES["size"]], cells, cells.by_subject, cells.groups)[0]
    with tqdm(total=len(groups), desc="Cues", unit="cue", disable=None) as bar:
        rows = tuple(_row(title, columns, cells, size, bar) for title, columns in groups.items())
    largest = manifest.table["group"].value_counts(normalize=True).iloc[0]
    return ExperimentRecord(
        name="cues",
        title="What do plain facts of a picture tell about the class, and about the subject?",
        question="How well do facts that no haematologist goes by tell blasts from normal cells?",
        why="Whatever tells the subject tells the class, for every subject carries one class; a "
        "network that learns it looks good on images split at random and fails on new subjects.",
        prediction=PREDICTION,
        command=options.command,
        data=manifest.name,
        data_digest=digest,
        device="CPU",
        titles=TITLES,
        rows=rows,
        finding=finding({row.name: row for row in rows}, largest=float(largest)),
        notes=_notes(options, largest=float(largest)),
    )


def measured(manifest: Manifest, digest: str, options: Options) -> pd.DataFrame:
    """The facts of every cell; measured once for a data set and kept.

    Raises:
        DataError: a picture can't be used.
    """

    def measure() -> dict[str, list[float]]:
        with tqdm(total=len(manifest), desc="Measuring", unit="cell", disable=None) as bar:
            table = cue_features.table(manifest.paths(), progress=bar.update)
        return {str(name): table[name].tolist() for name in table}

    key: dict[str, Any] = {"experiment": "cues", "data": digest, "facts": cue_features.VERSION}
    return pd.DataFrame(trials.kept(options.work, key, measure))


def finding(rows: Mapping[str, ExperimentRow], *, largest: float) -> str:
    """Which cues hold on unseen subjects, which leak the subject, and whether that was foreseen.

    Args:
        rows: by their names.
        largest: share of the subject with the most cells, which a guess would always name.
    """
    by_cue = {cue: rows[title].figures for cue, title in cue_features.CUES.items()}
    best = max(by_cue, key=lambda cue: by_cue[cue]["unseen"].value)
    leakiest = max(by_cue, key=lambda cue: by_cue[cue]["gap"].value)
    known = rows[ALL].figures["subject"]
    everything = rows[ALL].figures
    beyond = [cue for cue in by_cue if cue != "size" and statistics.above(by_cue[cue]["added"])]
    return (
        f"On unseen subjects {_lower(best)} tells most (AUROC {words(by_cue[best]['unseen'])}); "
        f"{_lower(leakiest)} loses most from a split of images to unseen subjects "
        f"({words(by_cue[leakiest]['gap'])}). Beyond size, these tell clearly more: "
        f"{'; '.join(map(_lower, beyond)) or 'none'}. All facts together reach "
        f"{words(everything['image'])} and {words(everything['unseen'])}, and name the subject of "
        f"{100 * known.value:.0f} % of cells, where always naming the largest would be right for "
        f"{100 * largest:.0f} %. "
    ) + experiments.prediction_verdict(_parts(by_cue))


def _parts(by_cue: Mapping[str, Mapping[str, Interval]]) -> list[tuple[str, bool]]:
    position = by_cue["position"]["unseen"]
    leaks = [
        (f"{_lower(cue)} loses more than {LARGE_GAP:.1f}", by_cue[cue]["gap"].value > LARGE_GAP)
        for cue in LEAKS
    ]
    return [
        (f"size loses less than {SMALL_GAP}", by_cue["size"]["gap"].value < SMALL_GAP),
        *leaks,
        ("position tells nothing about unseen subjects", not statistics.above(position, 0.5)),
    ]


def _lower(cue: str) -> str:
    title = cue_features.CUES[cue]
    return title[0].lower() + title[1:]


@dataclass(frozen=True)
class _Cells:
    """N cells: their facts, labels and subjects, and the two ways of holding some out."""

    table: pd.DataFrame
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    by_image: NDArray[np.intp]
    by_subject: NDArray[np.intp]

    @classmethod
    def of(cls, manifest: Manifest, table: pd.DataFrame, *, folds: int) -> "_Cells":
        from sklearn.model_selection import StratifiedKFold

        labels = np.where(manifest.table["label"] == "all", 1, 0)
        by_image, by_subject = (np.zeros(len(labels), dtype=np.intp) for _ in range(2))
        parts = StratifiedKFold(folds, shuffle=True, random_state=0).split(labels, labels)
        for fold, (_, held) in enumerate(parts):
            by_image[held] = fold
        for split in splits.subject_folds(manifest, seed=0, folds=folds):
            by_subject[split.mask(manifest, "test")] = split.fold
        groups = manifest.table["group"].to_numpy(dtype=str)
        return cls(table, labels, groups, by_image, by_subject)


def _groups(columns: Sequence[str]) -> dict[str, list[str]]:
    """Title to columns: the plainest two, each cue, all."""
    cues = {title: cue_features.of(columns, cue) for cue, title in cue_features.CUES.items()}
    return {PLAINEST: list(BASELINE), **cues, ALL: list(columns)}


def _row(
    title: str,
    columns: Sequence[str],
    cells: _Cells,
    size: paired.Resampled,
    bar: "tqdm[Any]",
) -> ExperimentRow:
    """A row; whether the facts tell more than size does is asked of those that hold no size."""
    bar.set_postfix_str(title)
    image = _resampled(columns, cells, cells.by_image, None)
    unseen = _resampled(columns, cells, cells.by_subject, cells.groups)
    gap = paired.gap(image[0], unseen[0], "auroc")
    figures = {"image": image[1], "unseen": unseen[1], "gap": statistics.as_figure(gap)}
    by_size = cue_features.of(list(cells.table.columns), "size")
    if title != cue_features.CUES["size"]:
        both = [*columns, *(name for name in by_size if name not in columns)]
        more = _resampled(both, cells, cells.by_subject, cells.groups)[0]
        figures["added"] = statistics.as_figure(paired.difference(more, size, "auroc"))
    figures["subject"] = _recognised(cells.table[list(columns)].to_numpy(dtype=float), cells)
    bar.update()
    return ExperimentRow(title, figures, len(cells.table), len(np.unique(cells.groups)))


def _resampled(
    columns: Sequence[str],
    cells: _Cells,
    folds: NDArray[np.intp],
    subjects: NDArray[np.str_] | None,
) -> tuple[paired.Resampled, Interval]:
    """Out-of-fold AUROC with its interval, over cells or over subjects, and its resamples."""
    values = cells.table[list(columns)].to_numpy(dtype=float)
    probability = _out_of_fold(values, cells, folds)
    found = statistics.pooled(
        labels=cells.labels, probabilities=probability, subjects=cells.groups
    )["auroc"]
    resamples = paired.resample(labels=cells.labels, probabilities=probability, subjects=subjects)
    return resamples, statistics.as_figure(
        found.over_cells if subjects is None else found.over_subjects
    )


def _out_of_fold(values: Floats, cells: _Cells, folds: NDArray[np.intp]) -> Floats:
    """Probability (N,) of a blast by trees that were fitted on the other folds, as the baseline."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    found = np.zeros(len(values))
    names = np.where(cells.labels == 1, "all", "hem")
    leaf = max(1, min(LEAF, len(values) // 20))
    for held, train in _parted(folds):
        weights = sampling.weights(
            names[train].tolist(), cells.groups[train].tolist(), subject_strength=STRENGTH
        )
        model = HistGradientBoostingClassifier(
            max_iter=60,
            max_leaf_nodes=8,
            min_samples_leaf=leaf,
            early_stopping=False,
            random_state=0,
        )
        model.fit(values[train], cells.labels[train], sample_weight=weights * len(weights))
        found[held] = model.predict_proba(values[held])[:, 1]
    return found


def _recognised(values: Floats, cells: _Cells) -> Interval:
    """Share of cells whose very subject is named, among those that were trained on."""
    from sklearn.ensemble import ExtraTreesClassifier

    right = np.zeros(len(values), dtype=bool)
    for held, train in _parted(cells.by_image):
        model = ExtraTreesClassifier(60, min_samples_leaf=3, random_state=0)
        model.fit(values[train], cells.groups[train])
        right[held] = model.predict(values[held]) == cells.groups[held]
    return statistics.as_figure(intervals.wilson(int(right.sum()), len(right)))


def _parted(folds: NDArray[np.intp]) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    for fold in np.unique(folds):
        yield folds == fold, folds != fold


def _notes(options: Options, *, largest: float) -> tuple[str, ...]:
    return (
        f"Boosted trees as in the area and brightness baseline, {options.folds} folds, classes and "
        "subjects balanced in training; every cell is predicted once. Intervals are over cells "
        "where images are split, over subjects where subjects are; the gap's is of both.",
        "A subject is named by extremely randomised trees trained on other images of the same "
        f"subjects; the largest subject has {100 * largest:.0f} % of the cells.",
        "Facts measured on segmented cells hang together: a large cell has fewer pixels at its "
        "margin, so that a cue may tell the class through size. What it tells beyond stands in the "
        "column that compares trees on the cue and size with trees on size alone, which was added "
        "after the first run and was no part of the prediction.",
    )
