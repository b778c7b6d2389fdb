"""All cells of a data set, decoded and cropped once, in memory."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from os import cpu_count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from allcore.data import cells
from allcore.data.images import decoding
from allcore.data.preprocessing import Preprocessing
from allcore.errors import BadImage, DataError


@dataclass(frozen=True)
class DecodedCells:
    """Cropped cells with their area and brightness."""

    pixels: NDArray[np.uint8]  # (N, 3, S, S) uint8
    area: NDArray[np.float64]  # (N,) pixels in the mask of the original image
    brightness: NDArray[np.float64]  # (N,) mean inside the mask, 0 to 255


def decode(
    paths: Sequence[Path],
    preprocessing: Preprocessing,
    *,
    progress: Callable[[], object] = lambda: None,
) -> DecodedCells:
    """Decode and crop all images, on as many threads as there are cores.

    Raises:
        DataError: a file is missing, can't be decoded, or shows no cell on black.
    """
    pixels = np.empty((len(paths), 3, preprocessing.size, preprocessing.size), dtype=np.uint8)
    facts = np.empty((len(paths), 2))
    with ThreadPoolExecutor(cpu_count()) as pool:
        for row, (cell, stats) in enumerate(pool.map(partial(_one, preprocessing), paths)):
            pixels[row] = cell.transpose(2, 0, 1)
            facts[row] = stats.area, stats.brightness
            progress()
    return DecodedCells(pixels, facts[:, 0], facts[:, 1])


def _one(preprocessing: Preprocessing, path: Path) -> tuple[cells.Rgb, cells.CellStats]:
    try:
        rgb = cells.centre_crop(decoding.decode_file(path))
        mask = cells.mask_of(rgb)
        return preprocessing.crop(rgb, mask), cells.cell_stats(rgb, mask)
    except FileNotFoundError:
        raise DataError(f"{path} is missing: complete the data set or its manifest.") from None
    except (OSError, BadImage) as error:
        raise DataError(f"{path} can't be used: {error} Remove it from the manifest.") from error
