"""Evaluation of one model: estimates with intervals, for test and validation separately."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore import formats
from allcore.data import subjects as subject_names
from allcore.data.splits import PARTS
from allcore.data.subject_separation import SubjectSeparation
from allcore.errors import DataError
from allcore.evaluation import conformal, estimates, subjects, thresholds
from allcore.evaluation.conformal import Coverage, PredictionSets
from allcore.evaluation.estimates import Estimate, Sample
from allcore.evaluation.metrics import Confusion
from allcore.evaluation.subjects import SubjectRow
from allcore.labels import LABELS
from allcore.model_folder import ModelInfo

SPLITS = ("test", "validation")
# With fewer subjects of a class, an interval over subjects is only a rough guess.
FEW_SUBJECTS = 5


@dataclass(frozen=True)
class ClassCount:
    """Number of cells and subjects of one class; `subjects` is None where unknown."""

    cells: int
    subjects: int | None


@dataclass(frozen=True)
class SplitEvaluation:
    """Evaluation of the held-out cells of one split."""

    split: str
    blast: ClassCount
    normal: ClassCount
    confusion: Confusion
    estimates: tuple[Estimate, ...]
    baseline: tuple[Estimate, ...]  # of area and brightness alone; empty without its predictions
    subjects: tuple[SubjectRow, ...]  # worst first; empty where subjects are unknown
    notes: tuple[str, ...]  # caveats for the reader

    @property
    def cells(self) -> int:
        """Number of cells of both classes."""
        return self.blast.cells + self.normal.cells

    @property
    def independent_subjects(self) -> int | None:
        """Number of independent subjects of both classes; None where unknown."""
        if self.blast.subjects is None or self.normal.subjects is None:
            return None
        return self.blast.subjects + self.normal.subjects

    @property
    def size_text(self) -> str:
        """Number of cells and of subjects, in words."""
        cells = formats.count(self.cells, "cell")
        if self.independent_subjects is None:
            return cells
        blast, normal = self.blast.subjects, self.normal.subjects
        return f"{cells} of {blast} independent ALL and {normal} normal subjects"

    def estimate(self, name: str) -> Estimate:
        """Return one estimate by its key in `metrics.TITLES`."""
        return next(estimate for estimate in self.estimates if estimate.name == name)


@dataclass(frozen=True)
class ModelEvaluation:
    """Evaluation of one model; a split without cells is None."""

    model: str
    weights_sha256: str
    separation: SubjectSeparation  # of the subjects of training and of the held-out cells
    temperature: float
    threshold: float
    threshold_rule: str
    baseline_threshold: float
    test: SplitEvaluation | None
    validation: SplitEvaluation | None
    coverage: tuple[Coverage, ...] = ()  # of each of `conformal.RULES`; empty where unknown
    external: bool = False  # whether the cells are of other data than the model's split


def evaluate_model(predictions: pd.DataFrame, info: ModelInfo) -> ModelEvaluation:
    """Evaluate held-out predictions at the model's own threshold.

    Args:
        predictions: the columns of `PREDICTION_COLUMNS`; subjects and the baseline may be missing
            values.
        info: the model of the predictions.

    Raises:
        DataError: no labelled prediction of the test or validation split, or invalid values.
    """
    by_split = dict(list(held_out_cells(predictions).groupby("split")))
    cut = baseline_threshold(by_split.get("validation", predictions.head(0)))
    splits = {
        str(name): evaluate_split(
            table, str(name), threshold=info.threshold, baseline_threshold=cut
        )
        for name, table in by_split.items()
    }
    return combine_splits(splits, predictions, info)


def combine_splits(
    splits: Mapping[str, SplitEvaluation], predictions: pd.DataFrame, info: ModelInfo
) -> ModelEvaluation:
    """Combine the evaluations of the splits, each at the model's own threshold."""
    held_out = held_out_cells(predictions)
    return ModelEvaluation(
        model=info.name,
        weights_sha256=info.weights_sha256,
        separation=separate_subjects(held_out, info),
        temperature=info.temperature,
        threshold=info.threshold,
        threshold_rule=info.threshold_rule,
        baseline_threshold=baseline_threshold(held_out[held_out["split"] == "validation"]),
        test=splits.get("test"),
        validation=splits.get("validation"),
        coverage=_coverage(held_out, info),
        external=is_external(held_out, info),
    )


