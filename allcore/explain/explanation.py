"""Explanation of a prediction: a generator of typed parts, in order of computation.

Pages show each part as it arrives; commands and reports use the last one, which holds all parts.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
from scipy.special import expit

from allcore import model_folder
from allcore.cnmc import release
from allcore.data import subjects
from allcore.data.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from allcore.errors import AllScopeError
from allcore.evaluation import model_evaluation
from allcore.evaluation.conformal import PredictionSets
from allcore.explain.neighbours import Neighbours
from allcore.explain.parts import (
    METHODS,
    AugmentedViews,
    CellIdentity,
    Explanation,
    KnownCell,
    Method,
    ModelAnswer,
    ModelAnswers,
    ModelInput,
    Neighbourhood,
    Part,
    PredictionSet,
    SaliencyMap,
    SaliencyMaps,
)
from allcore.inference.held_out import TrainingExposure, TrainingSet
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


class ModelRecord:
    """Recorded data of cells in a model folder; each table is read at first use.

    Attributes:
        model: the model.
    """

    def __init__(self, model: InstalledModel) -> None:
        self.model = model
        self._neighbours: tuple[object, Neighbours] | None = None

    @cached_property
    def sets(self) -> PredictionSets | None:
        """Thresholds of the prediction sets; None where the folder records too little."""
        try:
            predictions = model_folder.read_predictions(self.model.folder)
            return model_evaluation.prediction_sets(predictions, self.model.info)
        except AllScopeError:
            return None

    @cached_property
    def held_out(self) -> dict[str, float]:
        """Recorded held-out probability by image id; empty without predictions."""
        try:
            table = model_folder.read_predictions(self.model.folder)
        except AllScopeError:
            return {}
        table = table[table["probability"].notna()]
        ids, probabilities = table["image_id"].astype(str), table["probability"].astype(float)
        return dict(zip(ids, probabilities, strict=True))

    @cached_property
    def training(self) -> TrainingSet | None:
        """Training set of the network; None where the folder does not record it."""
        try:
            return TrainingSet.of(self.model.folder, self.model.info)
        except AllScopeError:
            return None

    def exposure(self, identity: CellIdentity | None) -> TrainingExposure:
        """Exposure of the network's training to a cell."""
        if identity is None or self.training is None:
            return "unknown"
        return self.training.exposure(identity.image_id, identity.group)

    def neighbours(self, cells: pd.DataFrame | None = None) -> Neighbours:
        """Index of the cells with features in the folder.

        Args:
            cells: table of a data set, for the labels of cells that were only in the training part.

        Raises:
            ModelError: the features, or their tables, are missing or damaged.
        """
        if self._neighbours is None or self._neighbours[0] is not cells:
            self._neighbours = (cells, Neighbours.of(self.model.folder, cells))
        return self._neighbours[1]


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
    """

    def __init__(
        self,
        load: Callable[[InstalledModel], "Predictor"],
        *,
        record: Callable[[InstalledModel], ModelRecord] | None = None,
        cells: Callable[[], pd.DataFrame | None] = lambda: None,
        remember: Callable[[tuple[str, ...], Callable[[], Any]], Any] = compute,
    ) -> None:
        self._load = load
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

        Saliency maps and model predictions are yielded several times, each time with one more; the
        last part is the whole `Explanation`.

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
        record, verdict = self.record(model), prediction.verdict
        yield (prediction_set := PredictionSet(record.sets, prediction.p_all))
        yield (model_input := self.model_input(model, picture))
        yield (views := self.views(model, picture))
        identity = identify(picture.sha256, self._cells())
        yield (known := KnownCell(identity, record.exposure(identity)))
        maps: tuple[SaliencyMap, ...] = ()
        for method in METHODS:
            maps = (*maps, self.saliency(model, picture, method, verdict))
            yield SaliencyMaps(maps)
        yield (
            neighbourhood := self.neighbourhood(
                model, picture, identity, threshold=prediction.threshold
            )
        )
        own = ModelAnswer(
            model=model.name,
            threshold=prediction.threshold,
            exposure=known.exposure,
            held_out=record.held_out.get(identity.image_id) if identity else None,
            verdict=verdict,
            probability=prediction.p_all,
        )
        for answers in self.answers([own], others, damaged, identity, picture):
            yield answers
        yield (checked := self.checked(model, picture, maps))
        yield Explanation(
            model=model.name,
            model_sha256=model.info.weights_sha256,
            picture_sha256=picture.sha256,
            verdict=verdict,
            probability=prediction.p_all,
            threshold=prediction.threshold,
            known=known,
            prediction_set=prediction_set,
            views=views,
            saliency=checked.maps,
            input=model_input,
            neighbourhood=neighbourhood,
            answers=answers.answers,
            seconds=time.perf_counter() - started,
        )

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

        def convert() -> ModelInput:
            predictor = self._load(model)
            return to_model_input(predictor, predictor.prepare(picture))

        return self._part(model, picture, "input", convert)

    def views(self, model: InstalledModel, picture: "CellPicture") -> AugmentedViews:
        """Predict the rotated and mirrored cell, in one pass."""

        def predict() -> AugmentedViews:
            predictor = self._load(model)
            return predict_views(predictor, predictor.prepare(picture))

        return self._part(model, picture, "views", predict)

    def saliency(
        self, model: InstalledModel, picture: "CellPicture", method: Method, towards: Label
    ) -> SaliencyMap:
        """Saliency map of one of `METHODS` for a class."""
        from allcore.explain import gradcam, integrated_gradients

        def attribute() -> SaliencyMap:
            predictor = self._load(model)
            cell = predictor.prepare(picture)
            if method == "Grad-CAM":
                return SaliencyMap(method, gradcam.explain(predictor, cell, towards=towards))
            attribution = integrated_gradients.explain(predictor, cell, towards=towards)
            return SaliencyMap("Integrated gradients", attribution.heat, attribution.error)

        return self._part(model, picture, f"{method} {towards}", attribute)

    def checked(
        self, model: InstalledModel, picture: "CellPicture", maps: Sequence[SaliencyMap]
    ) -> SaliencyMaps:
        """Return the maps, each with its deletion check."""
        from allcore.explain import deletion_check

        def check() -> SaliencyMaps:
            predictor = self._load(model)
            cell, heats = predictor.prepare(picture), [saliency.heat for saliency in maps]
            checks = deletion_check.check(predictor, cell, heats, digest=picture.sha256)
            return SaliencyMaps(
                tuple(
                    SaliencyMap(saliency.method, saliency.heat, saliency.incomplete, deletion)
                    for saliency, deletion in zip(maps, checks, strict=True)
                )
            )

        return self._part(model, picture, f"deletion check {maps[0].heat.towards}", check)

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
        record = self.record(model)
        held_out = record.held_out.get(identity.image_id) if identity else None
        return ModelAnswer(
            model.name, model.info.threshold, record.exposure(identity), held_out, pending=True
        )

    def ask(
        self, model: InstalledModel, picture: "CellPicture", recorded: ModelAnswer
    ) -> ModelAnswer:
        """Predict with a model, and add the prediction to its recorded one."""

        def predict() -> "Prediction":
            return self._load(model).predict([picture])[0]

        start = (model.name, recorded.threshold, recorded.exposure, recorded.held_out)
        try:
            prediction = self._part(model, picture, "prediction", predict)
        except (AllScopeError, OSError):
            return ModelAnswer(*start, reason=UNAVAILABLE)
        return ModelAnswer(*start, prediction.verdict, prediction.p_all, prediction.reason)

    def _features(self, model: InstalledModel, picture: "CellPicture") -> "np.ndarray[Any, Any]":
        from allcore.explain import neighbours

        def forward() -> "np.ndarray[Any, Any]":
            predictor = self._load(model)
            return neighbours.feature(predictor, predictor.prepare(picture))

        return self._part(model, picture, "features", forward)

    def _part(
        self, model: InstalledModel, picture: "CellPicture", name: str, function: Callable[[], T]
    ) -> T:
        part: T = self._remember((model.digest, picture.sha256, name), function)
        return part


def identify(sha256: str, cells: pd.DataFrame | None = None) -> CellIdentity | None:
    """Identify a cell of a data set by the SHA-256 of its file; None without a match.

    The lookup covers the public release of C-NMC 2019, whose digests are packaged, and a table of
    cells (image_id, subject, sha256). A re-encoded image is another file and has no match.

    Raises:
        DataError: the packaged list of the release is damaged.
    """
    if cells is not None and "sha256" in cells:
        matches = cells.loc[cells["sha256"] == sha256]
        if not matches.empty:
            subject = matches["subject"].dropna().astype(str).tolist()
            return CellIdentity(str(matches["image_id"].iat[0]), subject[0] if subject else None)
    return _released().get(sha256)


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
    return AugmentedViews(expit(logits / predictor.info.temperature))


@cache
def _released() -> dict[str, CellIdentity]:
    """Cells of the public release by the SHA-256 of their files."""
    files = release.read_release()
    rows = zip(files["path"], files["subject"], files["sha256"], strict=True)
    return {
        sha256: CellIdentity(subjects.canonical_id(path), subject) for path, subject, sha256 in rows
    }
