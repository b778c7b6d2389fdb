"""Duplicate images of one cell in a data set.

A cell with a duplicate in training is no test of a network. C-NMC 2019 holds files that are equal
byte for byte under two names, and cells that were photographed or cropped twice, some of them under
two subject ids.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from allcore.data.cells import BACKGROUND_LEVEL
from allcore.data.decoded_cells import DecodedCells
from allcore.data.manifest import Manifest

THRESHOLD = 0.8
"""Correlation of two cells' texture from which they count as duplicates.

Set on the 7,456 development cells of C-NMC 2019 at 224 pixels. The microscope does not turn, so a
quarter turn or a mirror image of a cell can't be a true duplicate there; these seven orientations
measure chance agreement. Pairs above a threshold, and mean number in one such orientation: 0.75:
1,109 and 3.9; 0.80: 1,083 and 0.3; 0.85: 1,015 and 0; 0.95: 652 and 0. Above 0.80 no pair has two
labels. Among the 43 pairs of subjects assumed to be independent, visual inspection of 35 pairs
above 0.85 shows one cell, sometimes in another focus. A false positive costs one training cell, a
false negative is a leak.
"""
GRID = 32
"""Cells are compared as GRID x GRID mean brightnesses, coarse enough to tolerate a shifted
outline."""
BLOCK = 1024


def families(manifest: Manifest, cells: DecodedCells) -> NDArray[np.intp]:
    """Return a number (N,) for each cell; connected duplicates share one.

    Args:
        manifest: N images; equal ``sha256`` makes duplicates whatever the pixels.
        cells: the same images, decoded and cropped.
    """
    pairs = [
        identical_pairs(manifest.table["sha256"]), near_pairs(cells.pixels)
    ]  # fmt: skip
    return connected_components(np.concatenate(pairs), len(manifest))


def connected_components(pairs: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return the number (count,) of the component of each row; pairs (P, 2) connect rows."""
    links = sparse.coo_array((np.ones(len(pairs)), pairs.T), shape=(count, count))
    return np.asarray(csgraph.connected_components(links, directed=False)[1], dtype=np.intp)


def identical_pairs(values: "pd.Series[Any]") -> NDArray[np.intp]:
    """Return row numbers (P, 2) of equal, known values, each paired with the first such row."""
    codes, _ = pd.factorize(values)
    rows = np.flatnonzero(codes >= 0)
    _, first, back = np.unique(codes[rows], return_index=True, return_inverse=True)
    pairs = np.column_stack([rows[first][back], rows])
    return np.asarray(pairs[pairs[:, 0] != pairs[:, 1]])


def near_pairs(pixels: NDArray[np.uint8], *, threshold: float = THRESHOLD) -> NDArray[np.intp]:
    """Return row numbers (P, 2), the lower first, of cells (N, 3, S, S) of alike texture.

    Cells are compared in eight orientations. All cells agree on the background and nearly in mean
    brightness, so only the pattern inside the cell counts. The cost is N^2 / 2 x 8 products of
    ``GRID`` squared.
    """
    parts = [_coarse(pixels[i : i + BLOCK]) for i in range(0, len(pixels), BLOCK)]
    patterns = np.concatenate([np.zeros((0, GRID, GRID), dtype=np.float32), *parts])
    flat = patterns.reshape(len(patterns), -1)
    blocks = [np.zeros((0, 2), dtype=np.intp)]
    for start in range(0, len(patterns), BLOCK):
        block = patterns[start : start + BLOCK]
        best = np.full((len(block), len(patterns) - start), -1, dtype=np.float32)
        # The block is turned rather than all others: no more copies of all of them.
        for mirrored in (block, block[:, :, ::-1]):
            for turns in range(4):
                turned = np.rot90(mirrored, turns, axes=(1, 2)).reshape(len(block), -1)
                np.maximum(best, turned @ flat[start:].T, out=best)
        # Only the upper triangle: each pair once, no cell with itself.
        pairs = np.argwhere(np.triu(best > threshold, k=1))
        blocks.append(pairs.astype(np.intp) + start)
    return np.concatenate(blocks)


def _coarse(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, GRID, GRID) brightness minus the cell's mean, 0 outside the cell, of unit norm."""
    brightness = _shrunk(pixels.mean(axis=1, dtype=np.float32))
    inside = _shrunk((pixels.max(axis=1) > BACKGROUND_LEVEL).astype(np.float32)) > 0.99
    cells = np.maximum(inside.sum(axis=(1, 2), keepdims=True), 1)
    mean = (brightness * inside).sum(axis=(1, 2), keepdims=True) / cells
    pattern = (brightness - mean) * inside
    length = np.sqrt(np.square(pattern).sum(axis=(1, 2), keepdims=True))
    return np.asarray(pattern / np.maximum(length, 1e-6), dtype=np.float32)


def _shrunk(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average (N, S, S) over GRID x GRID nearly equal blocks."""
    edges = np.arange(GRID) * images.shape[1] // GRID
    sums = np.add.reduceat(np.add.reduceat(images, edges, axis=1), edges, axis=2)
    sides = np.diff(np.append(edges, images.shape[1])).astype(np.float32)
    return np.asarray(sums / (sides[:, None] * sides), dtype=np.float32)
