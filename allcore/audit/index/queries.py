"""Filtering, sorting and paging of a catalogue's images."""

import math
from collections.abc import Iterator, Sequence
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
    """A filter and an order; the default is every image in the data set's order.

    Attributes:
        labels: accepted labels; empty accepts all, as for the next two.
        subjects: accepted subjects.
        splits: accepted parts of the split.
        text: substring of id or path, case-insensitive.
        measure: column of ``MEASURES`` that must be between ``low`` and ``high``; empty for none.
        low: lower bound.
        high: upper bound.
        copies: key of ``COPIES``.
        same_as: id of an image; only images of the same cell match, itself included; empty for
            none.
        readable: key of ``READABLE``.
        only: accepted ids; None accepts all.
        sort: column to sort by; empty for the data set's order.
        descending: whether the largest comes first.
    """

    labels: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    text: str = ""
    measure: str = ""
    low: float = -math.inf
    high: float = math.inf
    copies: str = "all"
    same_as: str = ""
    readable: str = "all"
    only: frozenset[str] | None = None
    sort: str = ""
    descending: bool = False


@dataclass(frozen=True)
class ResultPage:
    """One page of the images that match a query, in their order.

    Attributes:
        rows: the images of this page.
        number: page number, from 1.
        pages: number of pages, at least 1.
        first: position of its first image among all matches, from 1; 0 without matches.
        total: images on all pages.
    """

    rows: pd.DataFrame
    number: int
    pages: int
    first: int
    total: int

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
        keys = self._keys(query.sort)[rows]
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
        selected = np.ones(len(self), dtype=bool)
        for column, wanted in (
            ("label", query.labels), ("subject", query.subjects), ("split", query.splits),
        ):  # fmt: skip
            if wanted:
                codes, known = self._ranked(column)
                selected &= np.isin(codes, [at for at, text in enumerate(known) if text in wanted])
        if query.text.strip():
            selected &= self._holding(query.text.strip())
        if query.measure in self.table and (query.low, query.high) != (-math.inf, math.inf):
            selected &= (
                self.table[query.measure].between(query.low, query.high).to_numpy(dtype=bool)
            )
        if query.readable != "all":
            usable = (self.table["error"] == "").to_numpy(dtype=bool)
            selected &= usable == (query.readable == "yes")
        for rows in self._lists(query):
            listed = np.zeros(len(self), dtype=bool)
            listed[rows] = True
            selected &= listed
        return selected

    def _lists(self, query: CatalogueQuery) -> Iterator[NDArray[np.intp]]:
        """Rows that pass each filter by image."""
        if query.only is not None:
            yield self.places(list(query.only))
        if query.copies == "copied":
            yield self._copied
        if query.copies == "across":
            yield self.shared
        if query.same_as:
            yield self.family(query.same_as)

    def _holding(self, text: str) -> NDArray[np.bool_]:
        """(N,) True where id or path contains a text."""
        from pyarrow import compute

        hit = compute.match_substring(self._lower_texts, text.lower())
        return np.asarray(hit.to_numpy(zero_copy_only=False), dtype=bool)

    def _keys(self, column: str) -> NDArray[np.float64]:
        """(N,) sort keys of a column, NaN where it has no value."""
        if pd.api.types.is_numeric_dtype(self.table[column]):
            return self.table[column].to_numpy(dtype=np.float64, na_value=np.nan)
        codes = self._ranked(column)[0].astype(np.float64)
        return np.where(codes < 0, np.nan, codes)

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
