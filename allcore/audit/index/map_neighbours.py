"""What lies beside what on an index's map, and how far neighbours are alike."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_LOOKED_AT = 5
"""Neighbours of a cell among which one is sought that is no copy of it."""


def nearest(table: pd.DataFrame) -> NDArray[np.intp]:
    """(N,) the row of the nearest other cell on the map.

    Copies of a cell lie on it and say nothing: they are passed over. -1 where a cell has no place,
    or only copies beside it.

    Args:
        table: of a catalogue with an index, N rows.
    """
    from scipy.spatial import cKDTree

    found = np.full(len(table), -1, dtype=np.intp)
    points = table[["map_x", "map_y"]].to_numpy(dtype=np.float64)
    placed = np.flatnonzero(np.isfinite(points).all(axis=1))
    if len(placed) < 2:
        return found
    count = min(_LOOKED_AT, len(placed))
    _, near = cKDTree(points[placed]).query(points[placed], k=count)
    families = table["family"].to_numpy(dtype=np.float64, na_value=np.nan)[placed]
    other = near != np.arange(len(placed))[:, None]
    other &= families[near] != families[:, None]
    first = other.argmax(axis=1)
    chosen = near[np.arange(len(placed)), first]
    found[placed] = np.where(other.any(axis=1), placed[chosen], -1)
    return found


def same(values: "pd.Series[str]", neighbours: NDArray[np.intp]) -> tuple[float, float]:
    """Share of the cells whose neighbour has the same value, and what chance would give.

    Args:
        values: (N,); missing ones are left out.
        neighbours: (N,) of ``nearest``.

    Returns:
        Both NaN where no cell has a neighbour with a value.
    """
    codes, _ = pd.factorize(values)
    known = (neighbours >= 0) & (codes >= 0)
    known[known] &= codes[neighbours[known]] >= 0
    if not known.any():
        return float("nan"), float("nan")
    own = codes[known]
    shares = np.bincount(own) / len(own)
    return float((own == codes[neighbours[known]]).mean()), float((shares**2).sum())


def correlation(values: "pd.Series[float]", neighbours: NDArray[np.intp]) -> float:
    """Spearman's correlation of a measure between cells and their neighbours; NaN without any."""
    ranks = values.rank().to_numpy(dtype=np.float64)
    beside = np.where(neighbours >= 0, ranks[neighbours], np.nan)
    known = np.isfinite(ranks) & np.isfinite(beside)
    if known.sum() < 3 or not np.ptp(ranks[known]) or not np.ptp(beside[known]):
        return float("nan")
    return float(np.corrcoef(ranks[known], beside[known])[0, 1])
