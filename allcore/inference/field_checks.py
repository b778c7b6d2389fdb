"""Sentences for pictures that are no smear field, and for cells of fields that the gate refuses."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np
from PIL import Image
from scipy import ndimage

from allcore.data import cells
from allcore.data.cells import Rgb
from allcore.data.images import formats
from allcore.errors import BadImage
from allcore.inference import nuclei
from allcore.inference.results import Prediction
from allcore.inference.white_cells import Candidate

WHOLE_SLIDES = frozenset(
    (".svs", ".ndpi", ".ndpis", ".mrxs", ".scn", ".bif", ".vms", ".vmu", ".vsi", ".isyntax")
)
"""Suffixes of whole-slide images, which viewers export fields from."""
FOREIGN = (
    "The picture has colours that no blood stain gives, such as green or sky blue, so it is no "
    "smear under the microscope; use a field of a stained smear."
)
CROWDED = (
    "The picture has almost no clear plasma between cells, as in a tissue section (H&E), a "
    "photograph or a thick part of a smear; use a thin field, in which cells lie apart."
)
RED_ONLY = (
    "Red cells were found in the picture but no white cell; use a field with a white cell, or mark "
    "one by a click."
)
BLURRED = (
    "The picture is empty or far out of focus: no edge is sharp in it; photograph the field again."
)
_SIDE = 256  # pixels of the copy on which colours are judged
_THINNED = 6000  # pixels of the longer side from which some are left out
_MAX_FOREIGN = 0.03  # share of pixels; 0.000 in all fields of BCCD
_MIN_PLASMA = 0.2  # share of pixels; 0.55 and more in fields of BCCD
_ONE_CELL = 0.15  # share of the picture from which one cell fills it
_MAX_PINK = 0.5  # share of pixels around such a cell; tissue has more
_MIN_RED = 0.02  # share of pixels
_MIN_DETAIL = 0.35  # deviation of the Laplacian in grey levels; 0.69 and more in fields of BCCD
_ADVICE = {
    "whole": "check its outline, or set the micrometres a pixel.",
    "exposed": "check its outline: plasma or a red cell in it changes its colour.",
    "known": "most white cells of a smear are neither blasts nor lymphocytes, which are all that "
    "the model knows.",
}


def require_readable_name(name: str) -> None:
    """Refuse a whole-slide image by its name: its content is a TIFF or a preview.

    Raises:
        BadImage: the suffix is of a whole-slide format.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix in WHOLE_SLIDES:
        millions = formats.MAX_FIELD_PIXELS // 1_000_000
        raise BadImage(
            f"Whole-slide images ({suffix}) are not read; export fields of at most {millions} "
            "million pixels as PNG or TIFF from your slide viewer, and use those."
        )


@dataclass(frozen=True)
class FieldColours:
    """Shares of a picture's pixels, after a white balance by its plasma."""

    foreign: float  # green, yellow or sky blue
    plasma: float  # bright and without colour
    red: float  # stained toward red


def measure_colours(rgb: Rgb) -> FieldColours:
    """Measure the colours of a picture (H, W, 3) uint8."""
    rgb = cells.thinned(rgb, _THINNED)
    step = max(1, -(-max(rgb.shape[:2]) // _SIDE))
    balanced = nuclei.white_balanced(np.asarray(Image.fromarray(rgb).reduce(step)))
    red, green, blue = (balanced[..., channel] for channel in range(3))
    most, least = balanced.max(axis=2), balanced.min(axis=2)
    saturation = (most - least) / np.maximum(most, 0.25)
    leaf = green > 1.08 * np.maximum(red, blue)
    sky = (blue > red) & (green > 1.15 * red) & (saturation > 0.2)
    yellow = (blue < 0.75 * np.minimum(red, green)) & (green > 0.8 * red)
    return FieldColours(
        foreign=float((leaf | sky | yellow).mean()),
        plasma=float(((saturation < 0.12) & (most > 0.8)).mean()),
        red=float(((red >= blue) & (saturation > 0.15) & ~yellow & ~leaf).mean()),
    )


def require_smear(rgb: Rgb, found: Sequence[Candidate]) -> None:
    """Refuse a picture (H, W, 3) that is no thin smear, or shows no white cell.

    ``found`` are its candidates.

    Raises:
        BadImage: its text says what the picture looks like and what to use.
    """
    colours = measure_colours(rgb)
    if colours.foreign > _MAX_FOREIGN:
        raise BadImage(FOREIGN)
    fills = len(found) == 1 and found[0].area > _ONE_CELL * rgb.shape[0] * rgb.shape[1]
    if colours.plasma < _MIN_PLASMA and not (fills and colours.red < _MAX_PINK):
        raise BadImage(CROWDED)
    if found:
        return
    middle = cells.centre_crop(rgb, _THINNED)
    grey = np.asarray(Image.fromarray(middle).convert("L"), dtype=np.float32)
    if ndimage.laplace(ndimage.gaussian_filter(grey, 1)).std() < _MIN_DETAIL:
        raise BadImage(BLURRED)
    raise BadImage(RED_ONLY if colours.red > _MIN_RED else nuclei.NOTHING)


def of_field(prediction: Prediction) -> Prediction:
    """Reword the gate's refusal of a cell of a field: its fault, and what to do about it there."""
    advice = _ADVICE.get(prediction.check or "")
    if advice is None:
        return prediction
    fault = prediction.reason.split(";")[0].rstrip(".")
    fault = fault.replace("The picture is", "Even normalised, the cell is")
    return replace(prediction, reason=f"{fault}; {advice}")
