"""How the figures move when held-out cells are altered, as ``robustness.json`` keeps it.

Every figure has an interval over subjects, and so has its change against the unaltered cells: the
same subjects are drawn for both, so that what sets subjects apart cancels. Imports no torch, for
pages.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.data.manifest import Manifest
from allcore.data.perturbations import Sweep
from allcore.evaluation import estimates, intervals, paired
from allcore.evaluation.intervals import Interval
from allcore.evaluation.metrics import Floats
from allcore.evaluation.paired import ResampledMetrics
from allcore.model_folder import ModelInfo

METRICS = ("accuracy", "weighted_f1", "auroc", "sensitivity", "specificity")
"""The figures of a row, keys of ``metrics.TITLES``."""
Answers = Mapping[tuple[str, float], Floats]
"""Calibrated probabilities (N,) by alteration and level; every alteration's unaltered level too."""


@dataclass(frozen=True)
class RobustnessRow:
    """The figures at one level of one alteration.

    Attributes:
        alteration: name of the alteration.
        level: how much, in its unit.
        figures: the ``METRICS`` with intervals over subjects.
        changes: each less that of the unaltered cells, on the same resamples of subjects.
        flipped: share of cells called otherwise than unaltered.
    """

    alteration: str
    level: float
    figures: dict[str, Interval]
    changes: dict[str, Interval]
    flipped: Interval


@dataclass(frozen=True)
class Alteration:
    """What was altered: a `Sweep` without the way it is done."""

    name: str
    title: str
    unit: str
    levels: tuple[float, ...]
    unaltered: float


@dataclass(frozen=True)
class Robustness:
    """The whole of ``robustness.json``.

    Attributes:
        command: what wrote it.
        model: its name.
        weights_sha256: digest of the model's weights.
        folds_sha256: digest of the fold networks that answered, None where the model itself did.
        data: name of the data set.
        data_digest: of the whole data set's manifest.
        threshold: probability from which a cell is called a blast.
        cells: how many were predicted at every level.
        subjects: independent subjects among them, None where unknown.
        alterations: what was tried, in the order of figures.
        rows: a row an alteration and level, the unaltered ones among them.
    """

    command: str
    model: str
    weights_sha256: str
    folds_sha256: str | None
    data: str
    data_digest: str
    threshold: float
    cells: int
    subjects: int | None
    alterations: tuple[Alteration, ...]
    rows: tuple[RobustnessRow, ...]

    def of(self, alteration: str) -> tuple[RobustnessRow, ...]:
        """The rows of one alteration, by level."""
        return tuple(row for row in self.rows if row.alteration == alteration)


def robustness_rows(
    answers: Answers,
    sweeps: Sequence[Sweep],
    *,
    labels: NDArray[np.integer],
    subjects: NDArray[np.str_] | None,
    threshold: float,
) -> tuple[RobustnessRow, ...]:
    """A row an alteration and level.

    Args:
        answers: probabilities (N,) of every level of every sweep.
        sweeps: what was altered.
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        subjects: (N,) the independent subject of each cell; None where unknown, and then no
            interval is given.
        threshold: probability from which a cell is called a blast.

    Raises:
        DataError: no cells, or values that are no labels or no probabilities.
    """
    found = []
    for sweep in sweeps:
        before = answers[sweep.name, sweep.unaltered]
        unaltered = _resampled(before, labels, subjects, threshold)
        for level in sweep.levels:
            now = answers[sweep.name, level]
            altered = _resampled(now, labels, subjects, threshold)
            flipped = (now >= threshold) != (before >= threshold)
            found.append(
                RobustnessRow(
                    sweep.name,
                    level,
                    _figures(now, labels, subjects, threshold),
                    {
                        name: paired.paired_difference(altered[name], unaltered[name], name)
                        for name in METRICS
                    }
                    if level != sweep.unaltered
                    else dict.fromkeys(METRICS, Interval(0.0, 0.0, 0.0)),
                    flagged_share(flipped, labels=labels, subjects=subjects),
                )
            )
    return tuple(found)


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
    """All estimates of a model's predictions for altered cells.

    Args:
        answers: probabilities (N,) of every level of every sweep.
        sweeps: what was altered.
        table: rows (N) of the data set's table that were predicted.
        info: the model's.
        data: the whole data set.
        by_fold_networks: whether networks of an out-of-fold run predicted the cells.
        command: the command line, for the file.

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
    """Share of N cells that are flagged, with an interval over subjects, none without subjects."""
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
    """A sweep as the file keeps it."""
    fields = dataclasses.fields(Alteration)
    return Alteration(**{field.name: getattr(sweep, field.name) for field in fields})


def _figures(
    probabilities: Floats,
    labels: NDArray[np.integer],
    subjects: NDArray[np.str_] | None,
    threshold: float,
) -> dict[str, Interval]:
    cells = estimates.make_sample(labels=labels, probabilities=probabilities, subjects=subjects)
    named = estimates.by_name(estimates.all_estimates(cells, threshold))
    return {name: named[name].over_subjects for name in METRICS}


def _resampled(
    probabilities: Floats,
    labels: NDArray[np.integer],
    subjects: NDArray[np.str_] | None,
    threshold: float,
) -> dict[str, ResampledMetrics]:
    """Each figure in every resample of subjects, which hangs on labels and subjects alone."""
    cells = estimates.make_sample(labels=labels, probabilities=probabilities, subjects=subjects)
    whole = paired.resample_metrics(
        labels=labels, probabilities=probabilities, subjects=subjects, threshold=threshold
    )
    found = dict.fromkeys(paired.COMPARED_METRICS, whole)
    for name, label in (("sensitivity", 1), ("specificity", 0)):
        own = labels == label
        right = own & ((probabilities >= threshold) == label)
        with np.errstate(invalid="ignore"):
            value = float(np.divide(right.sum(), own.sum()))
            draws = _sums(cells, right) / _sums(cells, own)
        found[name] = ResampledMetrics({name: value}, {name: draws}, cells.degrees(name))
    if subjects is None:  # what was resampled are single cells: no interval over subjects
        return {name: dataclasses.replace(one, degrees=0) for name, one in found.items()}
    return found


def _sums(cells: estimates.Sample, flags: NDArray[np.bool_]) -> Floats:
    """(resamples,) how many cells are flagged in each resample of subjects."""
    if cells.groups is None:
        return np.zeros(0)
    found: Floats = cells.weights @ np.bincount(cells.groups, weights=flags)
    return found
