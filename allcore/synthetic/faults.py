"""Faults planted in a synthetic set, as ground truth for the findings of the audit."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from allcore.data import cells
from allcore.data.cells import Rgb

Change = Callable[[Rgb, np.random.Generator], Rgb]

BLUR, DARK = 3.5, 0.5  # deviation of the blur in pixels; factor on the brightness
LEAST_LEFT, MOST_LEFT = 0.35, 0.5  # range of the share of an over-cropped cell that remains


@dataclass(frozen=True)
class Fault:
    """A kind of fault."""

    kind: str  # its name in ``truth.csv``
    share: float  # of the set's cells that have it, at least one cell
    copies: bool = False  # whether the cell is a copy of another one in the set
    other_subject: bool = False  # whether the copy is recorded under another subject
    changes: tuple[Change, ...] = ()  # one of these is applied; empty leaves the image unchanged


def turned(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """Rotate the image by a random angle."""
    angle = random.uniform(10, 350)
    return np.asarray(Image.fromarray(rgb).rotate(angle, resample=Image.Resampling.BICUBIC))


def relit(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """Make the image 6 to 12 % brighter or darker."""
    factor = 1 + random.choice((-1, 1)) * random.uniform(0.06, 0.12)
    return _pixels(rgb * factor)


def recompressed(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """Compress the image as JPEG of quality 70 to 90."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=int(random.integers(70, 91)))
    decoded = np.asarray(Image.open(buffer))
    return np.where(rgb.max(axis=2, keepdims=True) > 0, decoded, 0).astype(np.uint8)


def blurred(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """Defocus the cell; the outline stays sharp, as after segmentation."""
    inside = (rgb.max(axis=2) > 0).astype(np.float32)
    spread = np.maximum(ndimage.gaussian_filter(inside, BLUR), 1e-3)
    soft = ndimage.gaussian_filter(rgb.astype(np.float32), (BLUR, BLUR, 0)) / spread[..., None]
    return _pixels(soft * inside[..., None])


def darkened(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """Halve the cell's brightness."""
    return _pixels(rgb * DARK)


def cropped(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """Cut away more than half of the cell along a straight line."""
    mask = cells.mask_of(rgb)
    angle = random.uniform(0, 2 * np.pi)
    y, x = np.indices(mask.shape)
    along = y * np.sin(angle) + x * np.cos(angle)
    left = np.quantile(along[mask], random.uniform(LEAST_LEFT, MOST_LEFT))
    return np.where((along <= left)[..., None], rgb, 0).astype(np.uint8)


def _pixels(values: NDArray[np.floating]) -> Rgb:
    return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)


EXACT = Fault("exact_duplicate", 0.02, copies=True)
NEAR = Fault("near_duplicate", 0.02, copies=True, changes=(turned, relit, recompressed))
LEAK = Fault("subject_leak", 0.015, copies=True, other_subject=True)
WRONG_LABEL = Fault("wrong_label", 0.03)
BLURRED = Fault("blurred", 0.015, changes=(blurred,))
DARKENED = Fault("dark", 0.015, changes=(darkened,))
CROPPED = Fault("over_cropped", 0.015, changes=(cropped,))
FAULTS = (EXACT, NEAR, LEAK, WRONG_LABEL, BLURRED, DARKENED, CROPPED)
