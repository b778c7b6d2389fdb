"""Estimates of the Home page: accuracy under the paper's protocol and on unseen subjects."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from allcore import model_folder
from allcore.errors import AllScopeError
from allcore.evaluation import estimates, model_evaluation
from allcore.evaluation.intervals import Interval

CITATION = (
    "The QCResNet paper reports 98.9 % accuracy for images split at random, so that a subject's "
    "cells are in training and in test alike."
)
PAPER_SUFFIX = "-paper"
FILES = (model_folder.INFO, model_folder.PREDICTIONS)
"""Files of a model folder that a headline depends on."""


@dataclass(frozen=True)
class MeasuredAccuracy:
    """Accuracy on test cells, measured by this program."""

    accuracy: Interval
    cells: int
    subjects: int | None


@dataclass(frozen=True)
class Headline:
    """Headline of a model on the Home page; an unmeasured protocol is None."""

    model: str
    paper: MeasuredAccuracy | None  # image-level split, interval over cells
    citation: str  # accuracy reported in the paper
    unseen: MeasuredAccuracy | None  # subjects outside the training data, interval over subjects
    not_unseen: str  # reason why there is no such estimate; empty where there is one
    gap: str  # one sentence on the difference


def read_headline(folder: Path) -> Headline:
    """Compute the headline estimates of the model in `folder`.

    The estimate under the paper's protocol requires a model `<name>-paper` in the same folder.

    Raises:
        ModelError: model.json or the predictions of `folder` are missing or damaged.
        DataError: invalid predictions.
    """
    info = model_folder.read_info(folder)
    test = _test_cells(folder)
    separation = model_evaluation.separate_subjects(test, info)
    unseen = _measured(folder) if separation.new_subjects else None
    paper = _paper(folder.with_name(folder.name + PAPER_SUFFIX))
    not_unseen = "" if unseen else separation.sentence
    return Headline(info.name, paper, CITATION, unseen, not_unseen, _gap(test, paper, unseen))


def _paper(folder: Path) -> MeasuredAccuracy | None:
    """Accuracy of the companion model; a missing or damaged one must not break Home."""
    try:
        # A split from a file is no published protocol, even if it divides subjects.
        kind = model_folder.read_info(folder).training["split"]["kind"]
        return _measured(folder, by_subject=False) if kind == "image" else None
    except (AllScopeError, KeyError, TypeError):
        return None


def _test_cells(folder: Path) -> pd.DataFrame:
    table = model_folder.read_predictions(folder)
    return table[(table["split"] == "test") & table["label"].notna()]


def _measured(folder: Path, *, by_subject: bool = True) -> MeasuredAccuracy | None:
    test = _test_cells(folder)
    if test.empty:
        return None
    threshold = model_folder.read_info(folder).threshold
    accuracy = estimates.at_threshold(model_evaluation.sample_of_predictions(test), threshold)[0]
    known = model_evaluation.subject_groups(test) is not None
    return MeasuredAccuracy(
        accuracy=accuracy.over_subjects if by_subject else accuracy.over_cells,
        cells=len(test),
        subjects=int(test["group"].nunique()) if known else None,
    )


def _gap(
    test: pd.DataFrame, paper: MeasuredAccuracy | None, unseen: MeasuredAccuracy | None
) -> str:
    one_class = test.dropna(subset=["subject"]).groupby("group")["label"].nunique() == 1
    who = "every subject is" if len(one_class) and one_class.all() else "a subject may be"
    why = (
        f"{who} all ALL or all normal, so a model that recognises the subject knows the answer; "
        "on a new subject only the cell is left."
    )
    if paper is None or unseen is None:
        return f"A random image split flatters: {why}"
    points = 100 * (paper.accuracy.value - unseen.accuracy.value)
    return f"The two differ by {points:.1f} percentage points: {why}"
