"""Evaluations of models and of imported predictions, computed once a process and content."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from allcore import model_folder
from allcore.data.subject_separation import SubjectSeparation
from allcore.errors import ModelError
from allcore.evaluation import estimates, label_errors, model_evaluation
from allcore.evaluation.estimates import Estimate, Sample
from allcore.evaluation.label_errors import LabelErrors
from allcore.evaluation.model_evaluation import ModelEvaluation, SplitEvaluation
from allcore.model_folder import InstalledModel, ModelInfo
from allcore.reports import headline
from allcore.reports.headline import PAPER_SUFFIX, Headline


@dataclass(frozen=True)
class PredictionSource:
    """Where predictions come from: an installed model, or a file that a user opened."""

    key: str  # the model's name, or ``file-`` and a digest
    name: str  # on pages and in the address
    threshold: float  # the model's own, 0.5 for a file
    rule: str  # sentence that says how it was chosen
    digest: str  # of the content
    model: InstalledModel | None = None  # None for a file
    problems: tuple[str, ...] = ()  # of a file
    columns: str = ""  # of a file that were taken, one sentence
    scored: Path | None = None  # folder of predictions for synthetic cells; None for any others
    # the predictions of a file; None for a model
    imported: pd.DataFrame | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of_model(cls, model: InstalledModel) -> "PredictionSource":
        """The held-out predictions in a model folder."""
        digest = f"{model.folder} {model.digest} {model.revision}"
        info = model.info
        return cls(model.name, model.name, info.threshold, info.threshold_rule, digest, model)

    @classmethod
    def of_synthetic(cls, model: InstalledModel, folder: Path) -> "PredictionSource":
        """A model's predictions for the synthetic cells, in a folder of `synthetic_predictions`."""
        return replace(
            cls.of_model(model),
            key=f"{model.name}, synthetic",
            name=f"{model.name}, synthetic cells",
            digest=str(folder),
            scored=folder,
        )

    @property
    def synthetic(self) -> bool:
        """Whether the cells are synthetic."""
        return self.scored is not None

    @property
    def folder(self) -> Path | None:
        """Folder of the tables; None for a file."""
        return self.scored or (self.model.folder if self.model else None)

    @property
    def info(self) -> ModelInfo | None:
        """Of the model; None for a file."""
        return self.model.info if self.model else None


@dataclass(frozen=True)
class EvaluatedSplit:
    """The held-out, labelled cells of one split, with what no threshold moves; only to read."""

    table: pd.DataFrame  # predictions, numbered from 0
    sample: Sample  # the same as arrays, with their resamples
    evaluation: SplitEvaluation  # at the model's own threshold
    threshold_free: tuple[Estimate, ...]  # the estimates that no threshold moves
    label_errors: LabelErrors | None  # labels that may be wrong; None where a class is missing


_KEYS: dict[str | type[Any], Callable[[Any], Any]] = {
    PredictionSource: lambda source: source.digest
}


def predictions(source: PredictionSource) -> pd.DataFrame:
    """All predictions of a source; only to read.

    Raises:
        ModelError: the predictions are missing or damaged.
    """
    if source.imported is not None:
        return source.imported
    return _read_predictions(source)


def splits(source: PredictionSource) -> list[str]:
    """The splits that hold labelled cells, test first.

    Raises:
        ModelError: the predictions are missing or damaged.
        DataError: there is no labelled held-out cell.
    """
    held_out = model_evaluation.held_out_cells(predictions(source))
    return [name for name in model_evaluation.SPLITS if (held_out["split"] == name).any()]


def split_cells(source: PredictionSource, split: str) -> pd.DataFrame:
    """The labelled cells of one split; empty where there are none."""
    table = predictions(source)
    return table[(table["split"] == split) & table["label"].notna()]


@st.cache_resource(max_entries=16, show_spinner="Computing figures and intervals", hash_funcs=_KEYS)
def evaluate_split(source: PredictionSource, split: str) -> EvaluatedSplit:
    """The evaluation of one split.

    Raises:
        ModelError: the predictions are missing or damaged.
        DataError: they can't be evaluated.
    """
    table = split_cells(source, split).reset_index(drop=True)
    sample = model_evaluation.sample_of_predictions(table)
    evaluation = model_evaluation.evaluate_split(
        table,
        split,
        threshold=source.threshold,
        baseline_threshold=model_evaluation.baseline_threshold(split_cells(source, "validation")),
        sample=sample,
    )
    suspects = None
    if sample.labels.min() != sample.labels.max():
        suspects = label_errors.find_label_errors(
            labels=sample.labels,
            probabilities=sample.probabilities,
            subjects=None if sample.groups is None else table["subject"].to_numpy(dtype=str),
        )
    threshold_free = tuple(map(evaluation.estimate, estimates.THRESHOLD_FREE))
    return EvaluatedSplit(table, sample, evaluation, threshold_free, suspects)


def separate_subjects(source: PredictionSource) -> SubjectSeparation:
    """How far the held-out cells are of subjects that the model was not trained on.

    Raises:
        ModelError: the predictions are missing or damaged.
        DataError: there is no labelled held-out cell.
    """
    held_out = model_evaluation.held_out_cells(predictions(source))
    try:
        return model_evaluation.separate_subjects(held_out, source.info)
    except ModelError:  # model.json doesn't record the split
        return model_evaluation.separate_subjects(held_out, None)


def evaluate_model(model: InstalledModel) -> ModelEvaluation:
    """The evaluation of an installed model, of the splits that `evaluate_split` keeps.

    Raises:
        AllScopeError: as `evaluate_split`.
    """
    return _evaluate_model(PredictionSource.of_model(model))


def read_headline(model: InstalledModel) -> Headline:
    """The accuracies of the Home page.

    Raises:
        AllScopeError: as `evaluate_split`.
    """
    folders = (model.folder, model.folder.with_name(model.name + PAPER_SUFFIX))
    files = [folder / name for folder in folders for name in headline.FILES]
    content = b"".join(file.read_bytes() for file in files if file.is_file())
    return _read_headline(model.folder, hashlib.sha256(content).hexdigest())


@st.cache_data(max_entries=8, show_spinner=False)
def _read_headline(_folder: Path, digest: str) -> Headline:
    return headline.read_headline(_folder)


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=_KEYS)
def _read_predictions(source: PredictionSource) -> pd.DataFrame:
    assert source.folder is not None
    return model_folder.read_predictions(source.folder)


@st.cache_resource(max_entries=8, show_spinner="Computing figures and intervals", hash_funcs=_KEYS)
def _evaluate_model(source: PredictionSource) -> ModelEvaluation:
    assert source.info is not None
    evaluated = {name: evaluate_split(source, name).evaluation for name in splits(source)}
    return model_evaluation.combine_splits(evaluated, predictions(source), source.info)
