"""Filtering, sorting and paging of a catalogue's images."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.data import cell_measurements
from allcore.data.cell_measurements import Measure

if TYPE_CHECKING:
    from pyarrow import Array

PAGE_SIZE = 48
MEASURES = {
    fact.name: fact
    for fact in (
        *(fact for fact in cell_measurements.MEASURES if fact.name != "border"),
        Measure("contrast", "Contrast (inside the cell)", "grey levels"),
        Measure("saturated", "White pixels (share of the cell)", ""),
        Measure("straight", "Straight edge (as of a cut cell)", ""),
        Measure("objects", "Objects (in the picture)", ""),
        Measure("width", "Width (of the picture)", "px"),
        Measure("height", "Height (of the picture)", "px"),
        Measure("size_bytes", "Size of the file", "bytes"),
    )
}
"""The measured columns of an index, with titles and units."""
RECORDED = {
    "image_id": "Name", "path": "Path", "subject": "Subject", "label": "Class", "split": "Split",
}  # fmt: skip
COPIES = {"all": "All", "copied": "With copies", "across": "Shared by subjects"}
READABLE = {"all": "All", "yes": "Can be used", "no": "Can't be used"}
_STEPS = 100  # least number of steps of a range


@dataclass(frozen=True)
class CatalogueQuery:
    """A filter and an order; the default is every image in the data set's order."""

    labels: tuple[str, ...] = ()  # accepted labels; empty accepts all, as for the next two
    subjects: tuple[str, ...] = ()  # accepted subjects
    splits: tuple[str, ...] = ()  # accepted parts of the split
    text: str = ""  # substring of id or path, case-insensitive
    # column of ``MEASURES`` that must be between ``low`` and ``high``; empty for none
    measure: str = ""
    low: float = -math.inf  # lower bound
    high: float = math.inf  # upper bound
    copies: str = "all"  # key of ``COPIES``
    # id of an image; only images of the same cell match, itself included; empty for none
    same_as: str = ""
    readable: str = "all"  # key of ``READABLE``
    only: frozenset[str] | None = None  # accepted ids; None accepts all
    sort: str = ""  # column to sort by; empty for the data set's order
    descending: bool = False  # whether the largest comes first


@dataclass(frozen=True)
class ResultPage:
    """One page of the images that match a query, in their order."""

    rows: pd.DataFrame  # the images of this page
    number: int  # page number, from 1
    pages: int  # number of pages, at least 1
    first: int  # position of its first image among all matches, from 1; 0 without matches
    total: int  # images on all pages

    @property
    def last(self) -> int:
        """Position of the page's last image among all matches."""
        return max(0, self.first + len(self.rows) - 1)


@dataclass(frozen=True)
class ValueRange:
    """Minimum and maximum of a measure, rounded outwards to the step."""

    low: float
    high: float
    step: float


