"""Import of any model's predictions from CSV or Parquet, with a report of unusable rows."""

from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from allcore import formats
from allcore.data import subjects, table_reader
from allcore.data.splits import SPLIT_ALIASES
from allcore.data.table_reader import Schema
from allcore.errors import DataError
from allcore.labels import CLASS_PLURALS, LABEL_ALIASES

PREDICTION_COLUMNS = (
    "image_id", "path", "subject", "group", "label", "split", "fold",
    "logit", "probability", "baseline_probability",
)  # fmt: skip
"""Columns of a table of predictions, in model folders and here."""

SCHEMA = Schema(
    names={
        "image_id": ("image_id", "id", "image", "file", "filename", "file_name", "path"),
        "label": ("label", "target", "y_true", "class"),
        "probability": ("probability", "prob", "p", "score", "y_prob", "p_all"),
        "subject": ("subject", "patient", "patient_id", "subject_id"),
        "split": ("split",),
        "logit": ("logit",),
    },
    required={"image_id": "image ids", "label": "labels", "probability": "probabilities"},
    skip_long_lines=True,
)
_SINGLE_CLASS = {"all": ("hem", "specificity"), "hem": ("all", "sensitivity")}
_EXAMPLES = 3  # entries quoted in a sentence
_SMALLEST = 1e-12  # distance from 0 and 1 at which probabilities are clipped for their log-odds


@dataclass(frozen=True)
class ImportProblem:
    """A sentence on rows that are left out, are changed, or limit the evaluation."""

    sentence: str
    rows: int  # number of affected rows


@dataclass(frozen=True)
class ImportedPredictions:
    """Usable predictions (columns ``PREDICTION_COLUMNS``) and the problems of the import."""

    table: pd.DataFrame
    problems: tuple[ImportProblem, ...]


def read(data: bytes, *, name: str) -> ImportedPredictions:
    """Read a file of predictions: image id, label and probability, optionally with subjects.

    Unusable rows are left out and counted by reason. A row is a test cell unless a column `split`
    says validation; training cells are left out.

    Args:
        data: the file's bytes, CSV (with commas, semicolons or tabs, in UTF-8) or Parquet.
        name: of the file in sentences.

    Raises:
        DataError: the file is too large, can't be read, lacks a column, or has no usable row.
    """
    source = table_reader.read(data, SCHEMA, name=name)
    rows = _Rows(source.rows)
    if source.decimal_comma:
        for column in rows.table.columns.intersection(["probability", "logit"]):
            rows.table[column] = rows.table[column].str.replace(",", ".")
    if source.long_lines:
        rows.report_dropped(source.long_lines, "with more entries than there are columns")
    rows.drop(rows.texts("image_id") == "", "without an image id")
    rows.drop(rows.texts("label") == "", "without a label")
    label = rows.texts("label").str.lower().map(LABEL_ALIASES)
    rows.drop(label.isna(), "with a label that is neither ALL blast nor normal", "label")
    rows.table = rows.table.assign(label=label)
    _parse_splits(rows)
    values = pd.to_numeric(rows.texts("probability"), errors="coerce").astype(float)
    rows.drop(values.isna(), "whose probability is missing or no number")
    values = values[rows.table.index]
    rows.drop(~values.between(0, 1), "whose probability is not from 0 to 1", "probability")
    rows.table = rows.table.assign(probability=values)
    _parse_ids(rows)
    _drop_duplicates(rows)
    if rows.table.empty:
        reasons = " ".join(problem.sentence for problem in rows.problems)
        raise DataError(f"No row of {name} can be used. {reasons}".rstrip())
    table = _prediction_table(rows)
    _report_missing_estimates(rows, table)
    return ImportedPredictions(table, tuple(rows.problems))


