"""The evaluation of one model: every figure with its intervals, test and validation apart."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore import formats
from allcore.errors import DataError, ModelError
from allcore.evaluation import conformal, metrics, subjects, thresholds
from allcore.evaluation import estimates as figures
from allcore.evaluation.conformal import Coverage, Sets
from allcore.evaluation.estimates import Estimate, Sample
from allcore.evaluation.metrics import Confusion, Floats
from allcore.evaluation.subjects import SubjectRow
from allcore.labels import LABELS
from allcore.model_folder import ModelInfo

SPLITS = ("test", "validation")
# With fewer subjects of a class, an interval over subjects is itself only a rough guess.
FEW_SUBJECTS = 5


@dataclass(frozen=True)
class ClassCount:
    """How much there is of one class; `subjects` is None where they are unknown."""

    cells: int
    subjects: int | None


@dataclass(frozen=True)
class SplitEvaluation:
    """The held-out cells of one split."""

    split: str
    blast: ClassCount
    normal: ClassCount
    confusion: Confusion
    estimates: tuple[Estimate, ...]
    baseline: tuple[Estimate, ...]  # of area and brightness alone; empty where it wasn't predicted
    subjects: tuple[SubjectRow, ...]  # worst first; empty where subjects are unknown
    notes: tuple[str, ...]  # what a reader must know about these figures

    @property
    def cells(self) -> int:
        """Cells of both classes."""
        return self.blast.cells + self.normal.cells

    @property
    def independent_subjects(self) -> int | None:
        """Independent subjects of both classes, None where they are unknown."""
        if self.blast.subjects is None or self.normal.subjects is None:
            return None
        return self.blast.subjects + self.normal.subjects

    @property
    def size_text(self) -> str:
        """How many cells of how many subjects it has."""
        cells = formats.count(self.cells, "cell")
        if self.blast.subjects is None or self.normal.subjects is None:
            return cells
        return (
            f"{cells} of {self.blast.subjects} independent ALL and {self.normal.subjects} normal "
            "subjects"
        )

    def estimate(self, name: str) -> Estimate:
        """One figure by its key in `metrics.TITLES`."""
        return next(estimate for estimate in self.estimates if estimate.name == name)


@dataclass(frozen=True)
class ModelEvaluation:
    """The evaluation of one model; a split that holds no cells is None."""

    model: str
    weights_sha256: str
    split_kind: str  # 'subject' or 'image'
    temperature: float
    threshold: float
    threshold_rule: str
    baseline_threshold: float
    test: SplitEvaluation | None
    validation: SplitEvaluation | None
    coverage: tuple[Coverage, ...] = ()  # of each of `conformal.RULES`; empty where none is known


def evaluate_model(predictions: pd.DataFrame, info: ModelInfo) -> ModelEvaluation:
    """Evaluate held-out predictions at the model's own threshold.

    Args:
        predictions: the columns of `PREDICTION_COLUMNS`; subjects and the baseline may
            be missing values.
        info: the model that predicted them.

    Raises:
        DataError: no labelled prediction of the test or validation split, or unusable values.
    """
    held_out = predictions[predictions["split"].isin(SPLITS) & predictions["label"].notna()]
    if held_out.empty:
        raise DataError(
            "There is no labelled held-out prediction: run 'python -m allcore evaluate' on a data "
            "set with labels."
        )
    parts = {name: held_out[held_out["split"] == name] for name in SPLITS}
    cut = baseline_threshold(parts["validation"])
    done = {
        name: None
        if part.empty
        else evaluate_split(part, name, threshold=info.threshold, baseline_threshold=cut)
        for name, part in parts.items()
    }
    return ModelEvaluation(
        model=info.name,
        weights_sha256=info.weights_sha256,
        split_kind=info.split_kind,
        temperature=info.temperature,
        threshold=info.threshold,
        threshold_rule=info.threshold_rule,
        baseline_threshold=cut,
        test=done["test"],
        validation=done["validation"],
        coverage=_coverage(held_out, info),
    )


def prediction_sets(predictions: pd.DataFrame, info: ModelInfo) -> Sets | None:
    """The prediction sets that held-out predictions give; None where a class is missing.

    Takes milliseconds, so it is done whenever a model is opened and kept nowhere.

    Raises:
        DataError: values that are no labels or no probabilities.
        ModelError: model.json doesn't say how the data was split.
    """
    held_out = predictions[predictions["split"].isin(SPLITS) & predictions["label"].notna()]
    if held_out["label"].nunique() < 2:
        return None
    return Sets.fit(sample_of_predictions(held_out), new_subjects=info.split_kind == "subject")


def trained_on_test_subjects(info: ModelInfo | None) -> bool:
    """Whether the model is known to have been trained on other cells of its test subjects."""
    try:
        return info is not None and info.split_kind == "image"
    except ModelError:
        return False


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
    """(N,) the independent subject group of each cell, or None where any subject is unknown."""
    if table["subject"].isna().any():
        return None
    return np.asarray(table["group"].fillna(table["subject"]), dtype=str)


def sample_of_predictions(table: pd.DataFrame, column: str = "probability") -> Sample:
    """The cells of a predictions table, ready for `figures`.

    Raises:
        DataError: values that are no labels or no probabilities.
    """
    return figures.make_sample(
        labels=labels_array(table),
        probabilities=table[column].to_numpy(dtype=float),
        subjects=subject_groups(table),
    )


def evaluate_split(
    table: pd.DataFrame, split: str, *, threshold: float, baseline_threshold: float
) -> SplitEvaluation:
    """Evaluate the labelled cells of one split.

    Args:
        table: the split's predictions.
        split: its name, a key of `words.SPLITS`.
        threshold: of the model.
        baseline_threshold: of the area and brightness, from `baseline_threshold`.

    Raises:
        DataError: values that are no labels or no probabilities.
    """
    cells = sample_of_predictions(table)
    has_baseline = table["baseline_probability"].notna().all()
    baseline = sample_of_predictions(table, "baseline_probability") if has_baseline else None
    blast, normal = _class_count(table, "all"), _class_count(table, "hem")
    return SplitEvaluation(
        split=split,
        blast=blast,
        normal=normal,
        confusion=metrics.confusion(
            labels=cells.labels, probabilities=cells.probabilities, threshold=threshold
        ),
        estimates=_all_figures(cells, threshold),
        baseline=() if baseline is None else _all_figures(baseline, baseline_threshold),
        subjects=_subject_rows(table, cells.labels, cells.probabilities, threshold),
        notes=_notes(split, blast, normal),
    )


def _all_figures(cells: Sample, threshold: float) -> tuple[Estimate, ...]:
    return figures.at_threshold(cells, threshold) + figures.threshold_free(cells)


def _subject_rows(
    table: pd.DataFrame, labels: NDArray[np.integer], probabilities: Floats, threshold: float
) -> tuple[SubjectRow, ...]:
    if table["subject"].isna().any():
        return ()
    return subjects.rows(
        labels=labels,
        probabilities=probabilities,
        subjects=np.asarray(table["subject"], dtype=str),
        threshold=threshold,
    )


def _coverage(held_out: pd.DataFrame, info: ModelInfo) -> tuple[Coverage, ...]:
    """How sets do that come from other folds or, where there is one fold, the other split."""
    column = "fold" if held_out["fold"].nunique() > 1 else "split"
    units = subject_groups(held_out)
    return conformal.table(
        sample_of_predictions(held_out),
        held_out[column].factorize()[0],
        None if units is None else np.asarray(held_out["subject"], dtype=str),
        new_subjects=info.split_kind == "subject",
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
    """The baseline's own operating point, by the same rule; 0.5 without validation cells."""
    table = validation[validation["baseline_probability"].notna()]
    if table["label"].nunique() < 2:
        return 0.5
    return thresholds.weighted_f1_optimal(
        labels_array(table),
        table["baseline_probability"].to_numpy(dtype=float),
        subject_groups(table),
    ).value
