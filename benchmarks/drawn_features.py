"""Drawn features of many cells, in place of those that an index measures in pictures."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allcore.audit.index import texture_hashes
from allcore.audit.index.texture_hashes import ANGLES, FREQUENCIES, MIDDLE, RINGS

FEATURES, LATENT, CLUSTERS = 512, 24, 40
"""Length of an embedding, as of ResNet-18; dimensions and clusters that it is drawn in."""
BLOCK = 2000
COPIES = 0.02
"""Share of the cells that are a turned copy of the cell before."""


@dataclass(frozen=True)
class DrawnBlock:
    """Features of N consecutive cells."""

    first: int  # number of the first cell
    rings: NDArray[np.uint8]  # (N, RINGS, ANGLES)
    embeddings: NDArray[np.float16]  # (N, FEATURES)
    copied: NDArray[np.bool_]  # (N,) True for a turned copy of the cell before

    def __len__(self) -> int:
        return len(self.rings)


def blocks(count: int) -> Iterator[DrawnBlock]:
    """Draw ``count`` cells, the same ones at each call, ``BLOCK`` at a time."""
    fixed = np.random.default_rng(0)
    centres = fixed.normal(0, 2, (CLUSTERS, LATENT)).astype(np.float32)
    spread = fixed.normal(0, 1, (LATENT, FEATURES)).astype(np.float32)
    for first in range(0, count, BLOCK):
        random = np.random.default_rng((1, first))
        size = min(BLOCK, count - first)
        copied = random.random(size) < COPIES
        copied[0] = False
        latent = centres[random.integers(CLUSTERS, size=size)]
        latent = latent + random.normal(0, 1, latent.shape).astype(np.float32)
        rings = _rings(random, size)
        after = np.flatnonzero(copied)
        latent[after] = latent[after - 1]
        rings[after] = _turned(rings[after - 1], random)
        embedded = np.maximum(latent @ spread, 0).astype(np.float16)
        yield DrawnBlock(first, rings, embedded, copied)


def descriptors(count: int) -> NDArray[np.float32]:
    """Rotation-invariant descriptors (count, D) of the rings of drawn cells."""
    rings = np.concatenate([block.rings for block in blocks(count)])
    return texture_hashes.descriptors(rings, np.arange(count))


def _rings(random: np.random.Generator, count: int) -> NDArray[np.uint8]:
    """Patterns of low angular frequencies whose strengths vary smoothly over the rings."""
    shape = (count, RINGS, FREQUENCIES + 1)
    phases = random.normal(size=shape) + 1j * random.normal(size=shape)
    strength = np.exp(random.normal(0, 0.5, (count, 4, FREQUENCIES + 1)))
    strength = np.repeat(strength, RINGS // 4, axis=1) / np.arange(1, FREQUENCIES + 2)
    patterns = np.fft.irfft(phases * strength, ANGLES, axis=2)
    scaled = 22 * patterns / patterns.std(axis=(1, 2), keepdims=True)
    return np.clip(np.rint(scaled + MIDDLE), 0, 255).astype(np.uint8)


def _turned(rings: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    steps = random.integers(ANGLES, size=(len(rings), 1, 1))
    columns = (np.arange(ANGLES) + steps) % ANGLES
    turned = np.take_along_axis(rings, np.broadcast_to(columns, rings.shape), axis=2)
    noisy = turned + random.normal(0, 3, rings.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
