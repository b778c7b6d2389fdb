"""Synthesis of one cell image with prescribed size, colour and texture.

The texture that distinguishes the classes is in ``synthetic_chromatin``: nucleoli in finely
stippled chromatin in blasts, dark clumps in normal cells. Size, stain and contrast are inputs.
"""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from allcore.data.cells import NATIVE_SIDE, Rgb
from allcore.synthetic import appearance, targets
from allcore.synthetic import chromatin as synthetic_chromatin
from allcore.synthetic import outline as synthetic_outline
from allcore.synthetic.appearance import BANDS, EDGE, Field
from allcore.synthetic.chromatin import Noise
from allcore.synthetic.outline import ANGLES, THETA, Outline

LARGEST_FRAME = 340
"""Longest side of a cell's bounding box in pixels; the margin stays free for the label text."""
STAIN = np.array([0.82, 0.40, 0.38], dtype=np.float32)
SECOND_STAIN = np.array([0.46, -0.25, -0.73], dtype=np.float32)
"""Directions of the first two principal components of colour inside real cells."""
SENSOR_NOISE = 1.3
"""Deviation in each channel, in grey levels, before the chromatic aberration smooths it."""
CHANNELS = ("red", "green", "blue")
RIM_RADIUS = 105  # radius of a typical cell in pixels
THIN = 4  # sampling step in pixels for mean and deviation
CYTOPLASM = np.array([14.0, 30.0, 20.0], dtype=np.float32)
"""Cytoplasm's colour minus the nucleus's: paler, greyer and bluer."""
PLACE_JITTER = 4.0
STEP = 48  # canvas sides are multiples of this, so that filters are computed once a size


@dataclass(frozen=True)
class CellTraits:
    """Target properties of a synthetic cell."""

    label: str  # ``all`` draws a blast, ``hem`` a normal cell
    values: dict[str, float]  # the measures named in ``targets.TRAITS``
    fringe: tuple[float, float]  # shift of red against blue along y and x in pixels, below 1
    clarity: float = 1.0  # strength of the class's chromatin texture; 1 as in real cells


@dataclass(frozen=True)
class Body:
    """Shape of the cell on its canvas; all fields are (S, S) of a square canvas."""

    cover: Field  # share of each pixel that the cell covers
    depth: Field  # pixels from the outline, 0 outside
    cytoplasm: Field  # 1 in pale cytoplasm, 0 in the nucleus


def draw_cell(traits: CellTraits, random: np.random.Generator) -> Rgb:
    """Draw a cell on black, (450, 450, 3) uint8."""
    values = traits.values
    outline = synthetic_outline.draw_outline(values["area"], values["elongation"], random)
    shrink = min(1.0, (LARGEST_FRAME - 4) / np.ptp(_points(outline), axis=1).max())
    body = _body(Outline(outline.cell * shrink, outline.nucleus * shrink))
    colour = _stained(traits, body, random)
    return _picture(_fringed(colour, traits.fringe) * body.cover[..., None], random)


def _points(outline: Outline) -> NDArray[np.float64]:
    """(2, ANGLES): y and x of the outline around its centre."""
    return np.stack([np.sin(THETA), np.cos(THETA)]) * outline.cell


def _body(outline: Outline) -> Body:
    points = _points(outline)
    side = STEP * int(np.ceil((np.ptp(points, axis=1).max() + 4) / STEP))
    middle = side / 2 - (points.max(axis=1) + points.min(axis=1)) / 2
    along = np.arange(side, dtype=np.float32)
    y, x = along[:, None] - np.float32(middle[0]), along[None, :] - np.float32(middle[1])
    radius = np.sqrt(y**2 + x**2)
    angle = (np.arctan2(y, x) * np.float32(ANGLES / (2 * np.pi))).astype(np.int32) % ANGLES
    cover = np.clip(outline.cell.astype(np.float32)[angle] - radius + np.float32(0.5), 0, 1)
    depth = ndimage.distance_transform_edt(cover > 0.5).astype(np.float32)
    pale = (radius - outline.nucleus.astype(np.float32)[angle]) / 5 - np.float32(0.3)
    return Body(cover, depth, np.clip(pale, 0, 1))


def _stained(traits: CellTraits, body: Body, random: np.random.Generator) -> Field:
    """Colour (S, S, 3) with the target mean and deviation inside the cell."""
    mean = np.array([traits.values[name] for name in CHANNELS], dtype=np.float32)
    deviation = np.array([traits.values[f"{name}_sd"] for name in CHANNELS])
    inside = np.flatnonzero(body.cover)
    depth = body.depth.ravel()[inside]
    fine, slow = _layers(traits, body, inside, random)
    counted = np.flatnonzero(depth > EDGE)[::THIN]
    fine -= fine[counted].mean(axis=0)
    slow -= slow[counted].mean(axis=0)
    noise = random.standard_normal(fine.shape, dtype=np.float32) * np.float32(SENSOR_NOISE)
    colour = np.zeros((body.cover.size, 3), dtype=np.float32)
    share = _share(fine[counted], slow[counted], deviation)
    colour[inside] = mean + fine + noise + slow * share
    return colour.reshape(*body.cover.shape, 3)


