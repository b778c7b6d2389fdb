"""Segmentation of white cells in a smear: nuclei by Otsu's threshold, cells by watershed.

Violet separates a nucleus from everything else under Romanowsky stains: red cells are as saturated,
but toward red. So saturation counts only where blue is not the weakest channel, after a white
balance by the brightest pixels of the image. The further steps are the textbook's:

- Otsu's threshold separates nuclei from the rest (N. Otsu, IEEE Trans. SMC 9, 1979;
  ``skimage.filters.threshold_otsu``).
- A lower threshold adds cytoplasm, up to a maximum distance from a nucleus.
- A watershed of the distance to the outline (S. Beucher and C. Lantuéjoul, 1979; as in
  scikit-image's gallery) splits touching cells at their waist. Parts without a nucleus, such as
  an adjacent red cell, are dropped.
- Holes are filled.

Lengths are in nuclear radii where possible, because the magnification is unknown.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import filters, morphology, segmentation

from allcore.data.cells import Rgb
from allcore.errors import BadImage

Mask = NDArray[np.bool_]
Labels = NDArray[np.int32]
Floats = NDArray[np.float32]

TOLERANCE = 0.75
"""Default tolerance for cytoplasm, from 0 (the nucleus alone) to 1 (any violet pixel)."""
NOTHING = (
    "No white cell was found in the picture; use a picture of a stained smear, or cut the cell out "
    "by hand and set everything around it to black."
)

_WHITE = 95  # percentile of the weakest channel from which a pixel is plasma
_LEAST_WHITE = 64  # grey levels; darker images are not segmented
_DIM = 0.25  # of white; saturation is unreliable in darker pixels
_BLUR = 1.0  # pixels
_LEAST_VIOLET = 0.1  # Otsu's threshold is lower where there are only red cells and plasma
_LEAST_AREA = 60  # of a nucleus in pixels
_LEAST_SHARE = 0.15  # of a nucleus in the largest one's area; platelets are smaller
_FRAGMENT = 0.03  # minimum area of a lobe, as a share of the largest nucleus's
_REACH = 2.0  # nuclear radii; maximum distance of cytoplasm from the nucleus
_BRIDGE = 0.1  # nuclear radii; half the width of bridges to adjacent objects
_WAIST = 0.15  # of the greatest depth; minimum drop in depth between two cells
_SPIKE = 0.25  # nuclear radii; half the width of protrusions to remove
_LARGEST_RADIUS = 1000  # pixels
_DISC = 16  # of the shorter side; radius of a marked cell in an image without another one
_WHOLE = 0.95  # solidity from which a region is a single cell


@dataclass(frozen=True)
class Reference:
    """What is measured once for all parts of a large picture."""

    white: tuple[float, float, float]  # colour of the plasma
    threshold: float  # of saturation toward violet, 0 to 1
    radius: float  # usual radius of a nucleus in pixels of the part

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> "Reference":
        """Read what ``dataclasses.asdict`` gives; ValueError outside of the ranges."""
        red, green, blue = (float(value) for value in facts["white"])
        threshold, radius = float(facts["threshold"]), float(facts["radius"])
        if not (
            all(_LEAST_WHITE <= value <= 255 for value in (red, green, blue))
            and 0 < threshold < 1
            and 1 <= radius <= _LARGEST_RADIUS
        ):
            raise ValueError("the reference of a tile is out of range")
        return cls((red, green, blue), threshold, radius)


@dataclass(frozen=True)
class Nuclei:
    """The nuclei of an image."""

    violet: Floats  # (H, W) saturation toward violet, 0 to 1
    threshold: float  # Otsu's, of ``violet``
    mask: Mask  # (H, W) nuclei and lobes of nuclei
    radius: float  # equivalent radius of the largest nucleus in pixels

    @cached_property
    def seeds(self) -> Labels:
        """(H, W) number of the cell of each nuclear pixel, 0 for none.

        Lobes in one basin of nucleus and cytoplasm have one number.
        """
        return _seeds(self.mask, self.usual, self.radius)

    @cached_property
    def near(self) -> Mask:
        """(H, W) pixels close enough to a nucleus to be its cytoplasm."""
        return np.asarray(ndimage.distance_transform_edt(~self.mask) <= _REACH * self.radius)

    @cached_property
    def usual(self) -> Mask:
        """(H, W) nuclei and cytoplasm with the default tolerance."""
        return _regions(self, TOLERANCE)


def find(rgb: Rgb, reference: Reference | None = None) -> Nuclei:
    """Segment the nuclei of white cells in an image (H, W, 3) uint8.

    Args:
        rgb: the image.
        reference: measured on the whole picture of which the image is a part; None measures the
            image itself.

    Raises:
        BadImage: the image shows no stained nucleus.
    """
    if reference is not None:
        violet = violet_of(rgb, reference.white)
        usual = round(np.pi * reference.radius**2)
        mask, _ = _stained(violet > reference.threshold, usual)
        return Nuclei(violet, reference.threshold, mask, reference.radius)
    violet = violet_of(rgb)
    threshold = _otsu(violet)
    if threshold < _LEAST_VIOLET:
        raise BadImage(NOTHING)
    mask, largest = _stained(violet > threshold)
    return Nuclei(violet, threshold, mask, float(np.sqrt(largest / np.pi)))


def measure(violet: Floats) -> tuple[float, NDArray[np.int64]]:
    """Threshold of a part's saturation (H, W), and the areas of its nuclei in pixels."""
    threshold = _otsu(violet)
    if threshold < _LEAST_VIOLET:
        return threshold, np.zeros(0, dtype=np.int64)
    try:
        mask, _ = _stained(violet > threshold)
    except BadImage:
        return threshold, np.zeros(0, dtype=np.int64)
    return threshold, np.bincount(ndimage.label(mask)[0].ravel())[1:]


