"""Profile of one subject: its measures compared with other subjects, and its shared cells."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.audit.index.queries import MEASURES, QueryTable

COMPARED_MEASURES = ("area", "brightness", "focus", "redness")


@dataclass(frozen=True)
class SubjectMeasure:
    """A measure of a subject's cells compared with those of the other subjects."""

    measure: str  # column of ``queries.MEASURES``
    median: float  # of the subject's cells
    low: float  # lower quartile of its cells
    high: float  # upper quartile
    cells: int  # number of its measured cells
    below: int  # number of other subjects whose median is lower
    compared: int  # number of other subjects with a value


@dataclass(frozen=True)
class SubjectProfile:
    """Counts and measures of a subject."""

    name: str  # of the subject
    cells: int  # number of its images
    labels: dict[str, int]  # number of them by label, the most frequent first
    splits: dict[str, int]  # number of them by split
    unusable: int  # number of them that can't be used
    copied: int  # number of them with a duplicate image
    # its measures compared with other subjects'; empty without an index
    measures: tuple[SubjectMeasure, ...]
    # ids of its images whose cell is also recorded under another subject, by subject
    shared: dict[str, tuple[str, ...]]


def profile_subject(shelf: QueryTable, name: str) -> SubjectProfile:
    """Return the profile of a subject of the table."""
    table = shelf.table
    own = np.flatnonzero(table["subject"] == name)
    rows = table.iloc[own]
    return SubjectProfile(
        name=name,
        cells=len(rows),
        labels=_counts(rows["label"]),
        splits=_counts(rows["split"]),
        unusable=int((rows["error"] != "").sum()),
        copied=int((rows["copies"] > 1).sum()),
        measures=tuple(
            row
            for measure in COMPARED_MEASURES
            if measure in shelf.measures and (row := _measure(table, name, measure)) is not None
        ),
        shared=_shared(shelf, own),
    )


def measure_sentence(measure: SubjectMeasure) -> str:
    """Return a sentence that compares a measure: "Area: median 21,340 px, ..."."""
    fact = MEASURES[measure.measure]
    unit = "" if fact.unit in ("", "ratio") else f" {fact.unit}"
    sentence = (
        f"{fact.title.split(' (')[0]}: median {_number(measure.median)}{unit}, half of "
        f"{measure.cells:,} cells from {_number(measure.low)} to {_number(measure.high)}"
    )
    if not measure.compared:
        return f"{sentence}."
    return f"{sentence}; {measure.below} of {measure.compared} other subjects have a lower median."


def linked_subjects(subject: SubjectProfile) -> Sequence[str]:
    """Return the subjects that share cells with a subject, those with the most first."""
    return sorted(subject.shared, key=lambda name: -len(subject.shared[name]))


def with_copies(shelf: QueryTable, image_ids: Sequence[str]) -> list[str]:
    """Return image ids with those of their duplicates, grouped by cell."""
    rows = np.concatenate([shelf.family(image_id) for image_id in image_ids])
    return list(dict.fromkeys(shelf.table["image_id"].iloc[rows].astype(str)))


def _measure(table: pd.DataFrame, name: str, measure: str) -> SubjectMeasure | None:
    medians = table.groupby("subject", sort=False)[measure].median().dropna()
    if name not in medians.index:
        return None
    values = table.loc[table["subject"] == name, measure].dropna()
    low, median, high = values.quantile([0.25, 0.5, 0.75])
    below = int((medians.drop(name) < median).sum())
    return SubjectMeasure(measure, median, low, high, len(values), below, len(medians) - 1)


def _shared(shelf: QueryTable, own: NDArray[np.intp]) -> dict[str, tuple[str, ...]]:
    """The subject's images with a duplicate under another subject, by that subject."""
    table, mine = shelf.table, np.intersect1d(own, shelf.shared)
    if not len(mine):
        return {}
    rows = table.iloc[mine][["image_id", "family"]]
    copies = table.iloc[np.setdiff1d(shelf.shared, own)][["subject", "family"]]
    ids_by_subject = rows.merge(copies, on="family").groupby("subject")["image_id"].unique()
    return {str(subject): tuple(map(str, ids)) for subject, ids in ids_by_subject.items()}


def _counts(values: "pd.Series[str]") -> dict[str, int]:
    return {str(value): int(count) for value, count in values.value_counts().items()}


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
