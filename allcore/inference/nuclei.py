"""White cells in a smear, pixel by pixel: nuclei by Otsu's threshold, cells by watershed.

What tells a nucleus from all else in a smear under Romanowsky's stains is violet: red cells are as
saturated, but toward red. So saturation is counted only where blue is not the weakest colour,
after the picture's brightest pixels were taken as white. From there on it is the textbook's way:

- Otsu's threshold parts nuclei from the rest (N. Otsu, IEEE Trans. SMC 9, 1979;
  ``skimage.filters.threshold_otsu``).
- A weaker threshold takes in cytoplasm, as far from a nucleus as cytoplasm reaches.
- A watershed of the distance to the outline (S. Beucher and C. Lantuéjoul, 1979; as in
  scikit-image's gallery) parts cells that touch, for two cells have a waist between them. What it
  parts off and has no nucleus, such as a red cell leaned against the cell, is left out.
- Holes are filled.

Lengths are in nuclear radii wherever they can be, for nobody tells the magnification.
"""

from dataclasses import dataclass
from functools import cached_property

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
"""How readily cytoplasm is taken in, from 0 (the nucleus alone) to 1 (whatever is violet)."""
NOTHING = (
    "No white cell was found in the picture; use a picture of a stained smear, or cut the cell out "
    "by hand and set everything around it to black."
)

_WHITE = 95  # percentile of the weakest channel from which a pixel is plasma
_LEAST_WHITE = 64  # grey levels: nothing is seen in a darker picture
_DIM = 0.25  # of white: what is darker has too little light for its saturation to mean anything
_BLUR = 1.0  # pixels
_LEAST_VIOLET = 0.1  # Otsu's threshold lies below it where there are only red cells and plasma
_LEAST_AREA = 60  # of a nucleus in pixels
_LEAST_SHARE = 0.15  # of a nucleus in the largest one's area: platelets have less
_FRAGMENT = 0.03  # of a lobe in the largest nucleus's area
_REACH = 2.0  # nuclear radii from the nucleus that cytoplasm may reach
_BRIDGE = 0.1  # nuclear radii: half the width of bridges to what leans against the cell
_WAIST = 0.15  # of the greatest depth: how much less deep it has to be between two cells
_SPIKE = 0.25  # nuclear radii: half the width of what sticks out of a cell and is not of it
_WHOLE = 0.95  # solidity from which a region is one cell


@dataclass(frozen=True)
class Nuclei:
    """The nuclei of a picture.

    Attributes:
        violet: (H, W) saturation toward violet, 0 to 1.
        threshold: Otsu's, of ``violet``.
        mask: (H, W) nuclei and lobes of nuclei.
        radius: of the largest one in pixels, as if it were a disc.
    """

    violet: Floats
    threshold: float
    mask: Mask
    radius: float

    @cached_property
    def seeds(self) -> Labels:
        """(H, W) number of the cell that a nucleus's pixel belongs to, 0 for none.

        Lobes of one nucleus have one number: those that lie in one basin of nucleus and cytoplasm.
        """
        return _seeds(self.mask, self.usual, self.radius)

    @cached_property
    def near(self) -> Mask:
        """(H, W) what is near enough to a nucleus to be its cytoplasm."""
        return np.asarray(ndimage.distance_transform_edt(~self.mask) <= _REACH * self.radius)

    @cached_property
    def usual(self) -> Mask:
        """(H, W) nuclei and cytoplasm by the usual tolerance."""
        return _regions(self, TOLERANCE)


def find(rgb: Rgb) -> Nuclei:
    """The nuclei of white cells in a picture (H, W, 3) uint8.

    Raises:
        BadImage: there is nothing like a stained nucleus.
    """
    violet = _violet(rgb)
    threshold = float(filters.threshold_otsu(violet)) if np.ptp(violet) else 0.0  # type: ignore[no-untyped-call]
    if threshold < _LEAST_VIOLET:
        raise BadImage(NOTHING)
    mask, largest = _stained(violet > threshold)
    return Nuclei(violet, threshold, mask, float(np.sqrt(largest / np.pi)))


