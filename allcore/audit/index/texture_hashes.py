"""What a cell's texture is recognised by, whatever the picture around it and however it is turned.

A plain perceptual hash sees a bright blob on black in every cell. Here only the pattern inside the
cell counts: once on the grid of ``allcore.data.duplicate_cells``, cut to the cell's frame, and
once on rings
around the cell's middle, where turning the cell only shifts the angles.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from allcore.data import cells, duplicate_cells
from allcore.data.cells import Rgb

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

GRID = duplicate_cells.GRID
THIRDS = np.full(3, 1 / 3, dtype=np.float32)
RINGS, ANGLES = 12, 64
MIDDLE = 140.0
"""Mean grey level that patterns are kept at, so that a dark cell stays above the background."""
INNERMOST, OUTERMOST = 0.15, 0.85
"""Radii of the rings, in radii of a circle of the cell's area."""
SMOOTHED = 0.03
"""Deviation of the blur before rings are read, in the same unit: coarser than a shifted outline."""
FREQUENCIES = 8
NEAREST = 12
"""Cells nearest by descriptor that are compared angle by angle."""
TURNED = 0.92
"""Correlation on the rings, over all turns and the mirror image, from which cells are twins.

Set on 7,456 C-NMC cells of 50 subjects, on which ``twins.alike`` finds 1,040 pairs. Pairs above a
threshold, those of them that ``alike`` has too, and those it has not across labels, which real
twins can't be: 0.85: 1,282, 1,034 and 56; 0.88: 1,148, 1,029 and 9; 0.90: 1,110, 1,015 and 2; 0.92:
1,089, 1,009 and 0; 0.95: 1,048, 978 and 0.
"""
ALL_PAIRS = 20_000
"""Cells up to which every pair is compared upright as well: that takes the square of their number,
two minutes for 15,000."""
BLOCK = 1024


def textures(rgb: Rgb, mask: NDArray[np.bool_]) -> tuple[Bytes, Bytes]:
    """``grid`` and ``rings`` of the cell in a picture (H, W, 3) uint8.

    Raises:
        BadImage: the mask is empty.
    """
    top, left, bottom, right = cells.frame_of(mask)
    own = mask[top:bottom, left:right]
    # A product is several times faster than the mean over an axis of three.
    grey = rgb[top:bottom, left:right].astype(np.float32) @ THIRDS
    return grid(grey, own), rings(grey, own)


def grid(grey: Floats, own: NDArray[np.bool_]) -> Bytes:
    """(GRID, GRID) mean brightness of blocks of the cell's frame, 0 where they leave the cell.

    With one channel in front it is what ``twins.alike`` takes.

    Args:
        grey: (H, W) brightness in the cell's frame.
        own: (H, W) the cell's mask there.
    """
    square, inner = _square(grey, own)
    edges = np.arange(GRID) * len(square) // GRID
    sums = (np.add.reduceat(np.add.reduceat(part, edges, 0), edges, 1) for part in (square, inner))
    sides = np.diff(np.append(edges, len(square)))
    mean, share = (total / np.outer(sides, sides) for total in sums)
    inside = share > 0.99
    level = mean[inside].mean() if inside.any() else 0.0
    lifted = np.clip(np.rint(mean - level + MIDDLE), cells.BACKGROUND_LEVEL + 1, 255)
    return np.asarray(np.where(inside, lifted, 0), dtype=np.uint8)


def rings(grey: Floats, own: NDArray[np.bool_]) -> Bytes:
    """(RINGS, ANGLES) brightness around the cell's middle, its mean at ``MIDDLE``; see ``grid``."""
    radius = float(np.sqrt(own.sum() / np.pi))
    y, x = np.argwhere(own).mean(axis=0)
    smooth = ndimage.gaussian_filter(np.where(own, grey, grey[own].mean()), SMOOTHED * radius)
    reach = np.linspace(INNERMOST, OUTERMOST, RINGS)[:, None] * radius
    angle = np.arange(ANGLES)[None] * 2 * np.pi / ANGLES
    places = [y + reach * np.sin(angle), x + reach * np.cos(angle)]
    read = ndimage.map_coordinates(smooth, places, order=1, mode="nearest")
    return np.asarray(np.clip(np.rint(read - read.mean() + MIDDLE), 0, 255), dtype=np.uint8)


