"""Slices: named subsets of cells, and the comparison of their accuracy with the rest.

The cells of all slices are counted once (`count_slices`); the comparison at a threshold
(`compare_slices`) then takes milliseconds. `slice_statistics` has the tests.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.data import cell_measurements as facts_of_cells
from allcore.errors import DataError
from allcore.evaluation import intervals, paired, slice_statistics
from allcore.evaluation.intervals import Interval
from allcore.evaluation.metrics import Floats
from allcore.evaluation.slice_statistics import SliceDesign, SliceTests

LEVEL = 0.05
"""Family-wise error rate over all slices."""
FIFTHS = ("lowest fifth", "second fifth", "middle fifth", "fourth fifth", "highest fifth")


@dataclass(frozen=True)
class Slice:
    """A named subset of N cells."""

    key: str  # stable as long as the data is, for links
    title: str
    kind: str  # 'fact', 'pair', 'subject', 'cluster' or 'saved'
    members: NDArray[np.bool_]  # (N,)


@dataclass(frozen=True)
class SliceResult:
    """Accuracy of a slice against the cells outside it."""

    slice: Slice
    cells: int  # number of its cells
    subjects: int | None  # number of its independent subjects, None where unknown
    accuracy: Interval  # accuracy with Wilson's interval over cells
    rest: Interval  # accuracy outside, with the slice's mix of classes, with an interval over cells
    # accuracy minus that of the rest, over `unit`; all NaN where the cells outside lack a class of
    # the slice
    difference: Interval
    p: float  # one-sided p-value of a lower accuracy than the rest; NaN with too few other subjects
    p_adjusted: float  # p adjusted by Holm over all slices
    unit: str  # 'subjects', or 'cells' with fewer than five subjects inside or outside
    worse: bool  # whether the accuracy is significantly lower than that of the rest


@dataclass(frozen=True)
class CountedSlices:
    """Slices with their cells counted by subject and class."""

    slices: tuple[Slice, ...]
    cells: int  # N
    plan: SliceDesign | None  # None without slices


def count_slices(
    slices: Sequence[Slice], *, labels: NDArray[np.integer], groups: NDArray[np.str_] | None
) -> CountedSlices:
    """Count the cells of slices, independently of the threshold; the result is reusable.

    Args:
        slices: slices of the same N cells.
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        groups: (N,) the independent subject of each cell, or None where unknown.

    Raises:
        DataError: a slice or groups with another number of cells.
    """
    for entry in slices:
        _same_length(entry.members, labels, f"The slice '{entry.title}'")
    if groups is not None:
        _same_length(groups, labels, "The list of subjects")
    if not slices or len(labels) == 0:
        return CountedSlices((), len(labels), None)
    members = np.array([entry.members for entry in slices], dtype=bool)
    return CountedSlices(
        tuple(slices),
        len(labels),
        slice_statistics.design_slices(members, np.asarray(labels), groups),
    )


def compare_slices(counted: CountedSlices, *, right: NDArray[np.bool_]) -> tuple[SliceResult, ...]:
    """Compare each slice with the rest: significantly worse slices first, then by difference.

    ``right`` (N,) is True where a cell is classified correctly.

    Raises:
        DataError: `right` has another number of cells.
    """
    if len(right) != counted.cells:
        raise DataError(
            f"There are {len(right)} calls for {counted.cells} cells: give one for each."
        )
    if counted.plan is None:
        return ()
    tested = slice_statistics.test_all_slices(counted.plan, right)
    known = np.isfinite(tested.p)
    adjusted = np.full(len(counted.slices), np.nan)
    adjusted[known] = paired.holm(tested.p[known])
    with np.errstate(invalid="ignore", divide="ignore"):
        accuracy = intervals.wilson_bounds(1 - tested.wrong / tested.cells, tested.cells)
    rest = intervals.wilson_bounds(1 - tested.expected, tested.expected_cells)
    difference, over_subjects = _differences(tested, accuracy, rest)
    worse = known & (np.nan_to_num(adjusted, nan=1.0) < LEVEL)
    rows = [
        SliceResult(
            slice=entry,
            cells=int(tested.cells[i]),
            subjects=None if np.isnan(tested.subjects[i]) else int(tested.subjects[i]),
            accuracy=Interval(*accuracy[i].tolist()),
            rest=Interval(*rest[i].tolist()),
            difference=Interval(*difference[i].tolist()),
            p=float(tested.p[i]),
            p_adjusted=float(adjusted[i]),
            unit="subjects" if over_subjects[i] else "cells",
            worse=bool(worse[i]),
        )
        for i, entry in enumerate(counted.slices)
    ]
    return tuple(sorted(rows, key=_rank))


def quantile_slices(facts: pd.DataFrame) -> tuple[Slice, ...]:
    """Five slices of about equal size for each measurement; fewer where many cells share a value.

    Args:
        facts: measurements, one row per cell: numeric columns such as area or brightness, and
            boolean columns, which make one slice each. A cell without a value is in no slice; other
            columns are ignored.
    """
    units = {fact.name: fact.unit for fact in facts_of_cells.MEASURES if fact.unit != "ratio"}
    listed = []
    for column in map(str, facts.select_dtypes("bool").columns):
        members = facts[column].to_numpy(dtype=bool)
        if 0 < members.sum() < len(members):
            listed.append(Slice(f"fact:{column}", fact_title(column), "fact", members))
    for column in map(str, facts.select_dtypes("number").columns):
        values = facts[column].to_numpy(dtype=float)
        for i, members in enumerate(fifths(values)):
            if 0 < members.sum() < np.isfinite(values).sum():
                low, high = (number(end(values[members])) for end in (np.min, np.max))
                span = f"{low} to {high} {units.get(column, '')}".rstrip()
                title = f"{fact_title(column)}, {FIFTHS[i]} ({span})"
                listed.append(Slice(f"fact:{column}:{i}", title, "fact", members))
    return tuple(listed)


def fact_title(column: str) -> str:
    """Display name of a measurement, without its part in brackets."""
    known = {fact.name: fact.title.split(" (")[0] for fact in facts_of_cells.MEASURES}
    title = known.get(column, column)
    return title[:1].upper() + title[1:]


def subject_slices(subjects: "pd.Series[str] | NDArray[np.str_]") -> tuple[Slice, ...]:
    """One slice per subject; cells without a subject are in no slice."""
    codes, names = pd.factorize(pd.Series(subjects), sort=True)
    return tuple(
        Slice(f"subject:{name}", f"Subject {name}", "subject", np.asarray(codes == i))
        for i, name in enumerate(names)
    )


def cluster_slices(clusters: NDArray[np.integer], titles: Mapping[int, str]) -> tuple[Slice, ...]:
    """One slice per cluster of `titles`, by its number in `clusters` (N,)."""
    return tuple(
        Slice(f"cluster:{which}", title, "cluster", clusters == which)
        for which, title in titles.items()
    )


def selection_slice(
    key: str, title: str, ids: Collection[str], *, image_ids: Iterable[str]
) -> Slice:
    """Slice of a saved selection, restricted to the cells at hand."""
    selected = set(ids)
    members = np.array([image_id in selected for image_id in image_ids], dtype=bool)
    return Slice(f"saved:{key}", title, "saved", members)


def fifths(values: Floats) -> tuple[NDArray[np.bool_], ...]:
    """Five masks (N,) by rising value; equal values share a mask, and NaN is in no mask."""
    known = np.isfinite(values)
    if not known.any():
        return tuple(np.zeros((5, len(values)), dtype=bool))
    edges = np.quantile(values[known], [0.2, 0.4, 0.6, 0.8])
    which = np.where(known, np.searchsorted(edges, values), -1)
    return tuple(which == i for i in range(5))


def number(value: float) -> str:
    """Three significant digits, or whole thousands with commas."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _same_length(array: NDArray[np.generic], labels: NDArray[np.integer], what: str) -> None:
    if len(array) != len(labels):
        raise DataError(
            f"{what} is of {len(array)} cells, but there are {len(labels)}: make it again for "
            "these."
        )


def _differences(
    tested: SliceTests, accuracy: Floats, rest: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """(S, 3) accuracy minus rest: over subjects, else over cells (Newcombe, Stat. Med. 1998)."""
    value = -tested.excess
    low = np.hypot(accuracy[:, 0] - accuracy[:, 1], rest[:, 2] - rest[:, 0])
    high = np.hypot(accuracy[:, 2] - accuracy[:, 0], rest[:, 0] - rest[:, 1])
    over_subjects = np.isfinite(tested.half)
    low, high = (np.where(over_subjects, tested.half, bound) for bound in (low, high))
    bounds = np.column_stack([value, value - low, value + high])
    return np.clip(bounds, -1, 1), over_subjects


def _rank(row: SliceResult) -> tuple[bool, bool, float, str]:
    value = row.difference.value
    return not row.worse, value != value, value if value == value else 0.0, row.slice.key