def _layers(
    traits: CellTraits, body: Body, inside: NDArray[np.int_], random: np.random.Generator
) -> tuple[Field, Field]:
    """Chromatin (N, 3) at final contrast, and shading (N, 3) that is scaled to the target.

    Both cover the N pixels ``inside`` the cell, in row-major order.
    """
    drawn = _drawn_contrast(traits)
    noise, other = Noise(len(body.cover), random), Noise(len(body.cover), random)
    chromatin = noise.octaves(drawn * synthetic_chromatin.CHROMATIN)
    chromatin = synthetic_chromatin.arrange_chromatin(
        traits.label, chromatin, body.depth, random, clarity=traits.clarity
    )
    chromatin += other.octaves(drawn * synthetic_chromatin.FINE)
    second = other.octaves(synthetic_chromatin.SECOND).T
    broad = noise.octaves(drawn * synthetic_chromatin.BROAD)
    pale = body.cytoplasm.ravel()[inside, None]
    stain = STAIN / STAIN.mean()
    fine = chromatin.ravel()[inside, None] * (1 - np.float32(0.7) * pale) * stain
    fine += second.ravel()[inside, None] * SECOND_STAIN
    slow = broad.ravel()[inside, None] * stain
    strength, paleness = random.lognormal(0, 0.2), random.uniform(0.5, 1)
    slow += _rim(traits.label, body.depth.ravel()[inside]) * np.float32(strength)
    return fine, slow + pale * CYTOPLASM * np.float32(paleness)


def _drawn_contrast(traits: CellTraits) -> NDArray[np.float64]:
    """Contrast of the chromatin by octave: the target minus the contributions of rim and sensor."""
    target = np.array([traits.values[name] for name in BANDS])
    added = _rim_contrast(traits.label) ** 2
    added[0] += SENSOR_NOISE**2 / 5
    return synthetic_chromatin.contrasts(
        np.sqrt(np.maximum(target**2 - added, (0.3 * target) ** 2))
    )


@functools.cache
def _rim_contrast(label: str) -> NDArray[np.float64]:
    """(6) contrast by octave that the rim contributes to a round cell."""
    depth = RIM_RADIUS - np.hypot(
        *np.mgrid[-RIM_RADIUS : RIM_RADIUS + 1.0, -RIM_RADIUS : RIM_RADIUS + 1.0]
    )
    grey = _rim(label, depth.ravel()).mean(axis=1).reshape(depth.shape)
    split = appearance.bands(grey * (depth > 0), depth > 0)
    return np.array([band[depth > appearance.TEXTURE_EDGE].std() for band in split])


def _rim(label: str, depth: Field) -> Field:
    """Colour (N, 3) by distance from the outline (N), as measured on real cells."""
    rim = targets.load().classes[label].rim
    # JPEG mixes the outermost pixel of the measured cells with the background.
    rim = np.concatenate([rim[1:2], rim[1:], rim[-1:]]).astype(np.float32)
    whole = np.clip(depth.astype(int), 1, len(rim) - 1)
    part = np.clip(depth - whole, 0, 1).astype(np.float32)[:, None]
    return np.asarray(rim[whole - 1] * (1 - part) + rim[whole] * part)


def _share(fine: Field, slow: Field, deviation: NDArray[np.float64]) -> Field:
    """Factor (3) for ``slow`` (N, 3) such that ``fine + slow`` has the deviation, in 0.4 to 2.5.

    It is the positive root of var(slow) k^2 + 2 cov k + var(fine) - deviation^2 = 0.
    """
    a = (slow**2).mean(axis=0)
    b = (slow * fine).mean(axis=0)
    c = (fine**2).mean(axis=0) - deviation**2
    root = np.sqrt(np.maximum(b**2 - a * c, 0))
    share = np.clip((root - b) / np.maximum(a, 1e-6), 0.4, 2.5)
    return np.asarray(share, dtype=np.float32)


def _fringed(colour: Field, fringe: tuple[float, float]) -> Field:
    """Shift red and blue in opposite directions, as lateral chromatic aberration does."""
    for channel, sign in ((0, 1.0), (2, -1.0)):
        for axis in (0, 1):
            share = sign * fringe[axis]
            moved = np.roll(colour[..., channel], int(np.sign(share)), axis=axis)
            colour[..., channel] += np.float32(abs(share)) * (moved - colour[..., channel])
    return colour


def _picture(cell: Field, random: np.random.Generator) -> Rgb:
    picture = np.zeros((NATIVE_SIDE, NATIVE_SIDE, 3), dtype=np.uint8)
    jitter = np.clip(random.normal(0, PLACE_JITTER, 2), -8, 8)
    top, left = ((NATIVE_SIDE - len(cell)) // 2 + np.rint(jitter)).astype(int)
    pixels = np.clip(np.rint(cell), 0, 255)
    picture[top : top + len(cell), left : left + len(cell)] = pixels
    return picture
