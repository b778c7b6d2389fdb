"""Chromatin texture of a synthetic cell: band-pass noise of prescribed contrast by octave.

The octaves are those of ``appearance.bands``, so the prescribed and the measured contrast agree.
"""

import functools
import itertools

import numpy as np
from numpy.typing import NDArray
from scipy import fft, optimize

from allcore.synthetic.appearance import SCALES, Field

Contrast = NDArray[np.float64]
"""(6) deviation in each octave of ``appearance.BANDS``, in grey levels."""

FINE = np.array([1.0, 1.0, 0.0, 0.0, 0.0, 0.0])
CHROMATIN = np.array([0.0, 0.0, 0.92, 0.94, 0.94, 0.0])
"""Weights of the octaves from 2 to 16 px, which hold nucleoli, stipples and clumps. They are below
1 because ``arrange_chromatin`` moves some contrast between octaves, as ``data compare`` shows."""
BROAD = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
SECOND = np.array([0.35, 0.43, 0.54, 0.57, 0.53, 0.69])
"""Contrast of the second principal colour component inside real cells, in grey levels."""

SPOTTED = 0.42  # sparsity of the pale spots between the chromatin: exponent on noise of deviation 1
NETWORK, NETWORK_WIDTH = 0.7, 1.0
"""Strength and width of the pale lines that separate the clumps of a normal cell."""
NUCLEOLUS = 2.6  # height of a nucleolus relative to the deviation of the surrounding chromatin


class Noise:
    """White noise on a square of ``side`` pixels, the source of band-pass noise."""

    def __init__(self, side: int, random: np.random.Generator) -> None:
        self.side = side
        self._spectrum = fft.rfft2(random.standard_normal((side, side), dtype=np.float32))

    def octaves(self, contrast: Contrast) -> Field:
        """Return a field (side, side) with the given deviation in each octave."""
        energy = np.tensordot(contrast.astype(np.float32) ** 2, _energies(self.side), axes=1)
        return np.asarray(fft.irfft2(self._spectrum * np.sqrt(energy), (self.side, self.side)))


def contrasts(measured: Contrast) -> Contrast:
    """Return the contrast to draw in each octave for the measured contrast, as octaves overlap."""
    return np.asarray(np.sqrt(optimize.nnls(_overlap(), measured**2)[0]))


def arrange_chromatin(
    label: str, noise: Field, depth: Field, random: np.random.Generator, *, clarity: float = 1.0
) -> Field:
    """Turn noise into the chromatin of a class; the deviation inside the cell is preserved.

    Blasts have evenly fine chromatin with nucleoli. Normal cells have clumps separated by a pale
    network.

    Args:
        depth: (S, S) pixels from the outline, 0 outside.
        clarity: strength of nucleoli or network relative to the usual; each full step above 1 adds
            a nucleolus.
    """
    inside = depth > 0
    deviation = noise[inside].std()
    field = noise / deviation
    spotted = SPOTTED * np.clip(random.lognormal(0, 0.4), 0.3, 2)
    if label == "all":
        field = np.exp(spotted * field) / spotted
        _add_nucleoli(field, depth, random, clarity)
    else:
        network = np.exp(-((field / NETWORK_WIDTH) ** 2))
        field = np.exp(spotted * field) / spotted + clarity * NETWORK * network
    field -= field[inside].mean()
    return np.asarray(field * (deviation / field[inside].std()), dtype=np.float32)


def _add_nucleoli(field: Field, depth: Field, random: np.random.Generator, clarity: float) -> None:
    """Add pale round spots in darker rings away from the outline: one to three, or more."""
    deep = np.argwhere(depth > 0.35 * depth.max())
    count = random.integers(1, 4) + int(clarity - 1)
    for y, x in deep[random.integers(len(deep), size=count)]:
        width, height = random.uniform(5, 10), random.uniform(0.7, 1.3) * clarity * NUCLEOLUS
        reach = int(3.5 * width)
        top, left = max(0, y - reach), max(0, x - reach)
        patch = field[top : y + reach, left : x + reach]
        rows = np.arange(top - y, top - y + patch.shape[0])[:, None]
        columns = np.arange(left - x, left - x + patch.shape[1])[None, :]
        squared = (rows**2 + random.uniform(0.8, 1.25) * columns**2) / width**2
        patch += height * (np.exp(-squared) - 0.35 * np.exp(-squared / 2.6)).astype(np.float32)


@functools.cache
def _energies(side: int) -> Field:
    """(6, side, side // 2 + 1): shares of white noise's energy that give octaves of deviation 1."""
    bands = _differences(side) ** 4
    total = (bands * _twice(side)).sum((1, 2))
    return np.asarray(bands * side**2 / total[:, None, None], dtype=np.float32)


@functools.cache
def _overlap() -> NDArray[np.float64]:
    """(6, 6): energy measured in octave i of a field drawn with energy 1 in octave j."""
    side = 256
    energy = _differences(side) ** 2 * _twice(side)
    return np.asarray(np.einsum("iyx,jyx->ij", energy, _energies(side).astype(float)) / side**2)


def _twice(side: int) -> NDArray[np.float64]:
    """Weight of each column of a real Fourier transform: all but the outer ones count twice."""
    weight = np.full(side // 2 + 1, 2.0)
    weight[[0, -1]] = 1.0
    return weight


def _differences(side: int) -> NDArray[np.float64]:
    """Transfer functions of the differences of Gaussians in ``appearance.bands``."""
    squared = np.fft.fftfreq(side)[:, None] ** 2 + np.fft.rfftfreq(side)[None, :] ** 2
    passes = [np.exp(-2 * (np.pi * scale) ** 2 * squared) for scale in SCALES]
    between = [above - below for above, below in itertools.pairwise(passes)]
    return np.stack([1 - passes[0], *between, passes[-1] * (squared > 0)])
