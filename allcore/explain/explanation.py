"""Everything that speaks for or against one answer, gathered for a page, a file or a report.

`gather` computes all of it in one go; a page that shows the parts as they come calls the parts.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from allcore import model_folder
from allcore.data.cells import Rgb
from allcore.errors import AllScopeError
from allcore.evaluation import model_evaluation
from allcore.evaluation.conformal import PredictionSets
from allcore.explain import deletion_check as deletion
from allcore.explain import explanation_text, gradcam, integrated_gradients, neighbours, views
from allcore.explain import known_cells as identity
from allcore.explain import model_input as seen
from allcore.explain.deletion_check import Deletion
from allcore.explain.gradcam import Heat
from allcore.explain.known_cells import Identity
from allcore.explain.model_input import Figures
from allcore.explain.neighbours import Nearby, Neighbour, Neighbours
from allcore.explain.views import Learned, Trained, Views
from allcore.inference.predictor import Predictor
from allcore.inference.results import Prediction
from allcore.labels import Label, Verdict

Method = Literal["Grad-CAM", "Integrated gradients"]


@dataclass(frozen=True)
class Saliency:
    """Where one method finds what speaks for the verdict, and whether that matters.

    Attributes:
        method: its name.
        heat: its map.
        incomplete: part of the log-odds that its attributions do not account for, as
            `Attribution.error`; None where the method promises nothing.
        deletion: the check; None where nothing speaks for the verdict, or while it is to come.
    """

    method: Method
    heat: Heat
    incomplete: float | None
    deletion: Deletion | None

    @property
    def sentence(self) -> str:
        """What its share inside the cell says, and how complete it is."""
        said = explanation_text.of_heat(self.heat)
        if self.incomplete is None:
            return said
        return f"{said} Its parts add up to the answer within {100 * self.incomplete:.0f} %."


@dataclass(frozen=True)
class Answer:
    """What an installed model says of the picture.

    Attributes:
        model: its name.
        verdict: as of `Prediction`; None where the model can't be asked.
        probability: of an ALL blast; None without an answer.
        threshold: the model's own.
        learned: what of the cell its network was trained on.
        reason: why there is no answer; empty where there is one.
    """

    model: str
    verdict: Verdict | None
    probability: float | None
    threshold: float
    learned: Learned
    reason: str = ""


@dataclass(frozen=True)
class Evidence:
    """What speaks for or against the answer to one picture.

    Attributes:
        model: name of the model that answered.
        model_sha256: of its weights.
        picture_sha256: of the picture's file.
        verdict: ``all`` or ``hem``.
        probability: calibrated, of an ALL blast.
        threshold: probability from which the verdict is ``all``.
        identity: the cell of a data set that the picture is, None where it is none.
        sets: the model's prediction sets; None where its folder can't tell.
        views: the answers to the cell turned and mirrored.
        saliency: Grad-CAM first, then integrated gradients.
        seen: the network's input as a picture (S, S, 3).
        figures: of the network's input.
        neighbours: the nearest cells that the model's folder knows, nearest first.
        nearby: how often the model is right around the cell; None where that is not known.
        models: every installed model's answer, this one's first.
        seconds: that gathering took.
    """

    model: str
    model_sha256: str
    picture_sha256: str
    verdict: Verdict
    probability: float
    threshold: float
    identity: Identity | None
    sets: PredictionSets | None
    views: Views
    saliency: tuple[Saliency, ...]
    seen: Rgb
    figures: Figures
    neighbours: tuple[Neighbour, ...]
    nearby: Nearby | None
    models: tuple[Answer, ...]
    seconds: float

    @property
    def learned(self) -> Learned:
        """What of the cell the network that answered was trained on."""
        return self.models[0].learned if self.models else "unknown"

    def to_dict(self) -> dict[str, Any]:
        """All but the pictures as JSON holds it."""
        from allcore.explain import explanation_records  # it reads this class: a circle at the top

        return explanation_records.plain(self)


def gather(
    predictor: Predictor,
    rgb: Rgb,
    cell: Tensor,
    prediction: Prediction,
    folder: Path,
    *,
    digest: str,
    near: Neighbours | None = None,
    others: Sequence[tuple[Path, Predictor]] = (),
    known: pd.DataFrame | None = None,
) -> Evidence:
    """All the evidence for one answer.

    Args:
        predictor: who answered.
        rgb: the picture (H, W, 3) uint8.
        cell: cut out of it (3, S, S) uint8.
        prediction: the answer, no refusal.
        folder: of the model that answered.
        digest: SHA-256 of the picture's file.
        near: what `kept` gives of the folder, read here where it is not given.
        others: folders of the other installed models, with their predictors.
        known: a data set's table (image_id, label, subject, group, sha256).

    Raises:
        ValueError: the picture was refused.
    """
    if prediction.p_all is None or prediction.verdict == "refused":
        raise ValueError("a refused picture has no evidence")
    started = time.perf_counter()
    own = identity.of(digest, known)
    maps = saliency(predictor, cell, towards=prediction.verdict)
    near = kept(folder, known) if near is None else near
    vector = neighbours.feature(predictor, cell)
    found, nearby = around(near, vector, own, prediction.threshold)
    return Evidence(
        model=predictor.info.name,
        model_sha256=predictor.info.weights_sha256,
        picture_sha256=digest,
        verdict=prediction.verdict,
        probability=prediction.p_all,
        threshold=prediction.threshold,
        identity=own,
        sets=sets_of(folder),
        views=views.views(predictor, cell),
        saliency=checked(predictor, cell, maps, digest=digest),
        seen=seen.picture(predictor, cell),
        figures=seen.figures(seen.tensor(predictor, cell)),
        neighbours=found,
        nearby=nearby,
        models=(
            _answer(folder, predictor, prediction, own),
            *(_answer(at, other, other.predict([rgb])[0], own) for at, other in others),
        ),
        seconds=time.perf_counter() - started,
    )


def saliency(predictor: Predictor, cell: Tensor, *, towards: Label) -> tuple[Saliency, ...]:
    """Both maps of a cut cell (3, S, S) uint8, not checked yet."""
    coarse = gradcam.explain(predictor, cell, towards=towards)
    fine = integrated_gradients.explain(predictor, cell, towards=towards)
    return (
        Saliency("Grad-CAM", coarse, None, None),
        Saliency("Integrated gradients", fine.heat, fine.error, None),
    )


def checked(
    predictor: Predictor, cell: Tensor, maps: Sequence[Saliency], *, digest: str
) -> tuple[Saliency, ...]:
    """The same maps with the deletion check of each."""
    found = deletion.check(predictor, cell, [each.heat for each in maps], digest=digest)
    return tuple(
        Saliency(each.method, each.heat, each.incomplete, check)
        for each, check in zip(maps, found, strict=True)
    )


def sets_of(folder: Path) -> PredictionSets | None:
    """The prediction sets of a model folder; None where it does not keep what they need."""
    try:
        return model_evaluation.prediction_sets(
            model_folder.read_predictions(folder), model_folder.read_info(folder)
        )
    except AllScopeError:
        return None


def kept(folder: Path, known: pd.DataFrame | None = None) -> Neighbours | None:
    """The cells whose features a model folder keeps; None where it keeps none."""
    try:
        return Neighbours.of(folder, known)
    except AllScopeError:
        return None


def around(
    near: Neighbours | None, vector: NDArray[Any], own: Identity | None, threshold: float
) -> tuple[tuple[Neighbour, ...], Nearby | None]:
    """The nearest cells of a vector (F,), without the cell itself, and the accuracy there."""
    if near is None:
        return (), None
    subject, name = (own.subject, own.image_id) if own else (None, None)
    return (
        near.nearest(vector, subject=subject, exclude_id=name),
        near.accuracy_nearby(vector, threshold, subject=subject, exclude_id=name),
    )


def learned(folder: Path, own: Identity | None) -> Learned:
    """What of a cell the network in a folder was trained on."""
    if own is None:
        return "unknown"
    try:
        return Trained.of(folder).learned(own.image_id, own.group)
    except AllScopeError:
        return "unknown"


def _answer(
    folder: Path, predictor: Predictor, prediction: Prediction, own: Identity | None
) -> Answer:
    return Answer(
        model=predictor.info.name,
        verdict=prediction.verdict,
        probability=prediction.p_all,
        threshold=prediction.threshold,
        learned=learned(folder, own),
        reason=prediction.reason,
    )
