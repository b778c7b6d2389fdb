"""Segmentation of a smear field, against scikit-image's recipe for touching objects."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import color, feature, filters, segmentation

from allcore.data.cells import Rgb
from allcore.inference import white_cells
from benchmarks import synthetic_smears, timing
from benchmarks.timing import Result, Scale

HEIGHT, WIDTH = 480, 640
REPEATS = 4  # fields a round
LEAST = 500  # pixels of what the recipe calls a cell; as large as platelets
APART = 20  # pixels between the middles of its cells


def run(scale: Scale) -> Result:
    """Milliseconds for a field of 640 x 480 pixels, against the recipe at full scale.

    Ours tells red cells and platelets from white ones, takes in cytoplasm and smooths outlines
    besides; how much better it finds cells is in ``segmentation_quality``.
    """
    picture, _ = synthetic_smears.with_cell(
        synthetic_smears.field(HEIGHT, WIDTH), HEIGHT / 2, WIDTH / 2
    )
    repeats = min(scale.images, REPEATS)

    def ours() -> None:
        for _ in range(repeats):
            assert len(white_cells.candidates(picture)) == 1

    def reference() -> None:
        for _ in range(repeats):
            assert recipe(picture)

    mine, theirs = timing.side_by_side(
        timing.seconds(ours), timing.seconds(reference), rounds=scale.rounds
    )
    return timing.result(
        "cutting", ours=1000 * mine / repeats, reference=1000 * theirs / repeats, unit="ms/image"
    )


def recipe(rgb: Rgb) -> list[tuple[int, int, int, int]]:
    """Frames of the objects by saturation, Otsu's threshold and the watershed of the distance.

    As in scikit-image's gallery ("Watershed segmentation"), with specks left out.
    """
    saturation = color.rgb2hsv(rgb)[..., 1]
    mask = ndimage.binary_fill_holes(saturation > filters.threshold_otsu(saturation))
    labels = _watershed(mask)
    areas = np.bincount(labels.ravel())
    return [
        (rows.start, columns.start, rows.stop, columns.stop)
        for area, (rows, columns) in zip(areas[1:], ndimage.find_objects(labels), strict=True)
        if area >= LEAST
    ]


def _watershed(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    distance = ndimage.distance_transform_edt(mask)
    objects, _ = ndimage.label(mask)
    peaks = feature.peak_local_max(distance, min_distance=APART, labels=objects)
    markers = np.zeros(mask.shape, dtype=np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels: NDArray[np.int32] = segmentation.watershed(-distance, markers, mask=mask)
    return labels
