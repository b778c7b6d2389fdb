"""Last checks of the gate: whole cell, exposure, focus, and out-of-distribution detection.

`upload` first refuses images that can't be read or show no cell on black. The checks here need
statistics of the training cells: `gate_fit` computes them, and a model folder stores them.

The out-of-distribution score is the Mahalanobis distance of a cell's features to those of the
training cells (Lee et al., *A Simple Unified Framework for Detecting Out-of-Distribution Samples*,
NeurIPS 2018). It uses one centre instead of one per class: the class is the model's prediction, and
the gate must not depend on it.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allcore import model_folder
from allcore.data import cells
from allcore.data.cells import Rgb
from allcore.data.stain import Appearance
from allcore.errors import ModelError
from allcore.inference.results import Refusal
from allcore.synthetic import appearance

Floats = NDArray[np.float32]
Range = tuple[float, float]

EDGE = 6
"""Margin in pixels along the outline that focus ignores: the outline is sharp in any focus."""
_THIRDS = np.full(3, 1 / 3, dtype=np.float32)
OOD_REASON = (
    "The picture is unlike anything that the model was trained on, so its answer would mean "
    "nothing; use a cell that was stained, photographed and cut out like those of C-NMC 2019."
)


@dataclass(frozen=True)
class ImageStats:
    """Image statistics of a cell."""

    area: float  # pixels inside the outline
    brightness: float  # mean of the three channels inside, 0 to 255
    # standard deviation of the Laplacian of the grey levels inside, without the outline
    focus: float
    redness: float  # mean red over mean blue inside; above 1 where these channels were swapped
    border: bool  # whether the cell touches the border of the image


@dataclass(frozen=True)
class GateLimits:
    """Accepted ranges of the image statistics, both ends included."""

    area: Range
    brightness: Range
    focus: Range
    redness: Range


@dataclass(frozen=True)
class Gate:
    """Limits beyond which a model refuses an image as unlike its training cells."""

    limits: GateLimits  # of the image statistics
    centre: Floats  # (D,) mean of the features of training cells
    whiten: Floats  # (D, Q) maps a difference from the centre to unit covariance
    max_distance: float  # the largest accepted distance
    facts: dict[str, Any]  # fit and evaluation of the gate, as in ``gate.json``
    appearance: Appearance | None = None  # stain and size of training cells; None before 0.1.0

    def refusal(self, stats: ImageStats) -> Refusal | None:
        """Refusal of a cell that is cut off, badly exposed, out of focus or off in colour."""
        limits = self.limits
        if stats.border:
            return Refusal(
                "whole",
                "The cell touches the border of the picture, so a part of it may be missing; cut "
                "it out with a margin and retry.",
            )
        if not _within(stats.area, limits.area):
            return Refusal("whole", _of_size(stats.area, limits.area))
        if not _within(stats.brightness, limits.brightness):
            return Refusal("exposed", _of_light(stats.brightness, limits.brightness))
        if not _within(stats.focus, limits.focus):
            return Refusal("focused", _of_focus(stats.focus, limits.focus))
        if not _within(stats.redness, limits.redness):
            return Refusal("known", _of_colour(stats.redness, limits.redness))
        return None

    def ood_scores(self, vectors: Floats) -> Floats:
        """Scores (N,) of vectors (N, D): distance over the largest accepted; above 1 refuses."""
        distances = mahalanobis_distances(vectors, self.centre, self.whiten)
        return np.asarray(distances / self.max_distance)


def image_stats(rgb: Rgb, mask: NDArray[np.bool_], *, enlarged: float = 1.0) -> ImageStats:
    """Statistics of the cell with mask (H, W) in an image (H, W, 3).

    ``enlarged`` is the magnification by which the cell was enlarged. Focus is that of the original,
    as far as second derivatives shrink with the square of the scale.
    """
    top, left, bottom, right = cells.frame_of(mask)
    height, width = mask.shape
    inside, part = mask[top:bottom, left:right], rgb[top:bottom, left:right]
    pixels = part.astype(np.float32)
    grey = pixels @ _THIRDS
    area = int(np.count_nonzero(inside))
    # A product with the mask is several times faster than the mean of the pixels that it selects.
    red, green, blue = (inside.ravel().astype(np.float32) @ pixels.reshape(-1, 3) / area).tolist()
    inner = _eroded(inside, EDGE)
    focus = appearance.sharpness(grey, inner) * max(1.0, enlarged) ** 2 if inner.any() else 0.0
    return ImageStats(
        area=float(area),
        brightness=(red + green + blue) / 3,
        focus=focus,
        redness=red / max(blue, 1.0),
        border=top == 0 or left == 0 or bottom == height or right == width,
    )


def _eroded(mask: NDArray[np.bool_], steps: int) -> NDArray[np.bool_]:
    """Erode a mask (h, w) by one pixel up, down, left and right, several times; black around it.

    The result of ``ndimage.binary_erosion``, which takes ten times as long.
    """
    padded = np.pad(mask, 1)
    inner = padded[1:-1, 1:-1]
    for _ in range(steps):
        inner[:] = (
            inner & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
        )
    return inner


def mahalanobis_distances(vectors: Floats, centre: Floats, whiten: Floats) -> Floats:
    """Mahalanobis distances (N,) of vectors (N, D)."""
    return np.asarray(np.linalg.norm((vectors - centre) @ whiten, axis=1), dtype=np.float32)


def write_gate(folder: Path, gate: Gate) -> None:
    """Write ``gate.json`` and ``gate.safetensors`` into a model folder."""
    from safetensors.numpy import save_file

    half = np.abs(gate.whiten).max() < np.finfo(np.float16).max
    tensors: dict[str, NDArray[Any]] = {
        "centre": gate.centre,
        "whiten": gate.whiten.astype(np.float16) if half else gate.whiten,
    }
    save_file(tensors, folder / model_folder.GATE_WEIGHTS)
    (folder / model_folder.GATE_WEIGHTS).chmod(0o644)  # the mode of the other files of a model
    fields = {"limits": asdict(gate.limits), "farthest": gate.max_distance, **gate.facts}
    if gate.appearance:
        fields["appearance"] = asdict(gate.appearance)
    text = json.dumps(fields, indent=2, ensure_ascii=False)
    (folder / model_folder.GATE).write_text(text + "\n", encoding="utf-8")


def read_gate(folder: Path) -> Gate | None:
    """Read the gate of a model folder; None where it has none.

    Raises:
        ModelError: it is damaged, or belongs to other weights.
    """
    if not (folder / model_folder.GATE).exists():
        return None
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        fields = json.loads((folder / model_folder.GATE).read_text(encoding="utf-8"))
        limits = GateLimits(**{name: _range(ends) for name, ends in fields.pop("limits").items()})
        tensors = load_file(folder / model_folder.GATE_WEIGHTS)
        if fields["weights_sha256"] != model_folder.read_info(folder).weights_sha256:
            raise ValueError("it belongs to other weights")
        measured = fields.pop("appearance", None)
        return Gate(
            limits=limits,
            centre=tensors["centre"],
            whiten=tensors["whiten"].astype(np.float32),
            max_distance=float(fields.pop("farthest")),
            facts=fields,
            appearance=measured and Appearance.from_dict(measured),
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelError(
            f"{folder / model_folder.GATE} can't be used ({error}): restore it, or fit it again "
            "with 'python -m allcore evaluate --gate'."
        ) from error


def _range(ends: list[float]) -> Range:
    low, high = map(float, ends)
    return low, high


def _within(value: float, ends: Range) -> bool:
    return ends[0] <= value <= ends[1]


def _of_size(area: float, ends: Range) -> str:
    excess = "larger" if area > ends[1] else "smaller"
    return (
        f"The cell covers {area:,.0f} pixels, {excess} than any the model was trained on "
        f"({ends[0]:,.0f} to {ends[1]:,.0f} are taken); use the picture at its own scale, neither "
        "enlarged nor shrunk."
    )


def _of_light(brightness: float, ends: Range) -> str:
    fault, remedy = ("bright", "less") if brightness > ends[1] else ("dark", "more")
    return (
        f"The cell is too {fault} (mean grey level {brightness:.0f}, {ends[0]:.0f} to "
        f"{ends[1]:.0f} are taken); photograph it with {remedy} light, or normalise its stain."
    )


def _of_focus(focus: float, ends: Range) -> str:
    if focus < ends[0]:
        return (
            "The cell is out of focus: its chromatin can't be seen; photograph it again, and don't "
            "enlarge or smooth the picture."
        )
    return (
        "The picture is far grainier than any the model was trained on; photograph it again with "
        "more light, and save it as BMP or PNG."
    )


def _of_colour(redness: float, ends: Range) -> str:
    excess = "redder" if redness > ends[1] else "bluer"
    return (
        f"The cell is {excess} than those the model was trained on, as when red and blue are "
        "swapped; save the picture as RGB, and normalise its stain."
    )
