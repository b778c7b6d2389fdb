"""What the network saw: the very tensor that went in, as a picture and as figures."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from allcore.data.cells import Rgb
from allcore.data.preprocessing import IMAGENET_MEAN, IMAGENET_STD

if TYPE_CHECKING:
    from torch import Tensor

    from allcore.inference.predictor import Predictor

DEVIATIONS = 3.0
"""Deviations from the cell's mean that are drawn black and white, where cells are normalised by
themselves."""


@dataclass(frozen=True)
class Figures:
    """What a caption says of a tensor (3, S, S).

    Attributes:
        shape: channels, rows, columns.
        low: least value.
        high: largest value.
        means: of red, green and blue.
    """

    shape: tuple[int, int, int]
    low: float
    high: float
    means: tuple[float, float, float]


def tensor(predictor: "Predictor", cell: "Tensor") -> "Tensor":
    """The network's input (3, S, S) float32, on the CPU, of a cut cell (3, S, S) uint8."""
    return predictor.normalised(cell[None])[0].float().cpu()


def picture(predictor: "Predictor", cell: "Tensor") -> Rgb:
    """The network's input (S, S, 3) uint8 of a cut cell (3, S, S) uint8, for people to look at.

    Values become grey levels by a line that is the same for all cells, so that two cells can be
    compared. ImageNet's normalisation is such a line itself and is undone: what appears is the cut
    cell. A cell normalised by itself is drawn from 3 deviations below its mean (black) to 3 above
    (white); the background, which the network sees as the mean, is then grey.
    """
    values = tensor(predictor, cell).permute(1, 2, 0).numpy()
    if predictor.info.preprocessing.normalisation == "imagenet":
        shown = values * np.asarray(IMAGENET_STD) + np.asarray(IMAGENET_MEAN)
    else:
        shown = (values + DEVIATIONS) / (2 * DEVIATIONS)
    levels: Rgb = np.rint(255 * shown).clip(0, 255).astype(np.uint8)
    return levels


def figures(seen: "Tensor") -> Figures:
    """The figures of a tensor (3, S, S), as `tensor` gives it."""
    channels, rows, columns = seen.shape
    red, green, blue = seen.mean((1, 2)).tolist()
    return Figures(
        shape=(channels, rows, columns),
        low=float(seen.min()),
        high=float(seen.max()),
        means=(red, green, blue),
    )
