"""The last rungs of the gate: is the cell whole, well exposed, in focus, and of a kind known here?

What can't be read, or shows no cell on black, `upload` has refused before. These rungs need to know
what a model was trained on: `gate_fit` measures that, and a model's folder keeps it.

A cell counts as known by the Mahalanobis distance of what the network reads in it to what it read
in training cells (Lee et al., *A Simple Unified Framework for Detecting Out-of-Distribution
Samples*, NeurIPS 2018, with one centre instead of one a class: the kinds are what the model is
asked about, not what the gate may know).
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from allcore import model_folder
from allcore.data import cells
from allcore.data.cells import Rgb
from allcore.errors import ModelError
from allcore.inference.results import Refusal
from allcore.synthetic import appearance

Floats = NDArray[np.float32]
Range = tuple[float, float]

EDGE = 6
"""Pixels from the outline that focus leaves out, for the outline itself is sharp in any focus."""
UNKNOWN = (
    "The picture is unlike anything that the model was trained on, so its answer would mean "
    "nothing; use a cell that was stained, photographed and cut out like those of C-NMC 2019."
)


@dataclass(frozen=True)
class Looks:
    """Plain facts of a cell's picture.

    Attributes:
        area: pixels inside the outline.
        brightness: mean of the three channels inside, 0 to 255.
        focus: deviation of the Laplacian of the grey levels inside, away from the outline.
        redness: mean red over mean blue inside: above 1 where these channels were swapped.
        border: whether the cell touches the picture's border.
    """

    area: float
    brightness: float
    focus: float
    redness: float
    border: bool


@dataclass(frozen=True)
class Limits:
    """What the plain facts may be, each end included."""

    area: Range
    brightness: Range
    focus: Range
    redness: Range


@dataclass(frozen=True)
class Gate:
    """What a model's folder keeps of the cells it knows.

    Attributes:
        limits: of the plain facts.
        centre: (D,) mean of what the network read in training cells.
        whiten: (D, Q) takes a difference from the centre to one of unit deviation.
        farthest: the largest distance that is let through.
        facts: how it was fitted and what was measured of it, as ``gate.json`` has it.
    """

    limits: Limits
    centre: Floats
    whiten: Floats
    farthest: float
    facts: dict[str, Any]

    def refusal(self, looks: Looks) -> Refusal | None:
        """What the plain facts forbid: a cell not whole, badly exposed, or out of focus."""
        if looks.border:
            return Refusal(
                "whole",
                "The cell touches the border of the picture, so a part of it may be missing; cut "
                "it out with a margin and retry.",
            )
        if not _within(looks.area, self.limits.area):
            return Refusal("whole", _of_size(looks.area, self.limits.area))
        if not _within(looks.brightness, self.limits.brightness):
            return Refusal("exposed", _of_light(looks.brightness, self.limits.brightness))
        if not _within(looks.focus, self.limits.focus):
            return Refusal("focused", _of_focus(looks.focus, self.limits.focus))
        if not _within(looks.redness, self.limits.redness):
            return Refusal("known", _of_colour(looks.redness, self.limits.redness))
        return None

    def strangeness(self, vectors: Floats) -> Floats:
        """Distances (N,) of vectors (N, D) over the largest let through: above 1 is refused."""
        return np.asarray(distances(vectors, self.centre, self.whiten) / self.farthest)


def looks(rgb: Rgb, mask: NDArray[np.bool_]) -> Looks:
    """The plain facts of the cell (H, W) in a picture (H, W, 3)."""
    top, left, bottom, right = cells.frame_of(mask)
    height, width = mask.shape
    inside, part = mask[top:bottom, left:right], rgb[top:bottom, left:right]
    grey = part.astype(np.float32).mean(axis=2)
    red, blue = (float(part[..., channel][inside].mean()) for channel in (0, 2))
    inner = ndimage.binary_erosion(inside, iterations=EDGE)
    return Looks(
        area=float(inside.sum()),
        brightness=float(grey[inside].mean()),
        focus=appearance.sharpness(grey, inner) if inner.any() else 0.0,
        redness=red / max(blue, 1.0),
        border=top == 0 or left == 0 or bottom == height or right == width,
    )


def distances(vectors: Floats, centre: Floats, whiten: Floats) -> Floats:
    """Mahalanobis distances (N,) of vectors (N, D)."""
    return np.asarray(np.linalg.norm((vectors - centre) @ whiten, axis=1), dtype=np.float32)


def write(folder: Path, gate: Gate) -> None:
    """Keep a gate in a model's folder."""
    from safetensors.numpy import save_file

    half = np.abs(gate.whiten).max() < np.finfo(np.float16).max
    tensors: dict[str, NDArray[Any]] = {
        "centre": gate.centre,
        "whiten": gate.whiten.astype(np.float16) if half else gate.whiten,
    }
    save_file(tensors, folder / model_folder.GATE_WEIGHTS)
    (folder / model_folder.GATE_WEIGHTS).chmod(0o644)  # readable as the other files of a model are
    told = {"limits": asdict(gate.limits), "farthest": gate.farthest, **gate.facts}
    text = json.dumps(told, indent=2, ensure_ascii=False)
    (folder / model_folder.GATE).write_text(text + "\n", encoding="utf-8")


def read(folder: Path) -> Gate | None:
    """The gate of a model's folder; None where none was fitted.

    Raises:
        ModelError: it is damaged, or belongs to other weights.
    """
    if not (folder / model_folder.GATE).exists():
        return None
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        told = json.loads((folder / model_folder.GATE).read_text(encoding="utf-8"))
        limits = Limits(**{name: _range(ends) for name, ends in told.pop("limits").items()})
        tensors = load_file(folder / model_folder.GATE_WEIGHTS)
        if told["weights_sha256"] != model_folder.read_info(folder).weights_sha256:
            raise ValueError("it belongs to other weights")
        return Gate(
            limits=limits,
            centre=tensors["centre"],
            whiten=tensors["whiten"].astype(np.float32),
            farthest=float(told.pop("farthest")),
            facts=told,
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
    said = "larger" if area > ends[1] else "smaller"
    return (
        f"The cell covers {area:,.0f} pixels, {said} than any the model was trained on "
        f"({ends[0]:,.0f} to {ends[1]:,.0f} are taken); use the picture at its own scale, neither "
        "enlarged nor shrunk."
    )


def _of_light(brightness: float, ends: Range) -> str:
    said, do = ("bright", "less") if brightness > ends[1] else ("dark", "more")
    return (
        f"The cell is too {said} (mean grey level {brightness:.0f}, {ends[0]:.0f} to {ends[1]:.0f} "
        f"are taken); photograph it with {do} light, or normalise its stain."
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
    said = "redder" if redness > ends[1] else "bluer"
    return (
        f"The cell is {said} than those the model was trained on, as when red and blue are "
        "swapped; save the picture as RGB, and normalise its stain."
    )
