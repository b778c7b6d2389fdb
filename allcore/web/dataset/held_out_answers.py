"""Held-out predictions of a model for images of a data set.

Images match by id, else by id without folder and suffix, since readers and models differ in what
they keep of a file's name.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pandas as pd
import streamlit as st

from allcore import model_folder, settings
from allcore.errors import AllScopeError
from allcore.model_folder import InstalledModel


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
        answers = image_ids.map(self.find, na_action=None)
        return answers.map(lambda answer: math.nan if answer is None else answer.probability)


def load_answers(split: str) -> HeldOutAnswers | None:
    """Predictions of the model whose split is shown, else of the default model.

    None without such a model, or where its table can't be read: a data set needs no model.
    """
    name = split if split in model_folder.names() else settings.load().model
    try:
        model = model_folder.resolve(name)
        return HeldOutAnswers(model, _read(model.folder, f"{model.folder} {model.revision}"))
    except AllScopeError:
        return None


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
