"""Change of the metrics on altered held-out cells, in the format of ``robustness.json``.

Every metric has an interval over subjects, and so has its change against the unaltered cells. Both
use the same resamples of subjects, so that differences between subjects cancel. The module imports
no torch, for pages.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.data.manifest import Manifest
from allcore.data.perturbations import Alteration, Sweep
from allcore.evaluation import estimates, intervals, paired
from allcore.evaluation.intervals import Interval
from allcore.evaluation.metrics import Floats
from allcore.evaluation.paired import ResampledMetrics
from allcore.model_folder import ModelInfo

METRICS = ("accuracy", "weighted_f1", "auroc", "sensitivity", "specificity")
"""The metrics of a row, keys of ``metrics.TITLES``."""
Answers = Mapping[tuple[str, float], Floats]
"""Calibrated probabilities (N,) by alteration and level, including every unaltered level."""


@dataclass(frozen=True)
class RobustnessRow:
    """Estimates at one level of one alteration."""

    alteration: str
    level: float  # strength, in its unit
    figures: dict[str, Interval]  # the ``METRICS`` with intervals over subjects
    # each metric minus that of the unaltered cells, on the same resamples of subjects
    changes: dict[str, Interval]
    flipped: Interval  # share of cells whose call differs from the unaltered one


@dataclass(frozen=True)
class Robustness:
    """Contents of ``robustness.json``."""

    command: str  # command line that wrote the file
    model: str  # name of the model
    weights_sha256: str  # digest of the model's weights
    # digest of the fold networks behind the predictions, None for the model itself
    folds_sha256: str | None
    data: str  # name of the data set
    data_digest: str  # digest of the whole data set's manifest
    threshold: float  # probability at or above which a cell is called a blast
    cells: int  # number of cells, predicted at every level
    subjects: int | None  # number of independent subjects, None where unknown
    alterations: tuple[Alteration, ...]  # the alterations, in the order of the plots
    # one row per alteration and level, including the unaltered levels
    rows: tuple[RobustnessRow, ...]

    def of(self, alteration: str) -> tuple[RobustnessRow, ...]:
        """Return the rows of one alteration, by level."""
        return tuple(row for row in self.rows if row.alteration == alteration)


def robustness_rows(
    answers: Answers,
    sweeps: Sequence[Sweep],
    *,
    labels: NDArray[np.integer],
    subjects: NDArray[np.str_] | None,
    threshold: float,
) -> tuple[RobustnessRow, ...]:
    """Compute one row per alteration and level.

    Args:
        answers: probabilities (N,) of every level of every sweep.
        sweeps: the alterations.
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        subjects: (N,) the independent subject of each cell; None where unknown, without intervals.
        threshold: probability at or above which a cell is called a blast.

    Raises:
        DataError: no cells, or invalid labels or probabilities.
    """
    rows = []
    for sweep in sweeps:
        before = answers[sweep.name, sweep.unaltered]
        unaltered = _resampled(before, labels, subjects, threshold)
        for level in sweep.levels:
            now = answers[sweep.name, level]
            changes = dict.fromkeys(METRICS, Interval(0.0, 0.0, 0.0))
            if level != sweep.unaltered:
                altered = _resampled(now, labels, subjects, threshold)
                changes = {
                    name: paired.paired_difference(altered[name], unaltered[name], name)
                    for name in METRICS
                }
            cells = estimates.make_sample(labels=labels, probabilities=now, subjects=subjects)
            by_name = estimates.by_name(estimates.all_estimates(cells, threshold))
            flipped = (now >= threshold) != (before >= threshold)
            rows.append(
                RobustnessRow(
                    sweep.name,
                    level,
                    {name: by_name[name].over_subjects for name in METRICS},
                    changes,
                    flagged_share(flipped, labels=labels, subjects=subjects),
                )
            )
    return tuple(rows)


def evaluate_robustness(
    answers: Answers,
    sweeps: Sequence[Sweep],
    table: pd.DataFrame,
    *,
    info: ModelInfo,
    data: Manifest,
    by_fold_networks: bool,
    command: str,
) -> Robustness:
    """Compute all estimates of a model's predictions for altered cells.

    Args:
        answers: probabilities (N,) of every level of every sweep.
        sweeps: the alterations.
        table: rows (N) of the data set's table, one per predicted cell.
        info: the model.
        data: the whole data set.
        by_fold_networks: whether networks of an out-of-fold run predicted the cells.
        command: command line, for the file.

    Raises:
        DataError: no cells.
    """
    are_known = not table["subject"].isna().any()
    return Robustness(
        command=command,
        model=info.name,
        weights_sha256=info.weights_sha256,
        folds_sha256=info.folds_sha256 if by_fold_networks else None,
        data=data.name,
        data_digest=data.labelled().digest(),
        threshold=info.threshold,
        cells=len(table),
        subjects=int(table["group"].nunique()) if are_known else None,
        alterations=tuple(alteration_of(sweep) for sweep in sweeps),
        rows=robustness_rows(
            answers,
            sweeps,
            labels=np.where(table["label"] == "all", 1, 0),
            subjects=table["group"].to_numpy(dtype=str) if are_known else None,
            threshold=info.threshold,
        ),
    )


def flagged_share(
    flags: NDArray[np.bool_], *, labels: NDArray[np.integer], subjects: NDArray[np.str_] | None
) -> Interval:
    """Share of N cells with a flag, with an interval over subjects; no bounds without subjects."""
    value = float(flags.mean())
    cells = estimates.make_sample(
        labels=labels, probabilities=flags.astype(float), subjects=subjects
    )
    if cells.groups is None:
        return intervals.unknown(value)
    hits, counts = np.bincount(cells.groups, weights=flags), np.bincount(cells.groups)
    resampled = (cells.weights @ hits) / (cells.weights @ counts)
    degrees = cells.degrees("accuracy")
    return intervals.student(value, resampled, degrees=degrees, share=True)


def alteration_of(sweep: Sweep) -> Alteration:
    """Description of a sweep, for the file."""
    fields = dataclasses.fields(Alteration)
    return Alteration(**{field.name: getattr(sweep, field.name) for field in fields})


def _resampled(
    probabilities: Floats,
    labels: NDArray[np.integer],
    subjects: NDArray[np.str_] | None,
    threshold: float,
) -> dict[str, ResampledMetrics]:
    """Each metric in every resample of subjects; resamples depend on labels and subjects only."""
    cells = estimates.make_sample(labels=labels, probabilities=probabilities, subjects=subjects)
    whole = paired.resample_metrics(
        labels=labels, probabilities=probabilities, subjects=subjects, threshold=threshold
    )
    resampled = dict.fromkeys(paired.COMPARED_METRICS, whole)
    for name, label in (("sensitivity", 1), ("specificity", 0)):
        own = labels == label
        right = own & ((probabilities >= threshold) == label)
        with np.errstate(invalid="ignore"):
            value = float(np.divide(right.sum(), own.sum()))
            draws = _sums(cells, right) / _sums(cells, own)
        resampled[name] = ResampledMetrics({name: value}, {name: draws}, cells.degrees(name))
    if subjects is None:  # the resamples are of single cells: no interval over subjects
        return {name: dataclasses.replace(one, degrees=0) for name, one in resampled.items()}
    return resampled


def _sums(cells: estimates.Sample, flags: NDArray[np.bool_]) -> Floats:
    """(resamples,) number of flagged cells in each resample of subjects."""
    if cells.groups is None:
        return np.zeros(0)
    return np.asarray(cells.weights @ np.bincount(cells.groups, weights=flags))
