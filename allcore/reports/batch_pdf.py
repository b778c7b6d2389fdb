"""PDF report of a batch: counts, subjects, probabilities, refusals, and the predictions."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from allcore import formats
from allcore.evaluation import subjects
from allcore.evaluation.subjects import SubjectShare
from allcore.inference.results import PredictedRow
from allcore.labels import VERDICT_NAMES
from allcore.model_folder import ModelInfo
from allcore.plots import style
from allcore.reports.pdf_sheet import BOTTOM, LEFT, QUIET, WIDTH, PdfSheet, rgb

MAX_ROWS = 1000  # maximum number of listed predictions; the rest are counted
MAX_SUBJECTS = 200
_REASONS = 12


@dataclass(frozen=True)
class TableColumn:
    """A table column: title, width in millimetres, and alignment."""

    title: str
    width: float
    align: str = "L"


def batch_pdf(
    rows: Sequence[PredictedRow],
    *,
    info: ModelInfo,
    made_at: datetime,
    shares: Sequence[SubjectShare] = (),
    whence: str = "",
    training: str = "",
    fields: str = "",
) -> bytes:
    """Generate the report of a batch; equal arguments give equal files.

    Args:
        made_at: UTC time, printed on every page.
        shares: from `subject_shares`; empty where subjects are unknown.
        whence: sentence on the source of the subjects.
        training: sentence on cells that the network was trained on.
        fields: sentence on how the cells of smear fields were normalised and corrected.
    """
    sheet = PdfSheet("ALLScope: report of a batch", made_at)
    _summary(sheet, rows, info, training, fields)
    if shares:
        _subjects(sheet, shares, whence)
    _refused(sheet, rows)
    _rows(sheet, rows)
    return bytes(sheet.output())


def _summary(
    sheet: PdfSheet, rows: Sequence[PredictedRow], info: ModelInfo, training: str, fields: str
) -> None:
    number = Counter(str(row.verdict) for row in rows)
    text = ", ".join(f"{number[verdict]:,} {name}" for verdict, name in VERDICT_NAMES.items())
    noun = "white cell" if all(getattr(row, "cell", "") for row in rows) else "picture"
    sheet.line_of(f"{formats.count(len(rows), noun)}: {text}.", size=12, bold=True, lines=2)
    for mark in sorted({getattr(row, "mark", "") for row in rows} - {""}):
        marked = sum(getattr(row, "mark", "") == mark for row in rows)
        line = f"{formats.count(marked, 'cell')}: {mark}."
        sheet.line_of(line, size=11, bold=True, colour=rgb(style.CAUTION_INK))
    sheet.line_of(fields, lines=3)
    sheet.line_of(training, lines=2)
    digest = (info.training.get("data") or {}).get("digest", "not on record")
    sheet.line_of(f"Model {info.name} ({info.architecture}), threshold {info.threshold:.3f}.")
    sheet.line_of(f"Threshold: {info.threshold_rule}", lines=3)
    sheet.line_of(f"Weights SHA-256 {info.weights_sha256}", size=8, mono=True, colour=QUIET)
    sheet.line_of(f"Data digest     {digest}", size=8, mono=True, colour=QUIET)
    answered = [row.p_all for row in rows if row.p_all is not None]
    if answered:
        sheet.set_y(sheet.y + 3)
        sheet.heading("Calibrated probability of an ALL blast")
        text = f"{formats.count(len(answered), 'answered cell')} in steps of 0.05"
        sheet.line_of(f"{text}; the highest bar has {sheet.highest(answered):,}", size=8)
        sheet.set_y(sheet.y + 2)
        sheet.histogram(answered, info.threshold, height=28)


def _subjects(sheet: PdfSheet, shares: Sequence[SubjectShare], whence: str) -> None:
    _room(sheet, 45)
    sheet.heading("By subject")
    sheet.line_of(whence, lines=2)
    sheet.line_of(subjects.SHARES_MEANING, colour=QUIET, lines=4)
    columns = (
        TableColumn("Subject", 50), TableColumn("Answered", 18, "R"),
        TableColumn("Refused", 18, "R"),
        TableColumn("Predicted ALL blast (95 % over cells)", 94),
    )  # fmt: skip
    lines = [
        (share.subject or "unknown", f"{share.answered:,}", f"{share.refused:,}", share.words)
        for share in shares[:MAX_SUBJECTS]
    ]
    _table(sheet, columns, lines)
    _rest(sheet, len(shares), MAX_SUBJECTS, "subject")


def _refused(sheet: PdfSheet, rows: Sequence[PredictedRow]) -> None:
    reasons = Counter(row.reason for row in rows if row.verdict == "refused").most_common()
    if not reasons:
        return
    _room(sheet, 30)
    sheet.heading("Refused, by reason")
    for reason, number in reasons[:_REASONS]:
        _room(sheet, 12)
        top = sheet.y
        sheet.line_of(f"{number:,}", width=14, align="R")
        sheet.set_xy(LEFT + 16, top)
        sheet.line_of(reason, width=WIDTH - 16, lines=3)
        sheet.set_xy(LEFT, sheet.y + 0.7)
    _rest(sheet, len(reasons), _REASONS, "reason")


def _rows(sheet: PdfSheet, rows: Sequence[PredictedRow]) -> None:
    _room(sheet, 30)
    sheet.heading("Every picture")
    columns = (
        TableColumn("File", 68), TableColumn("Answer", 18), TableColumn("Probability", 18, "R"),
        TableColumn("SHA-256, its beginning, or reason", 76),
    )  # fmt: skip
    _table(sheet, columns, map(_line, rows[:MAX_ROWS]))
    _rest(sheet, len(rows), MAX_ROWS, "picture")


def _line(row: PredictedRow) -> tuple[str, str, str, str]:
    number = "" if row.p_all is None else f"{row.p_all:.3f}"
    # The end of a path distinguishes files, not its beginning.
    cell = getattr(row, "cell", "")
    path = f"{row.path}, cell {cell}" if cell else row.path
    name = path if len(path) <= 48 else f"...{path[-45:]}"
    return name, VERDICT_NAMES[row.verdict], number, row.reason or row.sha256[:24]


def _table(
    sheet: PdfSheet,
    columns: Sequence[TableColumn],
    lines: "Sequence[tuple[str, ...]] | Iterator[tuple[str, ...]]",
) -> None:
    """Table of one line per row, with the column titles on every page."""
    _titles(sheet, columns)
    for line in lines:
        if sheet.y > BOTTOM - 11:
            sheet.add_page()
            _titles(sheet, columns)
        _entries(sheet, columns, line, bold=False)
    sheet.set_y(sheet.y + 2)


def _titles(sheet: PdfSheet, columns: Sequence[TableColumn]) -> None:
    sheet.set_y(sheet.y + 1.5)
    _entries(sheet, columns, [column.title for column in columns], bold=True)
    sheet.rule(sheet.y - 0.3)


def _entries(
    sheet: PdfSheet, columns: Sequence[TableColumn], texts: Sequence[str], *, bold: bool
) -> None:
    top, left = sheet.y, LEFT
    for column, text in zip(columns, texts, strict=True):
        sheet.set_xy(left, top)
        sheet.line_of(text, size=7.5, bold=bold, width=column.width - 2, align=column.align)
        left += column.width
    sheet.set_xy(LEFT, top + 3.9)


def _rest(sheet: PdfSheet, total: int, listed: int, noun: str) -> None:
    if total > listed:
        text = f"{formats.count(total - listed, f'more {noun}')} not listed here: the CSV has all."
        sheet.line_of(text, colour=QUIET)
    sheet.set_y(sheet.y + 3)


def _room(sheet: PdfSheet, needed: float) -> None:
    """Start a new page where less than `needed` millimetres remain."""
    if sheet.y > BOTTOM - 6 - needed:
        sheet.add_page()
