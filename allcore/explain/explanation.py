"""Explanation of a prediction: a generator of typed parts, in order of computation.

Pages show each part as it arrives; commands and reports use the last one, which holds all parts.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
from scipy.special import expit

from allcore.data.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from allcore.errors import AllScopeError
from allcore.explain import answer_summary
from allcore.explain.answer_summary import AnswerSummary
from allcore.explain.model_record import ModelRecord, fold_predictor, identify
from allcore.explain.parts import (
    METHODS,
    AugmentedViews,
    CellIdentity,
    KnownCell,
    Method,
    ModelAnswer,
    ModelAnswers,
    ModelInput,
    Neighbourhood,
    PredictionSet,
    SaliencyMap,
    SaliencyMaps,
)
from allcore.explain.result import Explanation, Part
from allcore.labels import Label
from allcore.model_folder import InstalledModel

if TYPE_CHECKING:  # these import torch, which pages without an image don't need
    from torch import Tensor

    from allcore.inference.predictor import Predictor
    from allcore.inference.results import Prediction
    from allcore.inference.upload import CellPicture

T = TypeVar("T")
DEVIATIONS = 3.0
"""Display range in standard deviations around the mean, from black to white.

It applies where preprocessing normalises each cell separately.
"""
UNAVAILABLE = "can't be asked: its folder is damaged"


def compute(_key: tuple[str, ...], function: Callable[[], T]) -> T:
    """Call a function without caching its result."""
    return function()


class Explainer:
    """Explains predictions of installed models.

    Args:
        load: returns a model's predictor.
        record: returns a model folder's record.
        cells: returns the table (image_id, label, subject, group, sha256) of the cells of the
            available data sets, the same object while they do not change; None without any.
        remember: cache of function results by key: digest of the model, digest of the image, name
            of the part.
        load_fold: returns the predictor of one of a model's fold networks.
    """

    def __init__(
        self,
        load: Callable[[InstalledModel], "Predictor"],
        *,
        record: Callable[[InstalledModel], ModelRecord] | None = None,
        cells: Callable[[], pd.DataFrame | None] = lambda: None,
        remember: Callable[[tuple[str, ...], Callable[[], Any]], Any] = compute,
        load_fold: "Callable[[InstalledModel, int], Predictor] | None" = None,
    ) -> None:
        self._load = load
        self._load_fold = load_fold or cache(
            lambda model, fold: fold_predictor(model, fold, load(model).device)
        )
        self.record = record or cache(ModelRecord)
        self._cells = cells
        self._remember = remember

    def explain(
        self,
        model: InstalledModel,
        picture: "CellPicture",
        prediction: "Prediction",
        *,
        others: Sequence[InstalledModel] = (),
        damaged: Sequence[str] = (),
    ) -> Iterator[Part]:
        """Yield the parts of the explanation of a prediction, cheap ones first.

        The first part is the summary. Where that is a held-out answer and the folder has the
        network of its fold, views and saliency maps are of that network. Saliency maps and model
        predictions are yielded several times, each time with one more; the last part is the whole
        `Explanation`.

        Args:
            model: the model of the prediction.
            picture: the image.
            prediction: the prediction, no refusal.
            others: the other installed models.
            damaged: names of models whose folder can't be read.

        Raises:
            ValueError: the image was refused.
            ModelError: the network's weights are damaged.
        """
        if prediction.p_all is None or prediction.verdict == "refused":
            raise ValueError("a refused picture has no explanation")
        started = time.perf_counter()
        known = self.known(model, [picture.sha256])[0]
        yield (summary := self.summary(model, prediction, known))
        parts: dict[type[Part], Any] = {}
        for part in self.evidence(model, picture, known, summary):
            yield part
            parts[type(part)] = part
        own = ModelAnswer(
            model=model.name,
            threshold=prediction.threshold,
            exposure=known.exposure,
            held_out=known.held_out,
            verdict=prediction.verdict,
            probability=prediction.p_all,
        )
        for answers in self.answers([own], others, damaged, known.identity, picture):
            yield answers
        yield Explanation(
            model=model.name,
            model_sha256=model.info.weights_sha256,
            picture_sha256=picture.sha256,
            verdict=prediction.verdict,
            probability=prediction.p_all,
            threshold=prediction.threshold,
            summary=summary,
            known=known,
            prediction_set=parts[PredictionSet],
            views=parts[AugmentedViews],
            saliency=parts[SaliencyMaps].maps,
            input=parts[ModelInput],
            neighbourhood=parts[Neighbourhood],
            answers=answers.answers,
            seconds=time.perf_counter() - started,
        )

    def evidence(
        self,
        model: InstalledModel,
        picture: "CellPicture",
        known: KnownCell,
        summary: AnswerSummary,
        *,
        saliency: bool = True,
    ) -> Iterator[Part]:
        """Yield what supports an answer: prediction set, input, views, neighbours, saliency maps.

        Args:
            model: the model of the answer.
            picture: the image.
            known: the cell in a data set.
            summary: the answer, no refusal.
            saliency: whether to compute saliency maps, which take longest.
        """
        assert summary.probability is not None and summary.verdict != "refused"
        fold = known.fold if summary.held_out else None
        yield PredictionSet(self.record(model).sets, summary.probability)
        yield self.model_input(model, picture)
        yield self.views(model, picture, fold)
        # Held-out probabilities of neighbours are by the model's own calibration.
        profile, threshold = model.profile, summary.threshold
        near = threshold if profile is None else profile.shipped_threshold
        yield self.neighbourhood(model, picture, known.identity, threshold=near)
        maps: tuple[SaliencyMap, ...] = ()
        for method in METHODS if saliency else ():
            maps = (*maps, self.saliency(model, picture, method, summary.verdict, fold))
            yield SaliencyMaps(maps)
        if maps:
            yield self.checked(model, picture, maps, fold)

    def known(self, model: InstalledModel, sha256s: Sequence[str]) -> list[KnownCell]:
        """What is recorded of the cells in files, given by their SHA-256, in order."""
        record = self.record(model)
        return [record.known(identity) for identity in identify(sha256s, self._cells())]

    def summary(
        self, model: InstalledModel, prediction: "Prediction", known: KnownCell
    ) -> AnswerSummary:
        """Summarise a prediction: the held-out answer for a cell of the training."""
        return answer_summary.summarise(prediction, known, self.record(model).sets)

    def explanation(
        self,
        model: InstalledModel,
        picture: "CellPicture",
        prediction: "Prediction",
        *,
        others: Sequence[InstalledModel] = (),
    ) -> Explanation:
        """Return the whole explanation of a prediction, the last part of `explain`."""
        *_, last = self.explain(model, picture, prediction, others=others)
        assert isinstance(last, Explanation)
        return last

    def model_input(self, model: InstalledModel, picture: "CellPicture") -> ModelInput:
        """Model input as an image and as numbers."""
        return self._part(
            model, picture, "input", lambda: to_model_input(*self._prepared(model, picture))
        )

    def views(
        self, model: InstalledModel, picture: "CellPicture", fold: int | None = None
    ) -> AugmentedViews:
        """Predict the rotated and mirrored cell, in one pass."""
        return self._part(
            model, picture, f"views {fold}",
            lambda: predict_views(*self._prepared(model, picture, fold)),
        )  # fmt: skip

    def saliency(
        self,
        model: InstalledModel,
        picture: "CellPicture",
        method: Method,
        towards: Label,
        fold: int | None = None,
    ) -> SaliencyMap:
        """Saliency map of one of `METHODS` for a class."""
        from allcore.explain import gradcam, integrated_gradients

        def attribute() -> SaliencyMap:
            predictor, cell = self._prepared(model, picture, fold)
            if method == "Grad-CAM":
                return SaliencyMap(method, gradcam.explain(predictor, cell, towards=towards))
            attribution = integrated_gradients.explain(predictor, cell, towards=towards)
            return SaliencyMap("Integrated gradients", attribution.heat, attribution.error)

        return self._part(model, picture, f"{method} {towards} {fold}", attribute)

    def checked(
        self,
        model: InstalledModel,
        picture: "CellPicture",
        maps: Sequence[SaliencyMap],
        fold: int | None = None,
    ) -> SaliencyMaps:
        """Return the maps, each with its deletion check."""
        from allcore.explain import deletion_check

        def check() -> SaliencyMaps:
            heats = [saliency.heat for saliency in maps]
            checks = deletion_check.check(
                *self._prepared(model, picture, fold), heats, digest=picture.sha256
            )
            pairs = zip(maps, checks, strict=True)
            return SaliencyMaps(tuple(replace(one, deletion=result) for one, result in pairs))

        return self._part(model, picture, f"deletion check {maps[0].heat.towards} {fold}", check)

    def neighbourhood(
        self,
        model: InstalledModel,
        picture: "CellPicture | None",
        identity: CellIdentity | None,
        *,
        threshold: float,
    ) -> Neighbourhood:
        """Nearest cells, without the cell itself, and the model's accuracy among them.

        Args:
            model: the model of the features.
            picture: of the cell; None uses the cell's recorded features, by its id.
            identity: the cell in a data set, where known.
            threshold: probability from which a cell is called an ALL blast.
        """
        image_id, subject = (identity.image_id, identity.subject) if identity else (None, None)
        try:
            neighbours = self.record(model).neighbours(self._cells())
            origin = self._features(model, picture) if picture else image_id
            if origin is None:
                return Neighbourhood()
            return Neighbourhood(
                neighbours.nearest(origin, subject=subject, exclude_id=image_id),
                neighbours.accuracy_nearby(origin, threshold, subject=subject, exclude_id=image_id),
                subject_known=subject is not None,
            )
        except AllScopeError as error:
            return Neighbourhood(problem=str(error))

    def answers(
        self,
        first: Sequence[ModelAnswer],
        models: Sequence[InstalledModel],
        damaged: Sequence[str],
        identity: CellIdentity | None,
        picture: "CellPicture | None",
    ) -> Iterator[ModelAnswers]:
        """Yield the predictions of several models, first none, then each time one more.

        Args:
            first: predictions that exist already.
            models: the models to run.
            damaged: names of models whose folder can't be read.
            identity: the cell in a data set, where known.
            picture: of the cell; None runs no model.
        """
        rows = [*first, *(self._recorded(model, identity) for model in models)]
        last = [ModelAnswer(name, 0.5, reason=UNAVAILABLE) for name in damaged]
        yield ModelAnswers((*rows, *last))
        if picture is None:
            return
        for number, model in enumerate(models, start=len(first)):
            rows[number] = self.ask(model, picture, rows[number])
            yield ModelAnswers((*rows, *last))

    def _recorded(self, model: InstalledModel, identity: CellIdentity | None) -> ModelAnswer:
        known, threshold = self.record(model).known(identity), model.info.threshold
        return ModelAnswer(model.name, threshold, known.exposure, known.held_out, pending=True)

    def ask(
        self, model: InstalledModel, picture: "CellPicture", recorded: ModelAnswer
    ) -> ModelAnswer:
        """Predict with a model, and add the prediction to its recorded one."""
        start = (model.name, recorded.threshold, recorded.exposure, recorded.held_out)
        try:
            prediction = self._part(
                model, picture, "prediction", lambda: self._load(model).predict([picture])[0]
            )
        except (AllScopeError, OSError):
            return ModelAnswer(*start, reason=UNAVAILABLE)
        return ModelAnswer(*start, prediction.verdict, prediction.p_all, prediction.reason)

    def _features(self, model: InstalledModel, picture: "CellPicture") -> "np.ndarray[Any, Any]":
        from allcore.explain import neighbours

        return self._part(
            model, picture, "features", lambda: neighbours.feature(*self._prepared(model, picture))
        )

    def _prepared(
        self, model: InstalledModel, picture: "CellPicture", fold: int | None = None
    ) -> "tuple[Predictor, Tensor]":
        """The model's network, or that of one of its folds, and the segmented cell."""
        predictor = self._load(model) if fold is None else self._load_fold(model, fold)
        return predictor, predictor.prepare(picture)

    def _part(
        self, model: InstalledModel, picture: "CellPicture", name: str, function: Callable[[], T]
    ) -> T:
        part: T = self._remember((model.digest, picture.sha256, name), function)
        return part


