"""Parts of an explanation, each with its sentence for pages, files and reports."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from allcore import formats, notice
from allcore.data import subjects
from allcore.data.cells import Rgb
from allcore.evaluation import conformal
from allcore.evaluation.conformal import PredictionSets
from allcore.explain.neighbours import LocalAccuracy, Neighbour
from allcore.inference.held_out import TrainingExposure
from allcore.labels import CLASS_NAMES, Label, Verdict

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
            return f"At 95 % the answer is: {CLASS_NAMES[classes[0]]}."
        return (
            "At 95 % the answer is: can't tell. Both remain possible where the probability is "
            f"between {self.sets.all_from:.2f} and {self.sets.hem_up_to:.2f}."
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
        """Shape and range of the input."""
        red, green, blue = self.means
        return (
            f"The network's input, {' × '.join(map(str, self.shape))}: {self.low:.2f} to "
            f"{self.high:.2f}; mean red {red:.2f}, green {green:.2f}, blue {blue:.2f}"
        )


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
            return f"All {count} are called {CLASS_NAMES['all' if blasts else 'hem']}: {span}."
        return (
            f"{blasts} of {count} are called {CLASS_NAMES['all']}, so the answer hangs on how the "
            f"cell lies: {span} (threshold {threshold:.2f})."
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
            own_cells = f" ({near.same_subject} cells of its own)" if self.subject_known else ""
            number = formats.count(near.subjects, "independent subject")
            subjects_text = f", of {number}{own_cells}"
        over = near.accuracy.over_subjects
        span = f"{100 * over.low:.0f} to {100 * over.high:.0f} %" if over.known else "no interval"
        return (
            f"{start} Among the {near.cells} nearest cells with a held-out answer{subjects_text}, "
            f"{formats.share(near.accuracy.over_cells, near.cells)} are called rightly at this "
            f"threshold; over subjects: {span}."
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


@dataclass(frozen=True)
class Explanation:
    """All parts of the explanation of one prediction."""

    model: str  # name of the model
    model_sha256: str  # of its weights
    picture_sha256: str  # of the image file
    verdict: Label  # ``all`` or ``hem``
    probability: float  # calibrated, of an ALL blast
    threshold: float  # probability from which the verdict is ``all``
    known: KnownCell  # the data set cell that the image shows
    prediction_set: PredictionSet  # the classes that can't be ruled out
    views: AugmentedViews  # predictions for the rotated and mirrored cell
    saliency: tuple[SaliencyMap, ...]  # Grad-CAM first, then integrated gradients
    input: ModelInput  # the model input
    neighbourhood: Neighbourhood  # the nearest cells
    answers: tuple[ModelAnswer, ...]  # predictions of all installed models, this one's first
    seconds: float  # computing time

    def to_dict(self) -> dict[str, Any]:
        """Return all but the images as JSON types: dicts, lists, strings, numbers and None."""
        return {
            "model": self.model,
            "model_sha256": self.model_sha256,
            "picture_sha256": self.picture_sha256,
            "verdict": self.verdict,
            "probability": self.probability,
            "threshold": self.threshold,
            "identity": self.known.identity and asdict(self.known.identity),
            "set": self._set(),
            "stability": self._stability(),
            "heat": [_saliency(saliency) for saliency in self.saliency],
            "tensor": {
                "shape": [*self.input.shape],
                "low": self.input.low,
                "high": self.input.high,
                "means": [*self.input.means],
            },
            "neighbours": _neighbours(self.neighbourhood) if self.neighbourhood.cells else None,
            "models": [_model(answer) for answer in self.answers],
            "seconds": self.seconds,
            "notice": notice.RESEARCH_USE,
        }

    def _set(self) -> dict[str, Any] | None:
        sets = self.prediction_set.sets
        if sets is None:
            return None
        return {
            "level": conformal.LEVEL,
            "classes": [*sets.of(self.probability)],
            "words": self.prediction_set.sentence,
            "holds_for": self.prediction_set.scope,
            "caution": CAUTIONS[self.known.exposure],
            "hem_up_to": sets.hem_up_to,
            "all_from": sets.all_from,
        }

    def _stability(self) -> dict[str, Any]:
        return {
            "names": [*VIEW_NAMES],
            "probabilities": self.views.probabilities.tolist(),
            "mean": self.views.mean,
            "spread": self.views.spread,
            "agree": self.views.agree(self.threshold),
            "sentence": self.views.sentence(self.threshold),
        }


Part = (
    PredictionSet
    | ModelInput
    | AugmentedViews
    | KnownCell
    | SaliencyMaps
    | Neighbourhood
    | ModelAnswers
    | Explanation
)


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


def _saliency(saliency: SaliencyMap) -> dict[str, Any]:
    check = saliency.deletion
    return {
        "method": saliency.method,
        "towards": saliency.heat.towards,
        "share_in_cell": _finite(saliency.heat.share_in_cell),
        "sentence": saliency.sentence,
        "complete": saliency.incomplete,
        "deletion": check
        and {
            "before": check.before,
            "after": check.after,
            "share_of_cell": check.share,
            "others": len(check.random_falls),
            "others_less": check.others_less,
            "supported": check.supported,
            "sentence": check.sentence,
        },
    }


def _neighbours(neighbourhood: Neighbourhood) -> dict[str, Any]:
    near = neighbourhood.accuracy
    return {
        "cells": [asdict(cell) for cell in neighbourhood.cells],
        "nearby": near
        and {
            "cells": near.cells,
            "subjects": near.subjects,
            "accuracy": near.accuracy.value,
            "low": _finite(near.accuracy.over_cells.low),
            "high": _finite(near.accuracy.over_cells.high),
            "subject_low": _finite(near.accuracy.over_subjects.low),
            "subject_high": _finite(near.accuracy.over_subjects.high),
        },
        "sentence": neighbourhood.sentence,
    }


def _model(answer: ModelAnswer) -> dict[str, Any]:
    return {
        "model": answer.model,
        "verdict": answer.verdict,
        "probability": answer.probability,
        "threshold": answer.threshold,
        "learned": answer.exposure,
        "reason": answer.reason,
    }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
