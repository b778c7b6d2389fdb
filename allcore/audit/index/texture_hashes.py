"""Rotation-tolerant texture descriptors of a cell, to detect near duplicates.

A plain perceptual hash sees a bright blob on black in every cell. These descriptors use only the
pattern inside the cell: on the grid of ``allcore.data.duplicate_cells``, cropped to the cell's
bounding box, and on rings around the cell's centre, where a rotation shifts the angles.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from allcore.audit.index import neighbours
from allcore.data import cells, duplicate_cells
from allcore.data.cells import Rgb

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

GRID = duplicate_cells.GRID
THIRDS = np.full(3, 1 / 3, dtype=np.float32)
RINGS, ANGLES = 12, 64
MIDDLE = 140.0
"""Mean grey level of stored patterns, so that a dark cell stays above the background."""
INNERMOST, OUTERMOST = 0.15, 0.85
"""Range of ring radii, relative to the radius of a circle of the cell's area."""
SMOOTHED = 0.03
"""Deviation of the blur before sampling, in the same unit; it tolerates a shifted outline."""
FREQUENCIES = 8
NEAREST = 12
"""Number of nearest cells by descriptor that are compared at every rotation."""
TURNED = 0.92
"""Correlation on the rings, over all rotations and mirroring, from which cells are duplicates.

Set on 7,456 C-NMC cells of 50 subjects, for which ``duplicate_cells.near_pairs`` returns 1,040
pairs. Pairs above a threshold, those that ``near_pairs`` returns too, and others with different
labels, which are false positives: 0.85: 1,282, 1,034 and 56; 0.88: 1,148, 1,029 and 9; 0.90: 1,110,
1,015 and 2; 0.92: 1,089, 1,009 and 0; 0.95: 1,048, 978 and 0.
"""
ALL_PAIRS = 20_000
"""Largest number of cells for the exhaustive comparison on grids, which is quadratic: two minutes
for 15,000 cells."""
BLOCK = 1024


def textures(rgb: Rgb, mask: NDArray[np.bool_]) -> tuple[Bytes, Bytes]:
    """Return ``grid`` and ``rings`` of the cell in an image (H, W, 3) uint8.

    Raises:
        BadImage: the mask is empty.
    """
    top, left, bottom, right = cells.frame_of(mask)
    own = mask[top:bottom, left:right]
    # A product is several times faster than the mean over an axis of three.
    grey = rgb[top:bottom, left:right].astype(np.float32) @ THIRDS
    return grid(grey, own), rings(grey, own)


def grid(grey: Floats, own: NDArray[np.bool_]) -> Bytes:
    """Return the mean brightness (GRID, GRID) of blocks of the bounding box, 0 outside the cell.

    ``grey`` and ``own`` (H, W) are brightness and mask in the box. With a leading channel axis the
    result is input of ``duplicate_cells.near_pairs``.
    """
    # Centred in a square of zeros.
    side = max(*grey.shape, GRID)
    square, inner = (np.zeros((side, side), dtype=np.float32) for _ in range(2))
    y, x = (side - grey.shape[0]) // 2, (side - grey.shape[1]) // 2
    place = slice(y, y + grey.shape[0]), slice(x, x + grey.shape[1])
    square[place], inner[place] = grey, own
    edges = np.arange(GRID) * len(square) // GRID
    sums = (np.add.reduceat(np.add.reduceat(part, edges, 0), edges, 1) for part in (square, inner))
    sides = np.diff(np.append(edges, len(square)))
    mean, share = (total / np.outer(sides, sides) for total in sums)
    inside = share > 0.99
    level = mean[inside].mean() if inside.any() else 0.0
    lifted = np.clip(np.rint(mean - level + MIDDLE), cells.BACKGROUND_LEVEL + 1, 255)
    return np.asarray(np.where(inside, lifted, 0), dtype=np.uint8)


def rings(grey: Floats, own: NDArray[np.bool_]) -> Bytes:
    """Return the brightness (RINGS, ANGLES) around the cell's centre, of mean ``MIDDLE``."""
    radius = float(np.sqrt(own.sum() / np.pi))
    y, x = np.argwhere(own).mean(axis=0)
    smooth = ndimage.gaussian_filter(np.where(own, grey, grey[own].mean()), SMOOTHED * radius)
    reach = np.linspace(INNERMOST, OUTERMOST, RINGS)[:, None] * radius
    angle = np.arange(ANGLES)[None] * 2 * np.pi / ANGLES
    places = [y + reach * np.sin(angle), x + reach * np.cos(angle)]
    read = ndimage.map_coordinates(smooth, places, order=1, mode="nearest")
    return np.asarray(np.clip(np.rint(read - read.mean() + MIDDLE), 0, 255), dtype=np.uint8)