class _Rows:
    """The usable rows and the problems of the others."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table
        self.problems: list[ImportProblem] = []

    def texts(self, column: str) -> "pd.Series[str]":
        """Return a column stripped of blanks; missing entries are empty."""
        return self.table[column].fillna("").astype(str).str.strip()

    def report(self, sentence: str, count: int | None = None) -> None:
        """Add a problem of ``count`` rows, by default of all."""
        self.problems.append(ImportProblem(sentence, len(self.table) if count is None else count))

    def report_dropped(self, count: int, reason: str) -> None:
        """Add the problem of dropped rows."""
        self.report(f"Left out: {formats.count(count, 'row')} {reason}.", count)

    def drop(self, mask: "pd.Series[bool]", reason: str, examples: str = "") -> None:
        """Drop rows and report their number, with examples of a column."""
        if mask.any():
            quoted = f" ({_quoted(self.texts(examples)[mask])})" if examples else ""
            self.report_dropped(int(mask.sum()), f"{reason}{quoted}")
            self.table = self.table[~mask]


def _quoted(entries: "pd.Series[str]") -> str:
    different = list(dict.fromkeys(entries))
    quoted = ", ".join(f"'{entry[:20]}'" for entry in different[:_EXAMPLES])
    return quoted + (" and others" if len(different) > _EXAMPLES else "")


def _parse_splits(rows: _Rows) -> None:
    if "split" not in rows.table:
        rows.table = rows.table.assign(split="test")
        return
    texts = rows.texts("split").str.lower()
    unknown = ~texts.isin([*SPLIT_ALIASES, ""])
    if unknown.any():
        count = int(unknown.sum())
        rows.report(
            f"{formats.count(count, 'row')} of an unknown split ({_quoted(texts[unknown])}): taken "
            "as test cells.",
            count,
        )
    rows.table = rows.table.assign(split=texts.map(SPLIT_ALIASES).fillna("test"))
    rows.drop(rows.table["split"] == "train", "that the model was trained on")


def _parse_ids(rows: _Rows) -> None:
    """Normalise ids as in model folders: C-NMC names without folder and suffix; keep the paths.

    A column `cnmc_subject` gets the subject of C-NMC names, or None.
    """
    paths = rows.texts("image_id").tolist()
    parsed = [subjects.parse_name(path.replace("\\", "/")) for path in paths]
    ids = [
        PurePosixPath(path.replace("\\", "/")).stem if match else path
        for path, match in zip(paths, parsed, strict=True)
    ]
    named = np.array([match[0] if match else None for match in parsed], dtype=object)
    rows.table = rows.table.assign(image_id=ids, path=paths, cnmc_subject=named)


def _drop_duplicates(rows: _Rows) -> None:
    columns = ["image_id", "label", "probability", "subject"]
    repeated = rows.table.duplicated([name for name in columns if name in rows.table])
    if repeated.any():
        count = int(repeated.sum())
        rows.report(f"{formats.count(count, 'row')} repeated word for word: merged.", count)
        rows.table = rows.table[~repeated]
    contradicting = rows.table["image_id"].duplicated(keep=False)
    rows.drop(contradicting, "that contradict another row of the same id", "image_id")


def _prediction_table(rows: _Rows) -> pd.DataFrame:
    table = rows.table = rows.table.reset_index(drop=True)
    subject = _subjects(rows)
    # C-NMC's subject ids are grouped by person; a subject of other data is its own group.
    cnmc = table["cnmc_subject"]
    groups = {name: subjects.group_of(name) for name in cnmc.dropna().unique()}
    probability = table["probability"].to_numpy(dtype=float)
    clipped = np.clip(probability, _SMALLEST, 1 - _SMALLEST)
    logit = np.log(clipped) - np.log1p(-clipped)
    if "logit" in table:
        read = pd.to_numeric(rows.texts("logit"), errors="coerce").to_numpy(dtype=float)
        logit = np.where(np.isfinite(read), read, logit)
    table = table.assign(
        subject=subject,
        group=subject.where(subject != cnmc, cnmc.map(groups)),
        fold=-1,
        logit=logit,
        baseline_probability=np.nan,
    )
    return table[list(PREDICTION_COLUMNS)]


def _subjects(rows: _Rows) -> "pd.Series[str]":
    """Return the subject of each row, parsed from C-NMC file names without a subject column."""
    texts = rows.texts("subject") if "subject" in rows.table else pd.Series(dtype=object)
    if (texts != "").any():
        subject = texts.mask(texts == "").astype(object)
        if lacking := int(subject.isna().sum()):
            rows.report(
                f"{formats.count(lacking, 'row')} without a subject: no interval over subjects can "
                "be given.",
                lacking,
            )
        return subject
    named = rows.table["cnmc_subject"]
    if named.notna().all():
        rows.report("Subjects were read from C-NMC's file names.")
        return named
    rows.report(
        f"There is no column for subjects ({', '.join(SCHEMA.names['subject'])}): no interval over "
        "subjects can be given."
    )
    return pd.Series([None] * len(named), dtype=object)


def _report_missing_estimates(rows: _Rows, table: pd.DataFrame) -> None:
    """Report estimates that need both classes or several subjects."""
    for label, (other, estimate) in _SINGLE_CLASS.items():
        if set(table["label"]) == {label}:
            rows.report(
                f"All cells are {CLASS_PLURALS[label]}: without {CLASS_PLURALS[other]} there is no "
                f"{estimate}, balanced accuracy, AUROC, AUPRC, Matthews correlation or kappa."
            )
    if table["group"].nunique(dropna=False) == 1 and table["group"].notna().all():
        rows.report(
            f"All cells are of one subject ({_quoted(table['group'])}): no interval over subjects "
            "can be given."
        )
