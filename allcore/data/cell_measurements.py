"""Measures of a cell's pixels, few enough to be stored with predictions.

Pages sort, filter and slice cells by size, brightness, focus or colour with these measures, even
where the images are not on the machine.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from allcore.data import cells
from allcore.data.cells import Rgb
from allcore.data.images import decoding
from allcore.errors import BadImage
from allcore.synthetic import appearance

THREADS = 2


@dataclass(frozen=True)
class Measure:
    """A measure of a cell."""

    name: str  # column name
    title: str  # label on pages
    unit: str  # of the number, empty where it has none


MEASURES = (
    Measure("area", "Area", "px"),
    Measure("brightness", "Brightness", "grey levels"),
    Measure("focus", "Focus (deviation of the Laplacian)", "grey levels"),
    Measure("redness", "Redness (red over blue)", "ratio"),
    Measure("elongation", "Elongation (long over short axis)", "ratio"),
    Measure("border", "Touches the picture's border", ""),
)
COLUMNS = ("image_id", *(fact.name for fact in MEASURES))


def measure(rgb: Rgb) -> dict[str, float | bool]:
    """Return the measures of the cell in an image (H, W, 3) uint8, by name.

    Area counts the mask's pixels. Brightness (0 to 255) and redness are means inside the mask.
    Focus excludes pixels near the outline, whose edge would dominate it; it is NaN for a cell too
    thin.

    Raises:
        BadImage: there is no cell on black.
    """
    mask = cells.mask_of(rgb)
    stats = cells.cell_stats(rgb, mask)
    top, left, bottom, right = stats.frame
    own = mask[top:bottom, left:right]
    inner = appearance.depths(own) > appearance.TEXTURE_EDGE
    grey = rgb[top:bottom, left:right].mean(axis=2, dtype=np.float32)
    red, _, blue = stats.mean_rgb
    return {
        "area": float(stats.area),
        "brightness": stats.brightness,
        "focus": appearance.sharpness(grey, inner) if inner.any() else float("nan"),
        "redness": red / max(blue, 1.0),
        "elongation": appearance.elongation(own) if stats.area > 2 else 1.0,
        "border": bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any()),
    }


def table(
    pictures: Iterable[tuple[str, Path]], *, progress: Callable[[], object] = lambda: None
) -> pd.DataFrame:
    """Return the measures of many images: the columns of ``COLUMNS``, numbers in float32.

    Images that can't be read or show no cell on black have no row.
    """

    def measure_file(picture: tuple[str, Path]) -> dict[str, float | bool | str] | None:
        image_id, path = picture
        try:
            rgb = cells.centre_crop(decoding.decode_file(path))
            return {"image_id": image_id, **measure(rgb)}
        except (OSError, BadImage):
            return None

    rows = []
    with ThreadPoolExecutor(THREADS) as pool:
        for row in pool.map(measure_file, pictures):
            if row is not None:
                rows.append(row)
            progress()
    numbers = {fact.name: "float32" for fact in MEASURES} | {"border": "bool"}
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"image_id": "str"} | numbers)
