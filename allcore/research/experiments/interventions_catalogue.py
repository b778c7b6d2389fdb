"""Interventions of the experiment: changes of a single property of a cell's image."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from allcore.data import perturbations
from allcore.data.perturbations import Cell

Level = TypeVar("Level")
Kind = Literal["colour", "geometry", "edge", "detail", "rest"]
KINDS: dict[Kind, str] = {
    "colour": "Colour and brightness",
    "geometry": "Size and direction",
    "edge": "Margin and background",
    "detail": "Sharpness and compression",
    "rest": "Almost everything taken away",
}
"""Kinds of interventions."""
AROUND = 2
"""Margin in pixels around the mask that stays where the background is blackened."""


@dataclass(frozen=True)
class CommonCell:
    """Average cell of a sample, the target of interventions that equalise cells."""

    mean: NDArray[np.float64]  # (3,) mean colour inside, 0 to 255
    deviation: NDArray[np.float64]  # (3,) standard deviation of colour inside
    area: float  # pixels of the mask


@dataclass(frozen=True)
class Intervention:
    """One change of a cell's image."""

    name: str  # short, for a file
    title: str  # display name
    kind: Kind  # key of ``KINDS``
    # returns the changed image of a cell, given the sample's average cell
    change: Callable[[Cell, CommonCell], Cell]


def _alone(
    change: Callable[[Cell, Level], Cell], level: Level
) -> Callable[[Cell, CommonCell], Cell]:
    """Change that does not use the sample's average cell."""
    return lambda cell, _: change(cell, level)


def _same_colour(cell: Cell, common: CommonCell) -> Cell:
    mean = cell.rgb[cell.mask].mean(axis=0)
    return perturbations.inside(cell, cell.rgb + (common.mean - mean))


def _grey(cell: Cell, _: CommonCell) -> Cell:
    grey = cell.rgb.mean(axis=2, keepdims=True)
    return Cell(perturbations.rounded(np.repeat(grey, 3, axis=2)), cell.mask)


def _turned(cell: Cell, _: CommonCell) -> Cell:
    return Cell(np.rot90(cell.rgb).copy(), np.rot90(cell.mask).copy())


def _black_around(cell: Cell, _: CommonCell) -> Cell:
    near = ndimage.binary_dilation(cell.mask, iterations=AROUND)
    return Cell(cell.rgb * near[..., None], cell.mask)


def _flat(cell: Cell, _: CommonCell) -> Cell:
    return perturbations.inside(
        cell, np.broadcast_to(cell.rgb[cell.mask].mean(axis=0), cell.rgb.shape)
    )


def _silhouette(cell: Cell, common: CommonCell) -> Cell:
    return perturbations.inside(cell, np.broadcast_to(common.mean, cell.rgb.shape))


def _noise(cell: Cell, common: CommonCell) -> Cell:
    random = np.random.default_rng(int(cell.mask.sum()))
    grain = random.normal(0, 1, (*cell.mask.shape, 1))
    return perturbations.inside(cell, common.mean + common.deviation * grain)


def _texture(cell: Cell, common: CommonCell) -> Cell:
    pixels = cell.rgb[cell.mask].astype(np.float64)
    standard = (cell.rgb - pixels.mean(axis=0)) / np.maximum(pixels.std(axis=0), 1.0)
    alike = perturbations.inside(cell, common.mean + standard * common.deviation)
    return perturbations.rescaled(alike, float(np.sqrt(common.area / cell.mask.sum())))


INTERVENTIONS = (
    Intervention("darker", "Brightness × 0.8", "colour", _alone(perturbations.gain, (0.8,) * 3)),
    Intervention("brighter", "Brightness × 1.2", "colour", _alone(perturbations.gain, (1.2,) * 3)),
    Intervention(
        "redder", "Red × 1.1, blue × 0.9", "colour", _alone(perturbations.gain, (1.1, 1.0, 0.9))
    ),
    Intervention(
        "bluer", "Red × 0.9, blue × 1.1", "colour", _alone(perturbations.gain, (0.9, 1.0, 1.1))
    ),
    Intervention("same-colour", "Every cell of one mean colour", "colour", _same_colour),
    Intervention("grey", "Grey", "colour", _grey),
    Intervention("smaller", "Scaled × 0.85", "geometry", _alone(perturbations.rescaled, 0.85)),
    Intervention("larger", "Scaled × 1.15", "geometry", _alone(perturbations.rescaled, 1.15)),
    Intervention("turned", "Turned by 90°", "geometry", _turned),
    Intervention("eroded", "Outer 4 px black", "edge", _alone(perturbations.eroded, 4)),
    Intervention("black", "Background all black", "edge", _black_around),
    Intervention("blurred", "Inside blurred, 1.5 px", "detail", _alone(perturbations.blurred, 1.5)),
    Intervention("jpeg", "JPEG, quality 50", "detail", _alone(perturbations.compressed, 50)),
    Intervention("texture", "Colour, contrast and size alike", "rest", _texture),
    Intervention("flat", "Silhouette and mean colour only", "rest", _flat),
    Intervention("silhouette", "Silhouette only, one colour", "rest", _silhouette),
    Intervention("noise", "Silhouette only, filled with noise", "rest", _noise),
)
"""Interventions in the order of tables."""
