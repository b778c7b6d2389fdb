"""Held-out predictions of a model for images of a data set.

Images match by id, else by id without folder and suffix, since readers and models differ in what
they keep of a file's name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from allcore import model_folder, settings
from allcore.errors import AllScopeError
from allcore.inference import synthetic_predictions
from allcore.labels import CLASS_NAMES
from allcore.model_folder import InstalledModel
from allcore.web.dataset.context import computed


class HeldOutAnswer(NamedTuple):
    """A prediction for an image of the model's held-out splits."""

    image_id: str  # in the model's table
    label: str | None  # all or hem; None where unknown
    probability: float  # of ALL blast
    split: str  # test or validation


@dataclass(frozen=True)
class HeldOutAnswers:
    """Held-out predictions of a model, by image id and by id without folder and suffix."""

    model: InstalledModel
    answers: Mapping[str, HeldOutAnswer]

    def find(self, image_id: str) -> HeldOutAnswer | None:
        """The prediction for an image; None without one."""
        return self.answers.get(image_id) or self.answers.get(_stem(image_id))

    def probabilities(self, image_ids: "pd.Series[str]") -> "pd.Series[float]":
        """(N,) probability of ALL blast of each image; NaN without a prediction."""
        return _probabilities(self.answers, image_ids)


@dataclass(frozen=True)
class ImagePredictions:
    """Held-out predictions for N images."""

    probability: "pd.Series[float]"  # (N,) of ALL blast, NaN without a prediction
    threshold: float  # from which an ALL blast is predicted

    def outcomes(self, labels: "pd.Series[str]") -> "pd.Series[Any]":
        """``right`` or ``wrong`` for labelled images with a prediction; None for others."""
        known = labels.isin(CLASS_NAMES) & self.probability.notna()
        predicted = np.where(self.probability >= self.threshold, "all", "hem")
        values = pd.Series(np.where(predicted == labels, "right", "wrong"), index=labels.index)
        return values.astype(object).where(known, None)

    def errors_among(
        self, rows: NDArray[np.intp], labels: "pd.Series[str]", *, ranked: bool
    ) -> NDArray[np.intp]:
        """The rows whose prediction differs from the label.

        Args:
            rows: to choose from, in their order.
            labels: (N,) of all images.
            ranked: whether the most confident error comes first.
        """
        wrong = (self.outcomes(labels) == "wrong").to_numpy(dtype=bool)
        errors = rows[wrong[rows]]
        if not ranked:
            return errors
        distance = np.abs(self.probability.to_numpy()[errors] - self.threshold)
        return errors[np.argsort(-distance, kind="stable")]

    @property
    def words(self) -> "pd.Series[str]":
        """(N,) predicted class and probability."""
        blast = self.probability >= self.threshold
        names = blast.map({True: CLASS_NAMES["all"], False: CLASS_NAMES["hem"]})
        return "predicted " + names + self.probability.map(" {:.2f}".format)


def load_answers(split: str, *, synthetic: bool = False) -> HeldOutAnswers | None:
    """Predictions of the model whose split is shown, else of the default model.

    None without such a model, or where its table can't be read: a data set needs no model.
    `synthetic` takes its predictions for the synthetic cells, once these are scored.
    """
    name = split if split in model_folder.names() else settings.load().model
    try:
        model = model_folder.resolve(name)
        folder = synthetic_predictions.folder(model) if synthetic else model.folder
        return HeldOutAnswers(model, _read(folder, f"{folder} {model.revision}"))
    except AllScopeError:
        return None


def load_predictions(
    table: pd.DataFrame, split: str, *, synthetic: bool = False
) -> ImagePredictions | None:
    """Held-out predictions, by `load_answers`, for the images of a catalogue's table.

    None without such a model, or where it knows no image of the data set.
    """
    answers = load_answers(split, synthetic=synthetic)
    if answers is None:
        return None
    return computed(_match, table, answers.answers, repr(answers.model.info.threshold))


def _match(
    table: pd.DataFrame, answers: Mapping[str, HeldOutAnswer], threshold: str
) -> ImagePredictions | None:
    probability = _probabilities(answers, table["image_id"])
    return None if probability.isna().all() else ImagePredictions(probability, float(threshold))


def _probabilities(
    answers: Mapping[str, HeldOutAnswer], image_ids: "pd.Series[str]"
) -> "pd.Series[float]":
    known = {key: answer.probability for key, answer in answers.items()}
    found = image_ids.map(known).astype(float)
    missing = found.isna()
    found[missing] = image_ids[missing].map(_stem).map(known)
    return found


def answers_by_name(table: pd.DataFrame) -> dict[str, HeldOutAnswer]:
    """Rows of a model's predictions that have a probability, by image id and by its stem."""
    known = table.loc[table["probability"].notna(), list(HeldOutAnswer._fields)].astype(object)
    rows = known.where(known.notna(), None).itertuples(index=False)
    answers = [HeldOutAnswer(*row) for row in rows]
    stems = {_stem(answer.image_id): answer for answer in answers}
    return stems | {answer.image_id: answer for answer in answers}


@st.cache_resource(max_entries=4, show_spinner=False)
def _read(_folder: Path, revision: str) -> dict[str, HeldOutAnswer]:
    return answers_by_name(model_folder.read_predictions(_folder))


def _stem(image_id: str) -> str:
    return PurePosixPath(image_id).stem
