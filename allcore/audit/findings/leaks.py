"""Leaks of a split and differences between its parts, before training."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.audit.index.catalogue import Catalogue
from allcore.data import duplicate_cells
from allcore.data.splits import PARTS
from allcore.labels import LABELS

MEASURES = ("area", "brightness")
DIGESTS = ("file_sha256", "sha256")
"""Digests of the file, and of the original as recorded in a table."""
TWINS = ("family", *DIGESTS)
"""Columns whose equal values identify images of one cell."""


@dataclass(frozen=True)
class SplitLeaks:
    """The leaks of a split of N images, and the composition of its parts."""

    # groups of subjects with images in two parts, those with most images first
    subjects: tuple[str, ...]
    groups: int  # number of groups of known subjects in any part
    unknown: int  # images in a part whose subject is not known
    cells: int  # cells with duplicate images in two parts
    exact: int  # number of these cells with byte-identical files in two parts
    tested: int  # test images with a duplicate in training or validation
    # (P, 2) rows of duplicate images, the first in an earlier part, the second in a later part. One
    # pair an image of the later part; test images first, equal files first.
    pairs: NDArray[np.intp]
    searched_near: bool  # whether near duplicates were searched, which needs an index
    # a row a part and class: part, label, images, subjects (groups; missing where a subject is
    # unknown), share (of the part's images)
    counts: pd.DataFrame
    # a row a measure of ``MEASURES`` and part: measure, part, images, mean, low, median, high
    # (quartiles), shift (of the mean from training's, in standard deviations of cells); no rows
    # without an index
    measures: pd.DataFrame

    @property
    def none_found(self) -> bool:
        """True if no leak is known."""
        return not self.subjects and not self.cells

    @property
    def smallest(self) -> "pd.Series[Any]":
        """The row of ``counts`` with the fewest images."""
        return self.counts.iloc[int(self.counts["images"].to_numpy().argmin())]

    def images(self, part: str) -> int:
        """Return the number of images in a part."""
        return int(self.counts.loc[self.counts["part"] == part, "images"].sum())


def find_split_leaks(catalogue: Catalogue, parts: NDArray[np.object_]) -> SplitLeaks:
    """Search a split for leaks.

    Args:
        catalogue: of the data set; without an index only equal digests of the manifest count as
            duplicates.
        parts: (N,) part of each row; values other than ``PARTS`` are in no part.
    """
    place = np.asarray(pd.Index(PARTS).get_indexer(pd.Index(parts)), dtype=np.intp)
    used = np.flatnonzero(place >= 0)
    table, of = catalogue.table.iloc[used], place[used]
    known = catalogue.manifest.table["subject"].notna().to_numpy()[used]
    codes, names = pd.factorize(table["group"])
    codes[~known] = -1
    groups = pd.Series(of[known]).groupby(codes[known]).agg(["min", "max", "size"])
    divided = groups[groups["min"] < groups["max"]].sort_values(
        "size", ascending=False, kind="stable"
    )
    pairs, exact, cells = _twins(catalogue, used, of)
    return SplitLeaks(
        subjects=tuple(str(names[code]) for code in divided.index),
        groups=len(groups),
        unknown=int((~known).sum()),
        cells=cells,
        exact=exact,
        tested=int((place[pairs[:, 1]] == PARTS.index("test")).sum()),
        pairs=pairs,
        searched_near=catalogue.is_indexed,
        counts=_counts(table["label"], of, codes),
        measures=_measures(table, of),
    )


def cell_families(catalogue: Catalogue, columns: Iterable[str] = TWINS) -> NDArray[np.intp]:
    """Return a number (N,) for each image, equal for those with a value of a column in common."""
    table = catalogue.table
    pairs = [
        duplicate_cells.identical_pairs(table[column].replace("", np.nan))
        for column in columns
        if column in table
    ]
    return duplicate_cells.connected_components(np.concatenate(pairs), len(table))


def _twins(
    catalogue: Catalogue, used: NDArray[np.intp], of: NDArray[np.intp]
) -> tuple[NDArray[np.intp], int, int]:
    """Pairs across parts; numbers of cells across parts with equal files, and with duplicates."""
    family, same = (cell_families(catalogue, columns)[used] for columns in (TWINS, DIGESTS))
    table = pd.DataFrame({"family": family, "place": of, "row": used})
    table = table.sort_values(["family", "place", "row"])
    first = table.groupby("family")[["row", "place"]].transform("first")
    later = (table["place"] > first["place"]).to_numpy()
    cells = int(table["family"][later].nunique())
    pairs = np.column_stack([first["row"], table["row"]])[later]
    equal = _equal(catalogue.table, pairs)
    # Pairs hold only the first image of the earlier part, so families are counted instead.
    parts = pd.Series(of).groupby(same)
    divided = (parts.transform("min") < parts.transform("max")).to_numpy()
    order = np.lexsort((pairs[:, 1], ~equal, -table["place"].to_numpy()[later]))
    return np.asarray(pairs[order], dtype=np.intp), len(np.unique(family[divided])), cells


def _equal(table: pd.DataFrame, pairs: NDArray[np.intp]) -> NDArray[np.bool_]:
    """(P,) True where the files of a pair are equal."""
    same = np.zeros(len(pairs), dtype=bool)
    for column in DIGESTS:
        if column in table:
            digest = table[column].to_numpy(dtype=object)
            one, other = digest[pairs[:, 0]], digest[pairs[:, 1]]
            same |= (one == other) & ~pd.isna(one) & (one != "")
    return same


def _counts(
    labels: "pd.Series[str]", of: NDArray[np.intp], groups: NDArray[np.intp]
) -> pd.DataFrame:
    order = LABELS[::-1]
    number = np.asarray(pd.Index(order).get_indexer(pd.Index(labels)), dtype=np.intp)
    table = pd.DataFrame({"part": of, "label": number, "group": groups, "known": groups >= 0})
    counts = table.groupby(["part", "label"]).agg(
        images=("group", "size"), known=("known", "sum"), subjects=("group", "nunique")
    )
    every = pd.MultiIndex.from_product([range(len(PARTS)), range(len(order))])
    counts = counts.reindex(every).fillna(0).astype(int)
    whole = counts.groupby(level=0)["images"].transform("sum").clip(lower=1)
    known = counts["known"] == counts["images"]
    counts["share"] = counts["images"] / whole
    counts["subjects"] = counts["subjects"].where(known).astype("Int64")
    counts.index = pd.MultiIndex.from_product([PARTS, order], names=["part", "label"])
    return counts.drop(columns="known").reset_index()


def _measures(table: pd.DataFrame, of: NDArray[np.intp]) -> pd.DataFrame:
    columns = ["measure", "part", "images", "mean", "low", "median", "high", "shift"]
    rows = []
    for measure in MEASURES:
        if measure not in table:
            continue
        values = table[measure].to_numpy(dtype=float)
        spread = float(np.nanstd(values)) if np.isfinite(values).any() else 0.0
        start = None
        for place, part in enumerate(PARTS):
            own = values[(of == place) & np.isfinite(values)]
            if not len(own):
                continue
            mean = float(own.mean())
            start = mean if part == PARTS[0] else start
            shift = (mean - start) / spread if start is not None and spread else float("nan")
            quartiles = np.quantile(own, (0.25, 0.5, 0.75)).tolist()
            rows.append((measure, part, len(own), mean, *quartiles, shift))
    return pd.DataFrame(rows, columns=columns)