def cells(nuclei: Nuclei, tolerance: float = TOLERANCE) -> Labels:
    """(H, W) number of the cell of each pixel, as in ``seeds``; 0 for none."""
    usual = tolerance == TOLERANCE
    regions, _ = ndimage.label(nuclei.usual if usual else _regions(nuclei, tolerance))
    labels = np.zeros(regions.shape, dtype=np.int32)
    for label, place in enumerate(ndimage.find_objects(regions), start=1):
        region, seeds = regions[place] == label, nuclei.seeds[place]
        inside = np.where(region, seeds, 0)
        if inside.any():
            labels[place] += _parted(region, inside, nuclei.radius)
    return labels


def object_at(rgb: Rgb, y: int, x: int, tolerance: float = TOLERANCE) -> tuple[Mask, Floats]:
    """The object at a pixel of an image (H, W, 3) uint8, and the image's saturation toward violet.

    It is what stains around the pixel, without the cells that ``find`` separates, or a disc where
    nothing stains there.
    """
    try:
        stained = find(rgb)
        others, violet, radius = cells(stained) > 0, stained.violet, stained.radius
    except BadImage:
        violet, radius = violet_of(rgb), min(rgb.shape[:2]) / _DISC
        others = np.zeros(violet.shape, dtype=np.bool_)
    distance = np.hypot(np.arange(rgb.shape[0])[:, None] - y, np.arange(rgb.shape[1]) - x)
    disc = distance <= radius
    window = (distance <= _REACH * radius) & ~others
    inside = violet[window]
    threshold = float(filters.threshold_otsu(inside)) if np.ptp(inside) else 1.0  # type: ignore[no-untyped-call]
    pale = window & (violet > threshold * (1 - tolerance / 2)) & (violet > _LEAST_VIOLET / 2)
    parts, _ = ndimage.label(_opened(ndimage.binary_fill_holes(pale), _BRIDGE * radius))
    own = parts == parts[y, x]
    if not parts[y, x] or own.sum() < _LEAST_AREA:
        return np.asarray(disc), violet
    return np.asarray(own), violet


def without_spikes(cell: Mask, nucleus: Mask, radius: float) -> Mask:
    """Remove thin protrusions from a cell; the nucleus stays."""
    return np.asarray(_opened(cell, _SPIKE * radius) & cell | nucleus)


def solidity(mask: Mask) -> float:
    """Area of a non-empty mask over that of its convex hull."""
    hull = morphology.convex_hull_image(mask)  # type: ignore[no-untyped-call]
    return float(mask.sum() / max(1, hull.sum()))


def white_balanced(rgb: Rgb, white: tuple[float, ...] | None = None) -> Floats:
    """An image (H, W, 3) uint8 over the colour of its plasma, 0 to 1; None measures the colour."""
    own = white_of(rgb) if white is None else np.array(white, dtype=np.float32)
    return np.asarray((rgb / own).clip(0, 1))


def violet_of(rgb: Rgb, white: tuple[float, ...] | None = None) -> Floats:
    """(H, W) HSV saturation, but 0 where blue is the weakest channel.

    ``white`` is the colour of the plasma; None measures it.
    """
    balanced = white_balanced(rgb, white)
    share = ndimage.gaussian_filter(balanced, (_BLUR, _BLUR, 0))
    most = np.maximum(share.max(axis=2), np.float32(_DIM))
    blue = share[..., 2] - np.minimum(share[..., 0], share[..., 1])
    violet: Floats = blue.clip(0) / most
    return violet


