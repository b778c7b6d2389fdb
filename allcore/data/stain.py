"""Stain normalisation: colours of one laboratory's cells brought to the look of another's.

Colours are optical densities, which are linear in the amount of stain (Beer and Lambert; Ruifrok
and Johnston, "Quantification of histochemical staining by color deconvolution", 2001). Mean and
covariance of the pixels inside cells describe the stain, light and camera of a laboratory. The
affine map between two such distributions that moves colours least is that of Pitié and Kokaram
("The linear Monge-Kantorovitch linear colour mapping for example-based colour transfer", CVMP
2007).

One map is fitted for all cells of a laboratory, never one a cell: that would make blasts and normal
cells look alike.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allcore.data.cells import Rgb
from allcore.errors import BadImage

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

METHOD = "affine map of optical densities (Monge-Kantorovich)"
_WHITE = 256.0
_RIDGE = 1e-4
"""Added to variances, so that a channel without variation is not amplified."""
_DENSITY = -np.log((np.arange(256) + 1) / _WHITE)


@dataclass(frozen=True)
class Appearance:
    """Optical densities of the pixels inside cells, each cell with equal weight, and their size."""

    mean: tuple[float, ...]  # (3,) of red, green and blue
    covariance: tuple[tuple[float, ...], ...]  # (3, 3)
    area: float  # median area of a cell in pixels
    cells: int

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Appearance":
        """Read the attributes as JSON stores them."""
        covariance = tuple(tuple(map(float, row)) for row in fields["covariance"])
        mean = tuple(map(float, fields["mean"]))
        return cls(mean, covariance, float(fields["area"]), int(fields["cells"]))


@dataclass(frozen=True)
class StainMap:
    """Affine map of optical densities: ``matrix @ density + offset``."""

    matrix: tuple[tuple[float, ...], ...]  # (3, 3)
    offset: tuple[float, ...]  # (3,)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "StainMap":
        """Read the attributes as JSON stores them.

        Raises:
            ValueError: they are not 3 x 3 and 3 finite numbers.
        """
        matrix, offset = np.array(fields["matrix"], float), np.array(fields["offset"], float)
        if (matrix.shape, offset.shape) != ((3, 3), (3,)) or not np.isfinite(matrix).all():
            raise ValueError("a stain map has 3 x 3 and 3 numbers")
        return cls(_rows(matrix), tuple(offset.tolist()))

    def apply(self, rgb: Rgb) -> Rgb:
        """Map an image (..., 3) uint8."""
        density = _DENSITY[rgb] @ np.array(self.matrix).T + np.array(self.offset)
        return np.asarray(np.rint(_WHITE * np.exp(-density) - 1).clip(0, 255), dtype=np.uint8)


def measure_appearance(pictures: Iterable[tuple[Rgb, Mask]]) -> Appearance:
    """Appearance of cells, each an image (H, W, 3) with the mask (H, W) of the cell.

    Raises:
        BadImage: no mask has a pixel.
    """
    means, squares, areas = [], [], []
    for rgb, mask in pictures:
        density = _DENSITY[rgb[mask]]
        if len(density):
            means.append(density.mean(axis=0))
            squares.append(density.T @ density / len(density))
            areas.append(len(density))
    if not means:
        raise BadImage("There is no cell whose stain could be measured.")
    mean = np.mean(means, axis=0)
    covariance = np.mean(squares, axis=0) - np.outer(mean, mean)
    area = float(np.median(areas))
    return Appearance(tuple(mean.tolist()), _rows(covariance), area, len(means))


def fit_map(source: Appearance, target: Appearance) -> StainMap:
    """Map that gives cells of ``source`` the mean and covariance of ``target``."""
    ridge = _RIDGE * np.eye(3)
    root, inverse = _roots(np.array(source.covariance) + ridge)
    middle, _ = _roots(root @ (np.array(target.covariance) + ridge) @ root)
    matrix = inverse @ middle @ inverse
    offset = np.array(target.mean) - matrix @ np.array(source.mean)
    return StainMap(_rows(matrix), tuple(offset.tolist()))


def _rows(matrix: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, matrix.tolist()))


def _roots(matrix: Floats) -> tuple[Floats, Floats]:
    """Square root of a positive definite matrix, and its inverse."""
    values, vectors = np.linalg.eigh(matrix)
    root = np.sqrt(values)
    return (vectors * root) @ vectors.T, (vectors / root) @ vectors.T
