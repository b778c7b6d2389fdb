"""Predictions that someone brings as CSV or Parquet: read what can be used, say what can't.

A text that looks like a formula is a text.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from allcore import formats
from allcore.data import subjects, table_reader
from allcore.errors import DataError
from allcore.evaluation import outcomes
from allcore.labels import CLASS_PLURALS, LABEL_ALIASES
from allcore.model_folder import PREDICTION_COLUMNS

COLUMNS = {
    "image_id": ("image_id", "id", "image", "file", "filename", "file_name", "path"),
    "label": ("label", "target", "y_true", "class"),
    "probability": ("probability", "prob", "p", "score", "y_prob", "p_all"),
    "subject": ("subject", "patient", "patient_id", "subject_id"),
    "split": ("split",),
    "logit": ("logit",),
}
"""What each column may be called; the first that is there is taken."""
NEEDED = {"image_id": "image ids", "label": "labels", "probability": "probabilities"}
SPLITS = {
    "test": ("test", "testing"),
    "validation": ("validation", "val", "valid", "dev"),
    "train": ("train", "training"),
}
_ONE_CLASS = {
    "all": ("hem", "specificity"),
    "hem": ("all", "sensitivity"),
}
_SHOWN = 3  # entries named in a sentence


@dataclass(frozen=True)
class Problem:
    """Something of a file that a reader must know."""

    sentence: str
    rows: int  # it concerns


@dataclass(frozen=True)
class Brought:
    """Usable predictions, with the columns of `modelfolder.PREDICTION_COLUMNS`."""

    table: pd.DataFrame
    problems: tuple[Problem, ...]


def read(data: bytes, *, name: str) -> Brought:
    """Read a file of predictions: image id, label and probability, at best with subjects.

    Rows that can't be used are left out, each kind with a sentence that counts them. Cells count as
    test cells unless a column `split` says validation; training cells are left out.

    Args:
        data: the file's bytes, CSV (with commas, semicolons or tabs, in UTF-8) or Parquet.
        name: what to call the file in sentences.

    Raises:
        DataError: a file that is too large or can't be read, lacks a column, or has no usable row.
    """
    raw, broken = table_reader.columns(data, names=COLUMNS, needed=NEEDED, name=name)
    problems = [_left_out(broken, "with more entries than there are columns")] if broken else []
    usable = _Sieve(raw, problems)
    ids = usable.texts("image_id")
    usable.leave_out(ids == "", "without an image id")
    _labels(usable)
    _splits(usable)
    _probabilities(usable)
    _ids(usable)
    _duplicates(usable)
    if usable.table.empty:
        why = " ".join(problem.sentence for problem in usable.problems)
        raise DataError(f"No row of {name} can be used. {why}".rstrip())
    table = _finished(usable)
    return Brought(table, (*usable.problems, *_missing_figures(table)))


class _Sieve:
    """Rows that are still usable, and why others are not."""

    def __init__(self, table: pd.DataFrame, problems: list[Problem]) -> None:
        self.table = table
        self.problems = problems

    def texts(self, column: str) -> "pd.Series[str]":
        """A column without blanks around its entries; empty where nothing is."""
        return self.table[column].fillna("").astype(str).str.strip()

    def leave_out(self, rows: "pd.Series[bool]", what: str, examples: str = "") -> None:
        """Drop rows, with a sentence that counts them and shows entries of a column."""
        if not rows.any():
            return
        shown = f" ({_quoted(self.texts(examples)[rows])})" if examples else ""
        self.problems.append(_left_out(int(rows.sum()), f"{what}{shown}"))
        self.table = self.table[~rows]


def _left_out(rows: int, what: str) -> Problem:
    return Problem(f"Left out: {formats.count(rows, 'row')} {what}.", rows)


def _quoted(entries: "pd.Series[str]") -> str:
    different = list(dict.fromkeys(entries))
    shown = [f"'{each[:20]}'" for each in different[:_SHOWN]]
    return ", ".join(shown) + (" and others" if len(different) > _SHOWN else "")


def _labels(usable: _Sieve) -> None:
    given = usable.texts("label").str.lower()
    usable.leave_out(given == "", "without a label")
    label = usable.texts("label").str.lower().map(LABEL_ALIASES)
    usable.leave_out(label.isna(), "with a label that is neither ALL blast nor normal", "label")
    usable.table = usable.table.assign(label=label)


def _splits(usable: _Sieve) -> None:
    if "split" not in usable.table:
        usable.table = usable.table.assign(split="test")
        return
    known = {name: split for split, called in SPLITS.items() for name in called}
    given = usable.texts("split").str.lower()
    split = given.map(known).fillna("test")
    unknown = ~given.isin([*known, ""])
    if unknown.any():
        rows, shown = int(unknown.sum()), _quoted(given[unknown])
        sentence = (
            f"{formats.count(rows, 'row')} of an unknown split ({shown}): taken as test cells."
        )
        usable.problems.append(Problem(sentence, rows))
    usable.table = usable.table.assign(split=split)
    usable.leave_out(split == "train", "that the model was trained on")


def _probabilities(usable: _Sieve) -> None:
    value = pd.to_numeric(usable.texts("probability"), errors="coerce").astype(float)
    usable.leave_out(value.isna(), "whose probability is missing or no number")
    value = value[usable.table.index]
    usable.leave_out(~value.between(0, 1), "whose probability is not from 0 to 1", "probability")
    usable.table = usable.table.assign(probability=value)


def _ids(usable: _Sieve) -> None:
    """Ids as model folders have them, C-NMC's without folder and suffix, and paths as given.

    A column `named` gets the subject that C-NMC's names hold, or None.
    """
    given = usable.texts("image_id").tolist()
    plain = [each.replace("\\", "/") for each in given]
    parsed = [subjects.parse_name(each) for each in plain]
    ids = [
        PurePosixPath(path).stem if known else text
        for text, path, known in zip(given, plain, parsed, strict=True)
    ]
    named = pd.Series([known[0] if known else None for known in parsed], dtype=object)
    usable.table = usable.table.assign(image_id=ids, path=given, named=named.to_numpy())


def _duplicates(usable: _Sieve) -> None:
    said = ["image_id", "label", "probability", *(["subject"] if "subject" in usable.table else [])]
    again = usable.table.duplicated(said)
    if again.any():
        rows = int(again.sum())
        usable.problems.append(
            Problem(f"{formats.count(rows, 'row')} repeated word for word: merged.", rows)
        )
        usable.table = usable.table[~again]
    contradicting = usable.table["image_id"].duplicated(keep=False)
    usable.leave_out(contradicting, "that contradict another row of the same id", "image_id")


def _finished(usable: _Sieve) -> pd.DataFrame:
    """The usable rows with the columns of predictions."""
    table = usable.table.reset_index(drop=True)
    usable.table = table
    subject = _subjects(usable)
    probability = table["probability"].to_numpy(dtype=float)
    logit = outcomes.log_odds(probability)
    if "logit" in table:
        given = pd.to_numeric(usable.texts("logit"), errors="coerce").to_numpy(dtype=float)
        logit = np.where(np.isfinite(given), given, logit)
    table = table.assign(
        subject=subject,
        group=_groups(table["named"], subject),
        fold=-1,
        logit=logit,
        baseline_probability=np.nan,
    )
    return table[list(PREDICTION_COLUMNS)]


def _subjects(usable: _Sieve) -> "pd.Series[str]":
    """The subject of each row, from C-NMC's file names where no column has them."""
    given = usable.texts("subject") if "subject" in usable.table else None
    named = usable.table["named"]
    rows = len(named)
    if given is not None and (given != "").any():
        subject = given.mask(given == "").astype(object)
        if subject.isna().any():
            lacking = int(subject.isna().sum())
            sentence = (
                f"{formats.count(lacking, 'row')} without a subject: no interval over subjects can "
                "be given."
            )
            usable.problems.append(Problem(sentence, lacking))
        return subject
    if named.notna().all():
        usable.problems.append(Problem("Subjects were read from C-NMC's file names.", rows))
        return named
    sentence = (
        f"There is no column for subjects ({', '.join(COLUMNS['subject'])}): no interval over "
        "subjects can be given."
    )
    usable.problems.append(Problem(sentence, rows))
    return pd.Series([None] * rows, dtype=object)


def _groups(named: "pd.Series[str]", subject: "pd.Series[str]") -> "pd.Series[str]":
    """C-NMC's subjects by the person behind them; a subject of other data is its own."""
    merged = {name: subjects.group_of(name) for name in named.dropna().unique()}
    return subject.where(subject != named, named.map(merged))


def _missing_figures(table: pd.DataFrame) -> list[Problem]:
    """What can't be shown of these cells."""
    found = []
    labels, who = set(table["label"]), set(table["group"])
    for label, (other, figure) in _ONE_CLASS.items():
        if labels == {label}:
            found.append(
                f"All cells are {CLASS_PLURALS[label]}: without {CLASS_PLURALS[other]} there is no "
                f"{figure}, balanced accuracy, AUROC, AUPRC, Matthews correlation or kappa."
            )
    if len(who) == 1 and table["group"].notna().all():
        shown = _quoted(table["group"])
        found.append(
            f"All cells are of one subject ({shown}): no interval over subjects can be given."
        )
    return [Problem(sentence, len(table)) for sentence in found]