def perceptual(pattern: Bytes) -> str:
    """64 bits in hexadecimal that turning and mirroring a cell hardly change.

    The bits compare, on eight of the rings, how strongly the brightness varies once, twice, ...
    around with how strongly it does on the other rings and frequencies.
    """
    chosen = pattern[np.linspace(1, RINGS - 1, 8).astype(int)].astype(np.float32)
    strength = np.log1p(np.abs(np.fft.rfft(chosen, axis=1))[:, 1 : FREQUENCIES + 1])
    strength -= strength.mean(axis=0)
    bits = (strength > np.median(strength)).ravel()
    return np.packbits(bits).tobytes().hex()


def near_duplicates(grids: Bytes, around: Bytes) -> NDArray[np.intp]:
    """Row numbers (P, 2), the lower first and each pair once, of cells with one texture.

    Args:
        grids: (N, GRID, GRID) as ``grid`` gives them; compared in eight orientations, unless
            there are more than ``ALL_PAIRS``.
        around: (N, RINGS, ANGLES) as ``rings`` gives them; compared at every turn.
    """
    if len(grids) < 2:
        return np.zeros((0, 2), dtype=np.intp)
    pairs = turned(around)
    if len(grids) <= ALL_PAIRS:
        pairs = np.concatenate([duplicate_cells.near_pairs(grids[:, None]), pairs])
    return np.unique(pairs, axis=0) if len(pairs) else pairs


def turned(around: Bytes, *, threshold: float = TURNED) -> NDArray[np.intp]:
    """Row numbers (P, 2) of cells whose rings agree at some turn, or some turn of the mirror image.

    Only cells whose descriptors, which turning does not change, are nearest are compared, so that
    it takes a search of neighbours and no comparison of every pair at every turn.
    """
    pairs = _candidates(_descriptors(around))
    parts = [pairs[i : i + BLOCK] for i in range(0, len(pairs), BLOCK)]
    best = [
        _agreement(_spectra(around[part[:, 0]]), _spectra(around[part[:, 1]])) for part in parts
    ]
    return pairs[np.concatenate(best) > threshold]


def _spectra(around: Bytes) -> NDArray[np.complexfloating]:
    """(N, RINGS, F) Fourier transform along the angles of each cell's pattern of length 1."""
    patterns = _unit(around.astype(np.float32) - around.mean(axis=(1, 2), keepdims=True))
    return np.fft.rfft(patterns, axis=2)


def _descriptors(around: Bytes) -> Floats:
    """(N, D) how strongly each ring varies at each frequency, which turning does not change."""
    parts = [
        np.abs(_spectra(around[i : i + BLOCK])[:, :, : FREQUENCIES + 1]).astype(np.float32)
        for i in range(0, len(around), BLOCK)
    ]
    strength = np.concatenate(parts).reshape(len(around), -1)
    strength -= strength.mean(axis=0)
    return _unit(strength)


def _candidates(descriptors: Floats) -> NDArray[np.intp]:
    """(P, 2) each cell with its ``NEAREST``, the lower number first, each pair once."""
    from sklearn.neighbors import NearestNeighbors

    count = min(NEAREST + 1, len(descriptors))
    # Brute force in blocks that never hold a row of distances to all cells.
    search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(descriptors)
    nearest = search.kneighbors(descriptors, return_distance=False)
    pairs = np.column_stack([np.repeat(np.arange(len(nearest)), count), nearest.ravel()])
    # A cell is nearest to itself, unless more than so many have its descriptor.
    return np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)


def _agreement(
    one: NDArray[np.complexfloating], other: NDArray[np.complexfloating]
) -> NDArray[np.float64]:
    """(P,) highest correlation of two patterns (P, RINGS, F) over all turns and mirrored turns."""
    turned = (one * other.conj()).sum(axis=1), (one * other).sum(axis=1)
    best: NDArray[np.float64] = np.max(
        [np.fft.irfft(product, ANGLES, axis=1).max(axis=1) for product in turned], axis=0
    )
    return best


def _unit(values: Floats) -> Floats:
    axes = tuple(range(1, values.ndim))
    length = np.sqrt(np.square(values).sum(axis=axes, keepdims=True))
    return np.asarray(values / np.maximum(length, 1e-6), dtype=np.float32)


def _square(grey: Floats, own: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Brightness and mask (S, S) in the middle of a square, 0 around."""
    side = max(*grey.shape, GRID)
    square, inner = (np.zeros((side, side), dtype=np.float32) for _ in range(2))
    y, x = (side - grey.shape[0]) // 2, (side - grey.shape[1]) // 2
    place = slice(y, y + grey.shape[0]), slice(x, x + grey.shape[1])
    square[place], inner[place] = grey, own
    return square, inner
