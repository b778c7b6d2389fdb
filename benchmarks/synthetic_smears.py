"""Synthetic smears: plasma, red cells and platelets, into which white cells are drawn.

They are far simpler than real ones; the outlines of their white cells are known.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from allcore.data.cells import Rgb

Mask = NDArray[np.bool_]
Field = NDArray[np.float64]

PLASMA = (224, 208, 214)
RED = (186, 132, 136)
PLATELET = (170, 150, 200)
CYTOPLASM = (188, 178, 222)
NUCLEUS = (98, 62, 152)
RED_RADIUS = 48
NOISE = 3.0


def field(height: int, width: int, *, seed: int = 0, red: int | None = None) -> Rgb:
    """Plasma with red cells and a few platelets (H, W, 3) uint8.

    Args:
        height: in pixels.
        width: in pixels.
        seed: of places and noise.
        red: how many red cells; as many as in a usual field where it is None.
    """
    random = np.random.default_rng(seed)
    picture = np.full((height, width, 3), PLASMA, dtype=np.float64)
    count = height * width // 16_000 if red is None else red
    for y, x in random.uniform((0, 0), (height, width), (count, 2)):
        distance = _distance(picture, y, x) / (RED_RADIUS * random.uniform(0.85, 1.15))
        paler = 0.45 * np.exp(-((distance / 0.45) ** 2))[..., None]
        colour = np.array(RED) * (1 - paler) + np.array(PLASMA) * paler
        picture = np.where(distance[..., None] < 1, colour, picture)
    for y, x in random.uniform((0, 0), (height, width), (count // 5, 2)):
        picture[_distance(picture, y, x) < RED_RADIUS / 4] = PLATELET
    return _seen(picture, random)


def with_cell(
    picture: Rgb, y: float, x: float, *, radius: float = 90, nucleus: float = 0.75
) -> tuple[Rgb, Mask]:
    """Draw a white cell into a picture (H, W, 3); gives it and the cell's mask (H, W).

    Args:
        picture: stays as it is.
        y: of the cell's middle.
        x: of the cell's middle.
        radius: of the cell in pixels.
        nucleus: its radius over the cell's.
    """
    drawn, distance = picture.astype(np.float64), _distance(picture, y, x)
    random = np.random.default_rng([round(y), round(x)])
    drawn[distance < radius] = CYTOPLASM
    drawn[distance < radius * nucleus] = NUCLEUS
    return _seen(drawn, random), distance < radius


def pasted(picture: Rgb, cell: Rgb, mask: Mask, *, softness: float = 1.0) -> tuple[Rgb, Mask]:
    """Lay a cut-out cell over the middle of a larger picture; gives it and the mask there.

    Args:
        picture: (H, W, 3); stays as it is.
        cell: (h, w, 3) on black.
        mask: (h, w) of the cell.
        softness: pixels over which the edge goes over into the picture.
    """
    top = (picture.shape[0] - mask.shape[0]) // 2
    left = (picture.shape[1] - mask.shape[1]) // 2
    place = (slice(top, top + mask.shape[0]), slice(left, left + mask.shape[1]))
    whole = np.zeros(picture.shape[:2], dtype=np.bool_)
    whole[place] = mask
    # Half of the blur lies outside, where the cut-out cell has no colour: so it only goes inward.
    share = np.clip(2 * ndimage.gaussian_filter(mask.astype(np.float64), softness) - 1, 0, 1)
    laid = picture.copy()
    mixed = cell * share[..., None] + laid[place] * (1 - share[..., None])
    laid[place] = np.rint(mixed).astype(np.uint8)
    return laid, whole


def _distance(picture: NDArray[np.generic], y: float, x: float) -> Field:
    rows, columns = np.ogrid[: picture.shape[0], : picture.shape[1]]
    return np.hypot(rows - y, columns - x)


def _seen(picture: Field, random: np.random.Generator) -> Rgb:
    """A drawing as a camera sees it: a little out of focus, with noise."""
    soft = ndimage.gaussian_filter(picture, (1, 1, 0)) + random.normal(0, NOISE, picture.shape)
    return soft.clip(0, 255).astype(np.uint8)