def to_model_input(predictor: "Predictor", cell: "Tensor") -> ModelInput:
    """Model input of a segmented cell (3, S, S) uint8 as an image and as numbers.

    The map from values to grey levels is linear and the same for all cells, so that cells can be
    compared. ImageNet's normalisation is linear and is inverted: the image is the segmented cell.
    Per-cell normalisation maps 3 standard deviations below the mean to black and 3 above to white;
    the background, which equals the mean, becomes grey.
    """
    tensor = predictor.normalised(cell[None])[0].float().cpu()
    values = tensor.permute(1, 2, 0).numpy()
    if predictor.info.preprocessing.normalisation == "imagenet":
        levels = values * np.asarray(IMAGENET_STD) + np.asarray(IMAGENET_MEAN)
    else:
        levels = (values + DEVIATIONS) / (2 * DEVIATIONS)
    channels, rows, columns = tensor.shape
    red, green, blue = tensor.mean((1, 2)).tolist()
    return ModelInput(
        picture=np.rint(255 * levels).clip(0, 255).astype(np.uint8),
        shape=(channels, rows, columns),
        low=float(tensor.min()),
        high=float(tensor.max()),
        means=(red, green, blue),
    )


def turn(cell: "Tensor") -> "Tensor":
    """The eight views (8, 3, S, S) of a segmented cell (3, S, S), in the order of `VIEW_NAMES`."""
    import torch

    mirrored = (cell, cell.flip(2))
    return torch.stack(
        [torch.rot90(start, turns, dims=(1, 2)) for start in mirrored for turns in range(4)]
    )


def predict_views(predictor: "Predictor", cell: "Tensor") -> AugmentedViews:
    """Predict a segmented cell (3, S, S) uint8 in its eight views, in one pass."""
    logits = predictor.logits(turn(cell)).double().numpy()
    return AugmentedViews(expit(predictor.calibrated(logits)))
