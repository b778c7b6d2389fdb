"""Embeddings of cells by an installed model, and their map."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from allcore.data.cells import Rgb
from allcore.errors import BadImage

if TYPE_CHECKING:
    from torch import Tensor

    from allcore.inference.predictor import Predictor

BATCH = 32
FITTED = 1500
"""Cells that the map is fitted on; the others are placed among them, for t-SNE takes a minute."""
ANCHORS = 5
SEED = 0


def cut(predictor: "Predictor", rgb: Rgb) -> "Tensor | None":
    """The cell (3, S, S) uint8 in a picture (H, W, 3) uint8; None where there is none."""
    try:
        return predictor.prepare(rgb)
    except BadImage:
        return None


def embed(
    predictor: "Predictor", prepared: Sequence["Tensor | None"]
) -> list[NDArray[np.float16] | None]:
    """The penultimate vector (F,) of each cell of ``cut``; None where there is none."""
    import torch

    cells = [cell for cell in prepared if cell is not None]
    found: list[NDArray[np.float16]] = []
    for start in range(0, len(cells), BATCH):
        batch = torch.stack(cells[start : start + BATCH])
        with predictor.lock, torch.inference_mode():
            vectors = predictor.network.forward_features(predictor.normalised(batch))
        found += list(vectors.float().cpu().numpy().astype(np.float16))
    rest = iter(found)
    return [None if cell is None else next(rest) for cell in prepared]


def flat_map(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """The 2-D map (N, 2) of vectors (N, F) by the t-SNE of ``allcore.training.embedding``.

    Of more than ``FITTED`` cells a sample is fitted and the others stand at the mean of the
    ``ANCHORS`` fitted cells nearest to them. NaN where a vector is.
    """
    from allcore.training import embedding as trained

    points = np.full((len(vectors), 2), np.nan, dtype=np.float32)
    known = np.flatnonzero(np.isfinite(vectors).all(axis=1))
    if not len(known) or not vectors.shape[1]:
        return points
    own = np.asarray(vectors, dtype=np.float32)[known]
    random = np.random.default_rng(SEED)
    fitted = np.sort(random.permutation(len(own))[:FITTED])
    placed = trained.flat_map(own[fitted], seed=SEED)
    points[known] = placed if len(fitted) == len(own) else _among(own, fitted, placed)
    return points


def _among(
    vectors: NDArray[np.float32], fitted: NDArray[np.intp], placed: NDArray[np.float32]
) -> NDArray[np.float32]:
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=ANCHORS).fit(vectors[fitted])
    distances, near = search.kneighbors(vectors)
    weights = 1 / np.maximum(distances, 1e-6)
    points = (placed[near] * weights[..., None]).sum(axis=1) / weights.sum(axis=1, keepdims=True)
    points[fitted] = placed
    return np.asarray(points, dtype=np.float32)
