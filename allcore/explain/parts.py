"""Parts of an explanation, each with its sentence for pages, files and reports."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from allcore import formats
from allcore.data import subjects
from allcore.data.cells import Rgb
from allcore.evaluation import conformal
from allcore.evaluation.conformal import PredictionSets
from allcore.explain.neighbours import LocalAccuracy, Neighbour
from allcore.inference.held_out import TrainingExposure
from allcore.labels import CLASS_NAMES, Verdict

if TYPE_CHECKING:  # these import torch, which pages without an image don't need
    from allcore.explain.deletion_check import Deletion
    from allcore.explain.gradcam import Heatmap

Method = Literal["Grad-CAM", "Integrated gradients"]
METHODS: tuple[Method, Method] = ("Grad-CAM", "Integrated gradients")
VIEW_NAMES = (
    "as it is", "turned by 90°", "turned by 180°", "turned by 270°",
    "mirrored", "mirrored, 90°", "mirrored, 180°", "mirrored, 270°",
)  # fmt: skip
"""Names of the eight views; rotations are anticlockwise, after mirroring left to right."""
CAUTIONS: dict[TrainingExposure, str] = {
    "cell": "The network was trained on this very picture, so it is surer of it than it would be "
    "of a new one: the 95 % do not hold for it.",
    "subject": "The network was trained on cells of this subject: the 95 % do not hold for it.",
    "no": "",
    "unknown": "",
}
"""Reason why a prediction set may lose its coverage for a cell; empty where there is none."""
TRUSTED_SHARE = 0.5
"""Minimum share of heat inside the cell for a trustworthy map."""
MAX_INCOMPLETE = 0.2
"""Maximum relative error of attributions that are trustworthy.

Sundararajan et al. (2017) add steps until the error is 5 %; six nodes reach 8 % in the median.
"""


@dataclass(frozen=True)
class CellIdentity:
    """A cell of a data set."""

    image_id: str  # of the image; C-NMC's without folders and suffix
    subject: str | None  # of the cell, None where unknown

    @property
    def group(self) -> str | None:
        """Independent subject of the cell."""
        return None if self.subject is None else subjects.group_of(self.subject)


@dataclass(frozen=True)
class KnownCell:
    """Data set cell that the image shows, and the training's exposure to it."""

    identity: CellIdentity | None  # None where no data set has the image's file
    exposure: TrainingExposure  # exposure of the network's training to the cell
    # recorded probability by a network whose training excluded the cell; None without one
    held_out: float | None = None
    fold: int | None = None  # fold of that network; None where the folder has no fold networks
    split: str = ""  # part of the split in which the held-out answer is; empty without one

    @property
    def trained_on(self) -> bool:
        """True if the network was trained on the cell or on its subject."""
        return self.exposure in ("cell", "subject")


@dataclass(frozen=True)
class PredictionSet:
    """Conformal prediction set: the classes that can't be ruled out at 95 %."""

    sets: PredictionSets | None  # the model's thresholds; None where its folder records too little
    probability: float  # of an ALL blast

    @property
    def sentence(self) -> str:
        """The possible classes as a sentence; empty where unknown."""
        if self.sets is None:
            return ""
        classes = self.sets.of(self.probability)
        if len(classes) == 1:
            return f"95 % prediction set: {CLASS_NAMES[classes[0]]}."
        return (
            "95 % prediction set: ALL blast or normal, as for every probability between "
            f"{self.sets.all_from:.2f} and {self.sets.hem_up_to:.2f}."
        )

    @property
    def scope(self) -> str:
        """Scope of the 95 % coverage as a sentence."""
        return conformal.scope(self.sets.new_subjects if self.sets else None)


@dataclass(frozen=True)
class ModelInput:
    """Model input (3, S, S) as an image and as numbers."""

    picture: Rgb  # (S, S, 3) uint8, for display
    shape: tuple[int, int, int]  # channels, rows, columns
    low: float  # minimum
    high: float  # maximum
    means: tuple[float, float, float]  # of red, green and blue

    @property
    def sentence(self) -> str:
        """Size of the input."""
        return f"The network's input, {self.shape[2]} × {self.shape[1]} pixels"


@dataclass(frozen=True)
class AugmentedViews:
    """Predictions for one cell, rotated and mirrored.

    A cell on a slide has no orientation, so a robust prediction is the same under all eight
    symmetries of the square (the dihedral group). None of them interpolates a pixel: any change of
    the probability comes from the network alone.

    Attributes:
        probabilities: (8,) calibrated probability of an ALL blast, in the order of `VIEW_NAMES`.
    """

    probabilities: NDArray[np.float64]

    @property
    def mean(self) -> float:
        """Mean probability."""
        return float(self.probabilities.mean())

    @property
    def spread(self) -> float:
        """Highest minus lowest probability; 0 for full invariance."""
        return float(np.ptp(self.probabilities))

    def blasts(self, threshold: float) -> int:
        """Number of views called ALL blast."""
        return int((self.probabilities >= threshold).sum())

    def agree(self, threshold: float) -> bool:
        """True if all views have the same verdict."""
        return self.blasts(threshold) in (0, len(self.probabilities))

    def sentence(self, threshold: float) -> str:
        """Invariance of the prediction under rotation and mirroring as a sentence."""
        count, blasts = len(self.probabilities), self.blasts(threshold)
        span = (
            f"from {self.probabilities.min():.2f} to {self.probabilities.max():.2f}, "
            f"mean {self.mean:.2f}"
        )
        if self.agree(threshold):
            name = CLASS_NAMES["all" if blasts else "hem"]
            return f"All {count} views are predicted {name}: {span}."
        return (
            f"{blasts} of {count} views are predicted {CLASS_NAMES['all']}, so the answer depends "
            f"on the orientation of the cell: {span} (threshold {threshold:.2f})."
        )