def perceptual(pattern: Bytes) -> str:
    """Return a hash of 64 bits in hexadecimal, nearly invariant to rotation and mirroring.

    On eight of the rings, the bits compare the strength of each angular frequency with that of the
    other rings and frequencies.
    """
    chosen = pattern[np.linspace(1, RINGS - 1, 8).astype(int)].astype(np.float32)
    strength = np.log1p(np.abs(np.fft.rfft(chosen, axis=1))[:, 1 : FREQUENCIES + 1])
    strength -= strength.mean(axis=0)
    bits = (strength > np.median(strength)).ravel()
    return np.packbits(bits).tobytes().hex()


def near_duplicates(
    grids: Bytes, around: Bytes, usable: NDArray[np.intp] | None = None
) -> NDArray[np.intp]:
    """Return row numbers (P, 2) of near duplicates, the lower first and each pair once.

    Args:
        grids: (N, GRID, GRID) from ``grid``; compared in eight orientations if there are at most
            ``ALL_PAIRS``.
        around: (N, RINGS, ANGLES) from ``rings``; compared at every rotation.
        usable: rows to compare, ascending; None takes all.
    """
    rows = np.arange(len(grids)) if usable is None else usable
    if len(rows) < 2:
        return np.zeros((0, 2), dtype=np.intp)
    pairs = turned(around, rows)
    if len(rows) <= ALL_PAIRS:
        near = rows[duplicate_cells.near_pairs(grids[rows][:, None])]
        pairs = np.concatenate([near, pairs])
    return np.unique(pairs, axis=0) if len(pairs) else pairs


def turned(around: Bytes, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return row numbers (P, 2) of cells whose rings correlate at some rotation, mirrored or not.

    Only nearest neighbours by a rotation-invariant descriptor are compared, which avoids comparing
    all pairs at every rotation.
    """
    pairs = rows[_candidates(descriptors(around, rows))]
    parts = [pairs[i : i + BLOCK] for i in range(0, len(pairs), BLOCK)]
    best = [_agreement(*_pair_spectra(around, part)) for part in parts]
    return pairs[np.concatenate(best) > TURNED]


def _pair_spectra(
    around: Bytes, pairs: NDArray[np.intp]
) -> tuple[NDArray[np.complexfloating], NDArray[np.complexfloating]]:
    """``_spectra`` of both cells of each pair; those of a cell in several pairs are made once."""
    rows, place = np.unique(pairs, return_inverse=True)
    spectra, place = _spectra(around[rows]), place.reshape(-1, 2)
    return spectra[place[:, 0]], spectra[place[:, 1]]


def _spectra(around: Bytes) -> NDArray[np.complexfloating]:
    """(N, RINGS, F) Fourier transform along the angles of each cell's pattern of unit norm."""
    patterns = _unit(around - around.mean(axis=(1, 2), dtype=np.float32, keepdims=True))
    return np.fft.rfft(patterns, axis=2)


def descriptors(around: Bytes, rows: NDArray[np.intp]) -> Floats:
    """Return the rotation-invariant strength (N, D) of each frequency on each ring of some rows.

    The mean over the rows is taken off, and each row is of unit norm.
    """
    strength = np.empty((len(rows), RINGS * (FREQUENCIES + 1)), dtype=np.float32)
    blocks = [slice(start, start + BLOCK) for start in range(0, len(rows), BLOCK)]
    for block in blocks:
        spectra = _spectra(around[rows[block]])[:, :, : FREQUENCIES + 1]
        strength[block] = np.abs(spectra).reshape(len(spectra), -1)
    strength -= strength.mean(axis=0)
    for block in blocks:
        strength[block] = _unit(strength[block])
    return strength


def _candidates(descriptors: Floats) -> NDArray[np.intp]:
    """(P, 2) each cell paired with its ``NEAREST``, the lower number first, each pair once."""
    count = len(descriptors)
    nearest = neighbours.nearest_rows(descriptors, min(NEAREST + 1, count))
    own = np.arange(count)[:, None]
    low, high = np.minimum(nearest, own), np.maximum(nearest, own)
    # A cell is its own nearest neighbour, unless many cells share its descriptor.
    pairs = np.unique((low * count + high)[(low < high) & (low >= 0)])
    return np.column_stack(np.divmod(pairs, count))


def _agreement(
    one: NDArray[np.complexfloating], other: NDArray[np.complexfloating]
) -> NDArray[np.float64]:
    """(P,) highest correlation of patterns (P, RINGS, F) over all rotations, mirrored or not."""
    turned = (one * other.conj()).sum(axis=1), (one * other).sum(axis=1)
    best: NDArray[np.float64] = np.max(
        [np.fft.irfft(product, ANGLES, axis=1).max(axis=1) for product in turned], axis=0
    )
    return best


def _unit(values: Floats) -> Floats:
    axes = tuple(range(1, values.ndim))
    length = np.sqrt(np.square(values).sum(axis=axes, keepdims=True))
    return np.asarray(values / np.maximum(length, 1e-6), dtype=np.float32)
