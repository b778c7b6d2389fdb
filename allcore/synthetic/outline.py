"""The outline of a synthetic cell, as radius by angle around its centre."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]

ANGLES = 1024
THETA = np.linspace(0, 2 * np.pi, ANGLES, endpoint=False)

SMOOTH_ORDERS = np.arange(3, 10)
SMOOTH_SIZE = 0.035
"""Deviation of the third harmonic over the radius; higher ones fall with their order squared."""
RAGGED_ORDERS = np.arange(11, 60)
RAGGED_SIZE = 0.0022
NOTCH_SHARE, BLEB_SHARE, CUT_SHARE, CYTOPLASM_SHARE = 0.25, 0.12, 0.12, 0.16
"""Shares of cells with a notch, a bleb, a straight side where the segmentation box cut them, and a
flap of pale cytoplasm; estimated by eye on 40 real cells."""


@dataclass(frozen=True)
class Outline:
    """Radii (ANGLES) in pixels at the angles ``THETA``."""

    cell: Curve
    nucleus: Curve  # radius of the stained body, smaller than ``cell`` where cytoplasm is visible


def draw_outline(area: float, elongation: float, random: np.random.Generator) -> Outline:
    """Draw an irregular outline that encloses ``area`` pixels."""
    nucleus = _ellipse(elongation, random) * (1 + _waves(random) + _ragged(random))
    nucleus = nucleus * (1 - _bumps(random, share=NOTCH_SHARE, height=0.05, width=0.07))
    cell = nucleus * (1 + _bumps(random, share=BLEB_SHARE, height=0.07, width=0.05))
    cell = cell + _flap(random)
    if random.random() < CUT_SHARE:
        cell = np.minimum(cell, _straight_side(cell, random))
    scale = np.sqrt(area / (cell**2).mean() / np.pi)
    return Outline(cell * scale, np.minimum(nucleus, cell) * scale)


def _ellipse(elongation: float, random: np.random.Generator) -> Curve:
    turned = THETA + random.uniform(0, np.pi)
    return 1 / np.sqrt(np.cos(turned) ** 2 / elongation + np.sin(turned) ** 2 * elongation)


def _waves(random: np.random.Generator) -> Curve:
    size = SMOOTH_SIZE * random.lognormal(0, 0.35) * (3 / SMOOTH_ORDERS) ** 2
    return _harmonics(SMOOTH_ORDERS, size, random)


def _ragged(random: np.random.Generator) -> Curve:
    """Fine roughness that varies along the outline."""
    size = RAGGED_SIZE * random.lognormal(0, 0.5) * (11 / RAGGED_ORDERS) ** 1.4
    stretch = np.exp(_harmonics(np.arange(1, 4), np.full(3, 0.35), random))
    return _harmonics(RAGGED_ORDERS, size, random) * stretch


def _bumps(random: np.random.Generator, *, share: float, height: float, width: float) -> Curve:
    """Up to two bumps of about ``height`` radii and ``width`` radians."""
    curve = np.zeros(ANGLES)
    for _ in range(random.binomial(2, share / 2)):
        curve += height * random.lognormal(0, 0.5) * _window(random, width * random.uniform(0.7, 2))
    return curve


def _flap(random: np.random.Generator) -> Curve:
    if random.random() >= CYTOPLASM_SHARE:
        return np.zeros(ANGLES)
    ragged = 1 + 0.25 * _harmonics(RAGGED_ORDERS, 30 / RAGGED_ORDERS**2, random)
    window = _window(random, random.uniform(0.25, 0.7))
    return np.asarray(random.uniform(0.06, 0.22) * window * ragged)


def _straight_side(cell: Curve, random: np.random.Generator) -> Curve:
    """Radius of a line across one of the four sides of the image's box."""
    facing = np.cos(THETA - random.integers(4) * np.pi / 2)
    distance = (cell * facing).max() * random.uniform(0.86, 0.96)
    return np.asarray(distance / np.maximum(facing, 1e-6))


def _window(random: np.random.Generator, width: float) -> Curve:
    away = np.angle(np.exp(1j * (THETA - random.uniform(0, 2 * np.pi))))
    window: Curve = np.exp(-0.5 * (away / width) ** 2)
    return window


def _harmonics(orders: NDArray[np.int_], size: Curve, random: np.random.Generator) -> Curve:
    spectrum = np.zeros(ANGLES // 2 + 1, dtype=complex)
    real, imaginary = random.normal(0, size), random.normal(0, size)
    spectrum[orders] = (real + 1j * imaginary) * ANGLES / 2
    return np.fft.irfft(spectrum, ANGLES)