@dataclass(frozen=True)
class SaliencyMap:
    """Saliency map of one method for the verdict, with its deletion check."""

    method: Method  # its name
    heat: "Heatmap"  # its map
    # relative error of the attributions, as in `Attribution.error`; None where the method has no
    # completeness axiom
    incomplete: float | None = None
    # the check; None where the map is all 0, or before the check has run
    deletion: "Deletion | None" = None

    @property
    def sentence(self) -> str:
        """Share of heat inside the cell and completeness of the map as a sentence."""
        share = heat_sentence(self.heat)
        if self.incomplete is None:
            return share
        return f"{share} Its parts add up to the answer within {100 * self.incomplete:.0f} %."

    @property
    def complete(self) -> bool:
        """True if the attributions add up to the answer, or the method has no such axiom."""
        return self.incomplete is None or self.incomplete <= MAX_INCOMPLETE

    @property
    def trusted(self) -> bool:
        """True if the map passed its deletion check and is complete."""
        return self.deletion is not None and self.deletion.supported and self.complete

    @property
    def result(self) -> str:
        """Result of the checks in a few words; empty before they have run."""
        if not self.heat.values.any():
            return f"no place speaks for {CLASS_NAMES[self.heat.towards]}"
        if self.deletion is None:
            return ""
        if not self.complete:
            error = 100 * (self.incomplete or 0)
            return f"failed: its parts add up to the answer within {error:.0f} % only"
        less, total = self.deletion.others_less, len(self.deletion.random_falls)
        verb = "passed" if self.deletion.supported else "failed"
        return f"{verb}: covering it matters more than {less} of {total} random regions"


@dataclass(frozen=True)
class SaliencyMaps:
    """Maps computed so far, in the order of `METHODS`."""

    maps: tuple[SaliencyMap, ...]


@dataclass(frozen=True)
class Neighbourhood:
    """Nearest cells in the model folder, and the model's accuracy among them."""

    cells: tuple[Neighbour, ...] = ()  # nearest first
    # of the model near the cell; None without a held-out prediction near it
    accuracy: LocalAccuracy | None = None
    subject_known: bool = False  # whether the subject of the cell is known
    problem: str = ""  # reason why there are no cells; empty where there are some

    @property
    def sentence(self) -> str:
        """Number of neighbours of the cell's own subject, and the accuracy, as sentences."""
        count = len(self.cells)
        if self.subject_known:
            own = sum(cell.same_subject for cell in self.cells)
            start = f"{own} of these {count} are of the cell's own subject."
        else:
            blasts = sum(cell.label == "all" for cell in self.cells)
            start = f"{blasts} of these {count} are labelled {CLASS_NAMES['all']}."
        near = self.accuracy
        if near is None:
            return start
        subjects_text = ""
        if near.subjects is not None:
            own_cells = (
                f" ({formats.count(near.same_subject, 'cell')} of its own)"
                if self.subject_known
                else ""
            )
            number = formats.count(near.subjects, "independent subject")
            subjects_text = f", of {number}{own_cells}"
        over = near.accuracy.over_subjects
        span = f"{100 * over.low:.0f} to {100 * over.high:.0f} %" if over.known else "no interval"
        return (
            f"{start} Among the {near.cells} nearest cells with a held-out answer{subjects_text}, "
            f"{formats.share(near.accuracy.over_cells, near.cells)} are correct at this threshold; "
            f"over subjects: {span}."
        )


@dataclass(frozen=True)
class ModelAnswer:
    """Prediction of an installed model for the image."""

    model: str  # its name
    threshold: float  # probability from which it calls a cell an ALL blast
    exposure: TrainingExposure = "unknown"  # exposure of its training to the cell
    # recorded probability by a network whose training excluded the cell; None without one
    held_out: float | None = None
    verdict: Verdict | None = None  # as in `Prediction`; None before the model has run
    probability: float | None = None  # of an ALL blast; None without a prediction
    reason: str = ""  # reason why there is no prediction; empty where there is one
    pending: bool = False  # whether the model has yet to run


@dataclass(frozen=True)
class ModelAnswers:
    """Predictions of the installed models so far, the page's model first."""

    answers: tuple[ModelAnswer, ...]


def heat_sentence(heat: "Heatmap") -> str:
    """Share of heat inside the cell as a sentence."""
    if not heat.values.any():
        return f"No place in the picture speaks for {CLASS_NAMES[heat.towards]} by itself."
    sentence = f"{100 * heat.share_in_cell:.0f} % of the heat lies inside the cell."
    if heat.share_in_cell < TRUSTED_SHARE:
        sentence += (
            " Most of it lies outside, so the answer rests on something other than the cell."
        )
    return sentence