def cells(nuclei: Nuclei, tolerance: float = TOLERANCE) -> Labels:
    """(H, W) number of the cell that each pixel belongs to, those of ``seeds``; 0 for none."""
    usual = tolerance == TOLERANCE
    regions, _ = ndimage.label(nuclei.usual if usual else _regions(nuclei, tolerance))
    labels = np.zeros(regions.shape, dtype=np.int32)
    for label, place in enumerate(ndimage.find_objects(regions), start=1):
        region, seeds = regions[place] == label, nuclei.seeds[place]
        inside = np.where(region, seeds, 0)
        if inside.any():
            labels[place] += _parted(region, inside, nuclei.radius)
    return labels


def without_spikes(cell: Mask, nucleus: Mask, radius: float) -> Mask:
    """A cell without what is too thin to be a part of its body; the nucleus stays."""
    return np.asarray(_opened(cell, _SPIKE * radius) & cell | nucleus)


def solidity(mask: Mask) -> float:
    """Area of a mask that holds something over that of its convex hull."""
    hull = morphology.convex_hull_image(mask)  # type: ignore[no-untyped-call]
    return float(mask.sum() / max(1, hull.sum()))


def _violet(rgb: Rgb) -> Floats:
    """(H, W) saturation, as in HSV, but 0 where blue is the weakest channel."""
    share = (rgb / _white(rgb)).clip(0, 1)
    share = ndimage.gaussian_filter(share, (_BLUR, _BLUR, 0))
    most = np.maximum(share.max(axis=2), np.float32(_DIM))
    blue = share[..., 2] - np.minimum(share[..., 0], share[..., 1])
    violet: Floats = blue.clip(0) / most
    return violet


def _white(rgb: Rgb) -> Floats:
    """(3) colour of the plasma: the middle one of the pixels whose weakest channel is strongest.

    Each channel by itself would not do: a large nucleus is brighter in blue than plasma is.
    """
    pixels = rgb[::4, ::4].reshape(-1, 3)
    weakest = pixels.min(axis=1)
    plasma = pixels[weakest >= np.percentile(weakest, _WHITE)]
    white: Floats = np.median(plasma, axis=0).clip(_LEAST_WHITE).astype(np.float32)
    return white


def _stained(mask: Mask) -> tuple[Mask, int]:
    """Nuclei without specks, holes filled; and the largest one's area."""
    labels, _ = ndimage.label(
        ndimage.binary_fill_holes(ndimage.binary_opening(mask, np.ones((3, 3))))
    )
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    largest = int(areas.max())
    if largest < _LEAST_AREA:
        raise BadImage(NOTHING)
    return (areas >= max(_LEAST_AREA / 2, _FRAGMENT * largest))[labels], largest


def _regions(nuclei: Nuclei, tolerance: float) -> Mask:
    """(H, W) nuclei and the cytoplasm around them."""
    pale = (nuclei.violet > nuclei.threshold * (1 - tolerance)) & nuclei.near
    opened = _opened(pale | nuclei.mask, _BRIDGE * nuclei.radius)
    return np.asarray(ndimage.binary_fill_holes(opened | nuclei.mask))


def _seeds(mask: Mask, regions: Mask, radius: float) -> Labels:
    """Number the nuclei by the basins that they lie in; basins with little of one have none."""
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
    """Part a region among the seeds in it; basins without a seed belong to none."""
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
    """(H, W) basins of the distance to the outline, one where the region has no waist."""
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
    """Opened with a disc of ``radius`` pixels, by distances: as fast for large discs."""
    if radius < 1 or not mask.any():
        return mask
    # Beyond the picture's border a cell goes on.
    core = ndimage.distance_transform_edt(np.pad(mask, 1, mode="edge")) > radius
    opened: Mask = (ndimage.distance_transform_edt(~core) <= radius)[1:-1, 1:-1]
    return opened if core.any() else np.zeros_like(mask)
