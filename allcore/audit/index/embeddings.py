"""Embeddings of cells by an installed model, their 2-D map, and nearest neighbours on the map."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.audit.index import shards, store
from allcore.data.cells import Rgb
from allcore.errors import BadImage

if TYPE_CHECKING:
    from torch import Tensor

    from allcore.inference.predictor import Predictor

BATCH = 32
FITTED = 1500
"""Number of cells that t-SNE, which takes a minute, is fitted on; the others are interpolated."""
ANCHORS = 5
SEED = 0


def cut_cell(predictor: "Predictor", rgb: Rgb) -> "Tensor | None":
    """Return the cell's crop (3, S, S) uint8 of an image (H, W, 3) uint8; None without a cell."""
    try:
        return predictor.prepare(rgb)
    except BadImage:
        return None


def embed(
    predictor: "Predictor", prepared: Sequence["Tensor | None"]
) -> list[NDArray[np.float16] | None]:
    """Return the penultimate activation (F,) of each crop of ``cut_cell``; None without a crop."""
    import torch

    cells = [cell for cell in prepared if cell is not None]
    features: list[NDArray[np.float16]] = []
    for start in range(0, len(cells), BATCH):
        batch = torch.stack(cells[start : start + BATCH])
        features += list(predictor.features(batch).numpy().astype(np.float16))
    rest = iter(features)
    return [None if cell is None else next(rest) for cell in prepared]


def flat_map(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the 2-D map (N, 2) of vectors (N, F) by the t-SNE of ``allcore.training.embedding``.

    With more than ``FITTED`` cells, a sample is fitted, and every other cell is placed at the mean
    of its ``ANCHORS`` nearest fitted cells. NaN vectors give NaN.
    """
    from allcore.training import embedding as trained

    points = np.full((len(vectors), 2), np.nan, dtype=np.float32)
    known = np.flatnonzero(shards.finite_rows(vectors))
    if not len(known) or not vectors.shape[1]:
        return points
    random = np.random.default_rng(SEED)
    fitted = known[np.sort(random.permutation(len(known))[:FITTED])]
    own = np.asarray(vectors[fitted], dtype=np.float32)
    placed = trained.flat_map(own, seed=SEED)
    if len(fitted) < len(known):
        from sklearn.neighbors import NearestNeighbors

        search = NearestNeighbors(n_neighbors=ANCHORS, algorithm="brute").fit(own)
        for block in store.blocks(len(known)):
            rows = known[block]
            distances, near = search.kneighbors(np.asarray(vectors[rows], dtype=np.float32))
            weights = 1 / np.maximum(distances, 1e-6)
            sums = (placed[near] * weights[..., None]).sum(axis=1)
            points[rows] = sums / weights.sum(axis=1, keepdims=True)
    points[fitted] = placed
    return points


_CANDIDATES = 5
"""Number of neighbours searched for one that is no duplicate of the cell."""


def nearest_on_map(table: pd.DataFrame) -> NDArray[np.intp]:
    """Return the row (N,) of the nearest other cell on the map.

    Duplicates of a cell coincide with it and are skipped. -1 where a cell has no position, or only
    duplicates nearby.
    """
    from scipy.spatial import cKDTree

    nearest = np.full(len(table), -1, dtype=np.intp)
    points = table[["map_x", "map_y"]].to_numpy(dtype=np.float64)
    placed = np.flatnonzero(np.isfinite(points).all(axis=1))
    if len(placed) < 2:
        return nearest
    count = min(_CANDIDATES, len(placed))
    _, near = cKDTree(points[placed]).query(points[placed], k=count)
    families = table["family"].to_numpy(dtype=np.float64, na_value=np.nan)[placed]
    other = near != np.arange(len(placed))[:, None]
    other &= families[near] != families[:, None]
    first = other.argmax(axis=1)
    chosen = near[np.arange(len(placed)), first]
    nearest[placed] = np.where(other.any(axis=1), placed[chosen], -1)
    return nearest


def neighbour_agreement(
    values: "pd.Series[str]", neighbours: NDArray[np.intp]
) -> tuple[float, float]:
    """Return the share of cells whose neighbour has the same value, and that share by chance.

    Args:
        values: (N,); missing ones are left out.
        neighbours: (N,) from ``nearest_on_map``.

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


def neighbour_correlation(values: "pd.Series[float]", neighbours: NDArray[np.intp]) -> float:
    """Return Spearman's correlation of a measure between cells and neighbours; NaN without any."""
    ranks = values.rank().to_numpy(dtype=np.float64)
    beside = np.where(neighbours >= 0, ranks[neighbours], np.nan)
    known = np.isfinite(ranks) & np.isfinite(beside)
    if known.sum() < 3 or not np.ptp(ranks[known]) or not np.ptp(beside[known]):
        return float("nan")
    return float(np.corrcoef(ranks[known], beside[known])[0, 1])
