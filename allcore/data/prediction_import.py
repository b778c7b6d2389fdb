"""Import of any model's predictions from CSV or Parquet, with a report of unusable rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from allcore import formats
from allcore.data import label_choice, score_columns, subjects, table_reader
from allcore.data.label_choice import LabelChoice
from allcore.data.score_columns import ScoreMeaning
from allcore.data.splits import PARTS, parse_part
from allcore.data.table_reader import (
    FILE_NAMES,
    LABEL_NAMES,
    SPLIT_NAMES,
    SUBJECT_NAMES,
    Schema,
)  # fmt: skip
from allcore.errors import DataError
from allcore.labels import CLASS_PLURALS, Label, label_key, parse_label

PREDICTION_COLUMNS = (
    "image_id", "path", "subject", "group", "label", "split", "fold",
    "logit", "probability", "baseline_probability",
)  # fmt: skip
"""Columns of a table of predictions, in model folders and here."""

SCHEMA = Schema(
    names={
        "image_id": ("image id", "id", *FILE_NAMES),
        "label": LABEL_NAMES,
        "probability": ("probability", "prob", "p", "score", "p_all", "prob_hem"),
        "complement": (),
        "subject": SUBJECT_NAMES,
        "split": SPLIT_NAMES,
        "logit": ("logit",),
    },
    required={"image_id": "image ids", "label": "labels", "probability": "probabilities"},
)
COLUMN_TITLES = {
    "image_id": "Image", "label": "Actual", "probability": "Probability", "subject": "Subject",
    "split": "Split",
}  # fmt: skip
"""Columns whose heading can be chosen, and their titles."""
_SINGLE_CLASS = {"all": ("hem", "specificity"), "hem": ("all", "sensitivity")}
_EXAMPLES = 3  # entries quoted in a sentence
_OTHER: dict[str, str] = {"all": "hem", "hem": "all"}
_ROUNDING = 0.02  # by which two probabilities may not add up to 1
_SAME_ORDER = 0.99  # least rank correlation of logits with their probabilities
_SMALLEST = 1e-12  # distance from 0 and 1 at which probabilities are clipped for their log-odds


@dataclass(frozen=True)
class ImportProblem:
    """A sentence on rows that are left out, are changed, or limit the evaluation."""

    sentence: str
    rows: int  # number of affected rows


@dataclass(frozen=True)
class ImportChoices:
    """What somebody decided on a file; the rest is recognised."""

    # heading of a column of ``COLUMN_TITLES``, or None to do without it
    columns: Mapping[str, str | None] = field(default_factory=dict)
    meaning: ScoreMeaning | None = None  # of the column of probabilities
    # class of each label, or that those in file names count
    labels: LabelChoice = field(default_factory=LabelChoice)

    @property
    def codes(self) -> dict[str, Label | None]:
        """Chosen class of labels by ``label_key``; None for those that tell no class."""
        return {label_key(word): label for word, label in self.labels.classes}


@dataclass(frozen=True)
class ImportedPredictions:
    """Predictions of a file."""

    table: pd.DataFrame  # usable predictions, with ``PREDICTION_COLUMNS``
    problems: tuple[ImportProblem, ...]  # of the import
    columns: Mapping[str, str]  # heading of each column that was taken
    coded: bool = False  # whether all labels are written 0 and 1

    @property
    def columns_text(self) -> str:
        """The columns that were taken, in words."""
        taken = (
            f"{title.lower()} '{self.columns[column]}'"
            for column, title in COLUMN_TITLES.items()
            if column in self.columns
        )
        codes = " 1 is read as ALL blast and 0 as normal." if self.coded else ""
        return f"Columns: {', '.join(taken)}.{codes}"


def read(
    data: bytes, *, name: str, choices: ImportChoices = ImportChoices()
) -> ImportedPredictions:
    """Read a file of predictions: image id, label and probability, optionally with subjects.

    Rows without an id, label or probability are left out and counted. A column with labels or
    numbers that can't be read is refused as a whole, and so are labels that contradict C-NMC's file
    names. A row is a test cell unless a column `split` says validation; training cells are left
    out.

    Args:
        data: the file's bytes, CSV or Parquet (``table_reader``).
        name: of the file in sentences.
        choices: on its columns and labels.

    Raises:
        DataError: the file is too large, can't be read, lacks a column, has no usable row, or can
            be read in several ways.
    """
    headings = table_reader.headings(data, SCHEMA, name=name)
    columns = recognise(headings, choices)
    rows = _Rows(table_reader.read(data, SCHEMA, name=name, columns=columns).rows)
    rows.drop(rows.table["image_id"].isna(), "without an image id")
    rows.drop(rows.table["label"].isna(), "without a label")
    keys = {label_key(word) for word in rows.table["label"].unique()}
    coded = bool(keys) and keys <= {"0", "1"} - choices.codes.keys()
    _parse_labels(rows, choices)
    _parse_probabilities(rows, columns, choices)  # of all parts: a column has one scale
    _parse_splits(rows)
    _parse_ids(rows)
    _drop_duplicates(rows)
    if rows.table.empty:
        reasons = " ".join(problem.sentence for problem in rows.problems)
        raise DataError(f"No row of {name} can be used. {reasons or 'It has no rows.'}")
    table = _prediction_table(rows)
    _report_missing_estimates(rows, table)
    return ImportedPredictions(table, tuple(rows.problems), columns, coded)


def recognise(headings: Sequence[str], choices: ImportChoices = ImportChoices()) -> dict[str, str]:
    """Return the heading of each column of ``SCHEMA`` that a file has."""
    columns: dict[str, str | None] = {**table_reader.recognise(headings, SCHEMA)}
    codes = choices.codes
    columns["probability"] = score_columns.probability_heading(headings, codes)
    columns |= choices.columns
    chosen = choices.meaning or "probability" in choices.columns
    if not chosen:
        columns["complement"] = score_columns.complement_heading(headings, codes)
    if columns.get("complement") == columns["probability"]:
        columns["complement"] = None
    return {column: heading for column, heading in columns.items() if heading is not None}


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

    def drop(self, mask: "pd.Series[bool]", reason: str, examples: str = "") -> None:
        """Drop rows and report their number, with examples of a column."""
        if count := int(mask.sum()):
            quoted = f" ({_quoted(self.texts(examples)[mask])})" if examples else ""
            self.report(f"Left out: {formats.count(count, 'row')} {reason}{quoted}.", count)
            self.table = self.table[~mask]


def _quoted(entries: "pd.Series[str]") -> str:
    different = list(dict.fromkeys(entries))
    quoted = ", ".join(f"'{entry[:20]}'" for entry in different[:_EXAMPLES])
    return quoted + (" and others" if len(different) > _EXAMPLES else "")


def _parse_labels(rows: _Rows, choices: ImportChoices) -> None:
    """Read the labels, and compare them with those in file names.

    Raises:
        DataError: a label is unknown, or labels contradict names and nobody decided.
    """
    codes = choices.codes
    keys = {word: label_key(word) for word in rows.table["label"].unique()}
    ignored = [word for word, key in keys.items() if key in codes and codes[key] is None]
    rows.drop(rows.table["label"].isin(ignored), "whose label tells no class, as chosen", "label")
    words = rows.table["label"]
    label_of = {word: codes.get(key) or parse_label(word) for word, key in keys.items()}
    label = words.map(label_of).astype(object)
    names = [
        subjects.label_in_name(image) for image in rows.table["image_id"].str.replace("\\", "/")
    ]
    named = pd.Series(names, index=words.index, dtype=object)
    if choices.labels.names:
        label = named.where(named.notna(), label)
    if label.isna().any():
        unknown = words[label.isna()]
        example = unknown.iloc[0]
        raise DataError(
            f"{formats.count(len(unknown), 'row')} with a label that is neither ALL blast nor "
            f"normal ({_quoted(unknown)}): delete these rows, or write what they are under Labels, "
            f"as {example:.60}=all, =hem or =none."
        )
    if (named.notna() & (named != label)).any():
        _check_contradictions(rows, choices, label, named)
    rows.table = rows.table.assign(label=label)


def _check_contradictions(
    rows: _Rows, choices: ImportChoices, label: "pd.Series[str]", named: "pd.Series[str]"
) -> None:
    compared = int(named.notna().sum())
    wrong = rows.table[named.notna() & (named != label)]
    counts = f"{len(wrong):,} of {compared:,} labels contradict the names of the files"
    if {label_key(word) for word in wrong["label"]} <= set(choices.codes):
        rows.report(f"{counts}: the labels count, as chosen.", len(wrong))
        return
    words = dict(zip(rows.table["label"].map(label_key), label, strict=True))
    keep = ",".join(f"{word}={known}" for word, known in sorted(words.items()))
    exchange = ",".join(f"{word}={_OTHER[known]}" for word, known in sorted(words.items()))
    first = wrong.iloc[0]
    example = f"such as '{first['image_id']:.60}' with the label '{first['label']:.20}'"
    advice = f"correct these rows, or write {keep} under Labels to keep them"
    if 2 * len(wrong) > compared:
        advice = f"write {exchange} under Labels to exchange them, {keep} to keep them"
    raise DataError(
        f"{counts}, {example}: {advice}, or {label_choice.NAMES} to take those in the names."
    )


def _parse_probabilities(rows: _Rows, columns: Mapping[str, str], choices: ImportChoices) -> None:
    """Read the probabilities of ALL blasts, and compare them with the labels.

    Raises:
        DataError: the column is of another scale or class, or could be.
    """
    heading = columns["probability"]
    meaning = score_columns.heading_meaning(heading, choices.codes) or ScoreMeaning()
    values, sentences = score_columns.probabilities(
        rows.table["probability"],
        heading,
        choices.meaning or meaning,
        chosen=choices.meaning is not None,
    )
    for sentence in sentences:
        rows.report(sentence)
    if "complement" in columns:
        _check_complement(rows, values, columns, choices)
    if (choices.meaning or meaning).of == "hem" and "logit" in rows.table:
        rows.table = rows.table.drop(columns="logit")
    rows.drop(values.isna(), "without a probability")
    values = values[rows.table.index]
    is_blast = rows.table["label"] == "all"
    if choices.meaning is None:
        if score_columns.seems_reversed(values, is_blast):
            raise score_columns.reversed_error(heading)
        if is_blast.nunique() == 2 and score_columns.seems_of_prediction(values):
            raise score_columns.of_prediction_error(heading)
    if score_columns.seems_calls(values):
        rows.report(
            f"The column '{heading:.40}' holds calls, 0 or 1, instead of probabilities: curves, "
            "thresholds and calibration say nothing of the model."
        )
    rows.table = rows.table.assign(probability=values)


def _check_complement(
    rows: _Rows, values: "pd.Series[float]", columns: Mapping[str, str], choices: ImportChoices
) -> None:
    """Compare the probabilities with those of normal cells in another column.

    Raises:
        DataError: they don't add up to 1.
    """
    heading = columns["complement"]
    meaning = score_columns.heading_meaning(heading, choices.codes) or ScoreMeaning()
    others, _ = score_columns.probabilities(rows.table["complement"], heading, meaning)
    wrong = int(((values - others).abs() > _ROUNDING).sum())
    if wrong:
        raise DataError(
            f"The columns '{columns['probability']:.40}' and '{heading:.40}' don't add up to 1 in "
            f"{formats.count(wrong, 'row')}: choose one and its meaning under Columns."
        )


def _parse_splits(rows: _Rows) -> None:
    if "split" not in rows.table:
        rows.table = rows.table.assign(split="test")
        return
    texts = rows.texts("split")
    parts = texts.map({text: parse_part(text) for text in texts.unique()})
    unknown = texts[parts.isna() & (texts != "")]
    if len(unknown):
        raise DataError(
            f"{formats.count(len(unknown), 'row')} of an unknown split ({_quoted(unknown)}): write "
            f"{', '.join(PARTS)}, or choose 'None' for Split under Columns if none is of training."
        )
    rows.table = rows.table.assign(split=parts.fillna("test"))
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
        read = table_reader.numbers(rows.table["logit"]).to_numpy()
        usable = np.isfinite(read)
        ranks = pd.Series(read[usable]).rank().corr(pd.Series(logit[usable]).rank())
        if ranks < _SAME_ORDER:  # not known of a single one
            rows.report(
                "The column 'logit' has another order than the probabilities and is not used.",
                int(usable.sum()),
            )
        else:
            logit = np.where(usable, read, logit)
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
        f"There is no column for subjects ({', '.join(SCHEMA.names['subject'][:4])}): no interval "
        "over subjects can be given."
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
