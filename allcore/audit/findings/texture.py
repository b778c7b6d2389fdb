"""Figures of a cell's chromatin, taken from the rings that an index keeps of it."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SCALES = ((1.0, 2.0), (2.0, 4.0))
"""Deviations of the blur, in rings and angles, above which structure is left out of the figures."""
PERCENTILES = (1, 5, 25, 75, 95, 99)
BLOCK = 4096


def figures(rings: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How chromatin varies (N, 22): strength, skewness, kurtosis, extremes and percentiles.

    At each of ``SCALES``, which turning the cell does not change. Pale nucleoli in even chromatin
    make it lean one way, dark clumps parted by pale lines the other.

    Args:
        rings: (N, RINGS, ANGLES) as an index keeps them.
    """
    parts = [_figures(rings[i : i + BLOCK]) for i in range(0, len(rings), BLOCK)]
    return np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.float32)


def _figures(rings: NDArray[np.uint8]) -> NDArray[np.float32]:
    patterns = rings.astype(np.float32)
    columns: list[NDArray[np.float32]] = []
    for across, along in SCALES:
        # Along a ring the last angle meets the first.
        coarse = ndimage.gaussian_filter(
            patterns, (0, across, along), mode=("nearest", "nearest", "wrap")
        )
        fine = (patterns - coarse).reshape(len(patterns), -1)
        strength = fine.std(axis=1)
        shape = fine / np.maximum(strength, 1e-6)[:, None]
        moments = [(shape**3).mean(axis=1), (shape**4).mean(axis=1)]
        extremes = [shape.max(axis=1), -shape.min(axis=1)]
        columns += [strength, *moments, *extremes, *np.percentile(shape, PERCENTILES, axis=1)]
    return np.stack(columns, axis=1).astype(np.float32)