class QueryTable:
    """A catalogue's table of N images, indexed for fast queries.

    Read-only and shared by all sessions: text columns are sorted and factorized once.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table
        self._ranks: dict[str, tuple[NDArray[np.intp], list[str]]] = {}

    def __len__(self) -> int:
        return len(self.table)

    def find(self, query: CatalogueQuery) -> NDArray[np.intp]:
        """Return the row numbers of matching images, in the query's order.

        Filters on columns that the table lacks are ignored.
        """
        rows = np.flatnonzero(self._matching(query))
        if query.sort not in self.table:
            return rows
        column = self.table[query.sort]
        if pd.api.types.is_numeric_dtype(column):
            keys = column.to_numpy(dtype=np.float64, na_value=np.nan)[rows]
        else:
            codes = self._ranked(query.sort)[0][rows].astype(np.float64)
            keys = np.where(codes < 0, np.nan, codes)
        return rows[np.argsort(-keys if query.descending else keys, kind="stable")]

    def page(self, matches: NDArray[np.intp], number: int, *, size: int = PAGE_SIZE) -> ResultPage:
        """Return page ``number`` (from 1) of matching rows, or the nearest existing page."""
        pages = max(1, -(-len(matches) // size))
        number = min(max(number, 1), pages)
        start = (number - 1) * size
        here = matches[start : start + size]
        rows = self.table.iloc[here]
        return ResultPage(rows, number, pages, start + 1 if len(here) else 0, len(matches))

    def values(self, column: str) -> list[str]:
        """Return the distinct texts of a column, sorted."""
        return list(self._ranked(column)[1])

    def places(self, image_ids: Sequence[str]) -> NDArray[np.intp]:
        """Return the row numbers of images by id, in that order; unknown ids are left out."""
        at = np.asarray(self._ids.get_indexer(pd.Index(list(image_ids), dtype=object)))
        return at[at >= 0]

    def family(self, image_id: str) -> NDArray[np.intp]:
        """Return the row numbers of images of the same cell, itself included."""
        here = self.places([image_id])
        if not len(here) or "family" not in self.table:
            return here
        families = self.table["family"].to_numpy(dtype=np.float64, na_value=np.nan)
        same = np.flatnonzero(families == families[here[0]])
        return same if len(same) else here

    @cached_property
    def shared(self) -> NDArray[np.intp]:
        """Row numbers of images whose cell is recorded under more than one subject."""
        if not len(self._copied):
            return self._copied
        rows = self.table.iloc[self._copied]
        subjects = rows.groupby("family")["subject"].transform("nunique")
        return self._copied[(subjects > 1).to_numpy()]

    @cached_property
    def _copied(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.table["copies"].to_numpy(dtype=int) > 1)

    @cached_property
    def measures(self) -> dict[str, Measure]:
        """Measures with values in the table, by column."""
        return {
            name: fact
            for name, fact in MEASURES.items()
            if name in self.table and bool(self.table[name].notna().any())
        }

    @cached_property
    def _ids(self) -> "pd.Index[str]":
        index: pd.Index[str] = pd.Index(self.table["image_id"].astype(object))
        return index

    @cached_property
    def _lower_texts(self) -> "Array":
        import pyarrow as pa

        # Ids and paths hold no line break, so a match never spans both.
        pairs = zip(self.table["image_id"], self.table["path"], strict=True)
        return pa.array([f"{name}\n{path}".lower() for name, path in pairs], type=pa.string())

    def _matching(self, query: CatalogueQuery) -> NDArray[np.bool_]:
        """(N,) True where an image passes every filter of the query."""
        from pyarrow import compute

        selected = np.ones(len(self), dtype=bool)
        for column, wanted in (
            ("label", query.labels), ("subject", query.subjects), ("split", query.splits),
        ):  # fmt: skip
            if wanted:
                codes, known = self._ranked(column)
                selected &= np.isin(codes, [at for at, text in enumerate(known) if text in wanted])
        if query.text.strip():
            hit = compute.match_substring(self._lower_texts, query.text.strip().lower())
            selected &= np.asarray(hit.to_numpy(zero_copy_only=False), dtype=bool)
        if query.measure in self.table and (query.low, query.high) != (-math.inf, math.inf):
            selected &= (
                self.table[query.measure].between(query.low, query.high).to_numpy(dtype=bool)
            )
        if query.readable != "all":
            usable = (self.table["error"] == "").to_numpy(dtype=bool)
            selected &= usable == (query.readable == "yes")
        for rows in (
            None if query.only is None else self.places(list(query.only)),
            self._copied if query.copies == "copied" else None,
            self.shared if query.copies == "across" else None,
            self.family(query.same_as) if query.same_as else None,
        ):
            if rows is not None:
                listed = np.zeros(len(self), dtype=bool)
                listed[rows] = True
                selected &= listed
        return selected

    def _ranked(self, column: str) -> tuple[NDArray[np.intp], list[str]]:
        """(N,) rank of each text among the distinct ones, -1 for none; and the distinct texts."""
        if column not in self._ranks:
            codes, known = pd.factorize(self.table[column].astype(object), sort=True)
            self._ranks[column] = codes, [str(text) for text in known]
        return self._ranks[column]


def value_range(values: "pd.Series[float]") -> ValueRange:
    """Return the range of a measure with at least one value, and its step."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        return ValueRange(low, low + 1, 1)
    step = 10.0 ** math.floor(math.log10((high - low) / _STEPS))
    if np.array_equal(values.dropna(), values.dropna().round()):
        step = max(step, 1.0)
    digits = max(0, -math.floor(math.log10(step)))
    return ValueRange(
        round(math.floor(low / step) * step, digits),
        round(math.ceil(high / step) * step, digits),
        step,
    )