def held_out_cells(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the labelled predictions of the test and validation splits.

    Raises:
        DataError: there are none.
    """
    table = predictions[predictions["split"].isin(SPLITS) & predictions["label"].notna()]
    if table.empty:
        raise DataError(
            "There is no labelled held-out prediction: run 'python -m allcore evaluate' on a data "
            "set with labels."
        )
    return table


def prediction_sets(predictions: pd.DataFrame, info: ModelInfo) -> PredictionSets | None:
    """Compute prediction sets from held-out predictions; None where a class is missing.

    This takes milliseconds, so the sets are computed whenever a model is loaded and never stored.

    Raises:
        DataError: invalid labels or probabilities.
        ModelError: model.json lacks the split.
    """
    held_out = predictions[predictions["split"].isin(SPLITS) & predictions["label"].notna()]
    if held_out["label"].nunique() < 2:
        return None
    return PredictionSets.fit(
        sample_of_predictions(held_out), new_subjects=separate_subjects(held_out, info).new_subjects
    )


def separate_subjects(held_out: pd.DataFrame, info: ModelInfo | None) -> SubjectSeparation:
    """Compare the subjects of held-out cells with those that the model was trained on.

    Cells of the model's own split are judged by that split. Other cells, and the folds of an
    out-of-fold model, are judged by the names of their subjects.

    Args:
        held_out: predictions, with ``subject`` and ``group``.
        info: the model; None where it is not known, as of an imported file.

    Raises:
        ModelError: model.json lacks the split.
    """
    missing = int(held_out["subject"].isna().sum())
    if info is None:
        return SubjectSeparation(unknown=missing, trained=False)
    trained, split = info.separation, info.training["split"]
    groups = set(held_out["group"].fillna(held_out["subject"])[held_out["subject"].notna()])
    if is_external(held_out, info):
        known = trained.groups and not trained.unknown
        return SubjectSeparation((), len(groups), missing, trained=bool(known))
    shared = set(trained.shared)
    if not info.training.get("out_of_fold"):
        shared |= groups & set(map(subject_names.group_of, split.get("train", ())))
    return SubjectSeparation(tuple(sorted(shared)), trained.groups, max(missing, trained.unknown))


def is_external(held_out: pd.DataFrame, info: ModelInfo) -> bool:
    """Whether no evaluated cell can be of the model's split, by its subject.

    The subjects of the split are all recorded, or some evaluated ones are, and they have no name in
    common.

    Raises:
        ModelError: model.json lacks the split.
    """
    split, trained = info.training["split"], info.separation
    names = {name for part in PARTS for name in split.get(part, ())}
    found = set(held_out["subject"].dropna())
    complete = bool(names) and not trained.unknown
    return not found & names and (bool(found) or complete)


def labels_array(table: pd.DataFrame) -> NDArray[np.int64]:
    """(N,) 1 for an ALL blast, 0 for a normal cell.

    Raises:
        DataError: another label.
    """
    known = table["label"].isin(LABELS)
    if not known.all():
        raise DataError(
            f"The label '{table.loc[~known, 'label'].iloc[0]}' is not known: labels are 'all' and "
            "'hem'."
        )
    return (table["label"] == "all").to_numpy().astype(np.int64)


def subject_groups(table: pd.DataFrame) -> NDArray[np.str_] | None:
    """(N,) independent subject group of each cell, or None where any subject is unknown."""
    if table["subject"].isna().any():
        return None
    return np.asarray(table["group"].fillna(table["subject"]), dtype=str)


def sample_of_predictions(table: pd.DataFrame, column: str = "probability") -> Sample:
    """Convert a predictions table to arrays with their resamples.

    Raises:
        DataError: invalid labels or probabilities.
    """
    return estimates.make_sample(
        labels=labels_array(table),
        probabilities=table[column].to_numpy(dtype=float),
        subjects=subject_groups(table),
    )


def evaluate_split(
    table: pd.DataFrame,
    split: str,
    *,
    threshold: float,
    baseline_threshold: float,
    sample: Sample | None = None,
) -> SplitEvaluation:
    """Evaluate the labelled cells of one split.

    Args:
        table: predictions of the split.
        split: its name, a key of `formats.SPLITS`.
        threshold: threshold of the model.
        baseline_threshold: threshold of area and brightness, from `baseline_threshold`.
        sample: the same cells from `sample_of_predictions`, if already computed.

    Raises:
        DataError: invalid labels or probabilities.
    """
    cells = sample or sample_of_predictions(table)
    has_baseline = table["baseline_probability"].notna().all()
    baseline = sample_of_predictions(table, "baseline_probability") if has_baseline else None
    blast, normal = _class_count(table, "all"), _class_count(table, "hem")
    return SplitEvaluation(
        split=split,
        blast=blast,
        normal=normal,
        confusion=cells.confusion(threshold),
        estimates=estimates.all_estimates(cells, threshold),
        baseline=() if baseline is None else estimates.all_estimates(baseline, baseline_threshold),
        subjects=subject_rows(table, cells, threshold),
        notes=_notes(split, blast, normal),
    )


def subject_rows(table: pd.DataFrame, cells: Sample, threshold: float) -> tuple[SubjectRow, ...]:
    """One row per subject, lowest accuracy first; empty where subjects are unknown."""
    if cells.groups is None:
        return ()
    return subjects.subject_rows(
        labels=cells.labels,
        probabilities=cells.probabilities,
        subjects=np.asarray(table["subject"], dtype=str),
        threshold=threshold,
    )


def _coverage(held_out: pd.DataFrame, info: ModelInfo) -> tuple[Coverage, ...]:
    """Coverage of sets with limits from the other folds or, with one fold, from the other split."""
    column = "fold" if held_out["fold"].nunique() > 1 else "split"
    groups = subject_groups(held_out)
    return conformal.coverage_by_rule(
        sample_of_predictions(held_out),
        held_out[column].factorize()[0],
        None if groups is None else np.asarray(held_out["subject"], dtype=str),
        new_subjects=separate_subjects(held_out, info).new_subjects,
    )


def _class_count(table: pd.DataFrame, label: str) -> ClassCount:
    known = not table["subject"].isna().any()
    part = table[table["label"] == label]
    return ClassCount(len(part), int(part["group"].nunique()) if known else None)


def _notes(split: str, blast: ClassCount, normal: ClassCount) -> tuple[str, ...]:
    notes = []
    if split == "validation":
        notes.append("Threshold and temperature were chosen on these cells, which flatters them.")
    if not blast.cells:
        notes.append("There are only normal cells here: figures that need ALL blasts are missing.")
    if not normal.cells:
        notes.append("There are only ALL blasts here: figures that need normal cells are missing.")
    if blast.subjects is None:
        notes.append("Subjects are unknown here, so no interval over subjects can be given.")
    for count, name in ((blast, "ALL"), (normal, "normal")):
        if count.cells and count.subjects is not None and count.subjects < FEW_SUBJECTS:
            have = formats.count(count.subjects, f"independent {name} subject")
            notes.append(f"Only {have}: take the intervals over subjects as a rough guess.")
    return tuple(notes)


def baseline_threshold(validation: pd.DataFrame) -> float:
    """Threshold of the baseline, by the same rule; 0.5 without validation cells of both classes."""
    table = validation[validation["baseline_probability"].notna()]
    if table["label"].nunique() < 2:
        return 0.5
    return thresholds.choose_threshold(
        "weighted_f1",
        labels_array(table),
        table["baseline_probability"].to_numpy(dtype=float),
        subject_groups(table),
    ).value