def _otsu(violet: Floats) -> float:
    return float(filters.threshold_otsu(violet)) if np.ptp(violet) else 0.0  # type: ignore[no-untyped-call]


def white_of(rgb: Rgb) -> Floats:
    """(3) colour of the plasma: median of the pixels with the highest weakest channel.

    Channels can't be taken separately: a large nucleus is brighter in blue than plasma.
    """
    pixels = rgb[::4, ::4].reshape(-1, 3)
    weakest = pixels.min(axis=1)
    plasma = pixels[weakest >= np.percentile(weakest, _WHITE)]
    white: Floats = np.median(plasma, axis=0).clip(_LEAST_WHITE).astype(np.float32)
    return white


def _stained(mask: Mask, usual: int | None = None) -> tuple[Mask, int]:
    """Remove specks from nuclei and fill holes; also return the area of the largest one.

    ``usual`` is the area of a nucleus elsewhere in the picture, which takes the place of the
    largest one.
    """
    labels, _ = ndimage.label(
        ndimage.binary_fill_holes(ndimage.binary_opening(mask, np.ones((3, 3))))
    )
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    largest = int(areas.max())
    if largest < _LEAST_AREA:
        raise BadImage(NOTHING)
    least = max(_LEAST_AREA / 2, _FRAGMENT * (usual or largest))
    return (areas >= least)[labels], largest


def _regions(nuclei: Nuclei, tolerance: float) -> Mask:
    """(H, W) nuclei and the cytoplasm around them."""
    pale = (nuclei.violet > nuclei.threshold * (1 - tolerance)) & nuclei.near
    opened = _opened(pale | nuclei.mask, _BRIDGE * nuclei.radius)
    return np.asarray(ndimage.binary_fill_holes(opened | nuclei.mask))


def _seeds(mask: Mask, regions: Mask, radius: float) -> Labels:
    """Number the nuclei by their basins; basins with too little nucleus have none."""
    labels, _ = ndimage.label(regions)
    least = _LEAST_SHARE * np.pi * radius**2
    seeds = np.zeros(mask.shape, dtype=np.int32)
    count = 0
    for label, place in enumerate(ndimage.find_objects(labels), start=1):
        region = labels[place] == label
        basins = np.where(mask[place], _basins(region, radius), 0)
        for basin in np.flatnonzero(np.bincount(basins.ravel())[1:] >= least) + 1:
            count += 1
            seeds[place][region & (basins == basin)] = count
    return seeds


def _parted(region: Mask, seeds: Labels, radius: float) -> Labels:
    """Split a region among its seeds; basins without a seed are dropped."""
    basins = _basins(region, radius)
    seeded = np.zeros(int(basins.max()) + 1, dtype=np.bool_)
    seeded[basins[seeds > 0]] = True
    empty = ~seeded[basins] & region
    if not empty.any() and np.ptp(seeds[seeds > 0]) == 0:
        return np.where(region, seeds.max(), 0).astype(np.int32)
    markers = np.where(empty, -1, seeds)
    parts = segmentation.watershed(-_depth(region, radius), markers, mask=region)  # type: ignore[no-untyped-call]
    return np.where(parts > 0, parts, 0).astype(np.int32)


def _basins(region: Mask, radius: float) -> Labels:
    """(H, W) basins of the distance to the outline; a single one for a region without a waist."""
    if solidity(region) >= _WHOLE:
        return region.astype(np.int32)
    depth = _depth(region, radius)
    peaks = morphology.h_maxima(depth, _WAIST * float(depth.max()))  # type: ignore[no-untyped-call]
    markers, _ = ndimage.label(peaks)
    basins: Labels = segmentation.watershed(-depth, markers, mask=region)  # type: ignore[no-untyped-call]
    return basins


def _depth(region: Mask, radius: float) -> Floats:
    """(H, W) distance to the outline, smoothed so that small dents make no basins."""
    depth = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    smooth: Floats = ndimage.gaussian_filter(depth.astype(np.float32), 0.1 * radius)
    return smooth


def _opened(mask: Mask, radius: float) -> Mask:
    """Morphological opening with a disc of ``radius`` pixels, by distance transforms for speed."""
    if radius < 1 or not mask.any():
        return mask
    # A cell continues beyond the border of the image.
    core = ndimage.distance_transform_edt(np.pad(mask, 1, mode="edge")) > radius
    opened: Mask = (ndimage.distance_transform_edt(~core) <= radius)[1:-1, 1:-1]
    return opened if core.any() else np.zeros_like(mask)
