"""Export of predictions to CSV, JSON lines or Parquet, each with the research-use notice.

The columns of the prediction table come first, further columns after them. CSV and JSON lines carry
the notice in a last column; Parquet carries it in the file's metadata. File names are untrusted: in
CSV they are escaped, so that no cell is a formula.
"""

import csv
import io
import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from allcore.errors import AllScopeError
from allcore.inference import provenance
from allcore.inference.results import COLUMNS, GateCheck, PredictedRow
from allcore.notice import RESEARCH_USE

NOTICE = "notice"
_NUMBERS = {"p_all", "threshold", "strangeness", "held_out"}
# Spreadsheets read a cell with one of these first characters as a formula, full-width signs
# included.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


@dataclass(frozen=True)
class ExportDetails:
    """Optional further columns of a row, in the order of the fields."""

    subject: str | None = None  # the subject of the cell; None where unknown
    rung: GateCheck | None = None  # the gate's failed check; None where the image was predicted
    strangeness: float | None = None  # the out-of-distribution score, ``Prediction.ood_score``
    # probability by a network that was not trained on the cell; None where ``p_all`` is one itself
    held_out: float | None = None
    trained_on: str | None = None  # "cell" or "subject" of the image, "no" or "unknown"
    cut: str | None = None  # facts of the cut of a cell in a field as JSON, which repeat it


DETAIL_COLUMNS = tuple(field.name for field in fields(ExportDetails))


def csv_bytes(rows: Sequence[PredictedRow], more: Sequence[ExportDetails] | None = None) -> bytes:
    """Return the table as UTF-8 CSV; an apostrophe escapes text that starts like a formula.

    Args:
        rows: the lines.
        more: further columns, one item a row; None leaves them out.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*_columns(rows, more), NOTICE])
    writer.writerows([*map(escape_formula, line), RESEARCH_USE] for line in _lines(rows, more))
    return text.getvalue().encode("utf-8", "replace")


def jsonl_bytes(rows: Sequence[PredictedRow], more: Sequence[ExportDetails] | None = None) -> bytes:
    """Return the table as UTF-8 JSON lines; the arguments are those of ``csv_bytes``."""
    objects = ({**row, NOTICE: RESEARCH_USE} for row in _objects(rows, more))
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in objects)
    return text.encode()


def parquet_bytes(
    rows: Sequence[PredictedRow], more: Sequence[ExportDetails] | None = None
) -> bytes:
    """Return the table as Parquet; the arguments are those of ``csv_bytes``."""
    import pyarrow as pa
    import pyarrow.parquet

    schema = pa.schema(
        [
            (name, pa.float64() if name in _NUMBERS else pa.string())
            for name in _columns(rows, more)
        ],
        metadata={NOTICE: RESEARCH_USE},
    )
    buffer = io.BytesIO()
    table = pa.Table.from_pylist(list(_objects(rows, more)), schema=schema)
    pyarrow.parquet.write_table(table, buffer)
    return buffer.getvalue()


FORMATS: dict[str, Callable[[Sequence[PredictedRow]], bytes]] = {
    ".csv": csv_bytes,
    ".jsonl": jsonl_bytes,
    ".parquet": parquet_bytes,
}


def escape_formula(value: object) -> object:
    """Prefix text that starts like a formula with an apostrophe, unless it is a plain number."""
    if not isinstance(value, str) or not value.startswith(_FORMULA):
        return value
    try:
        return value if math.isfinite(float(value)) and value.isascii() else f"'{value}"
    except ValueError:
        return f"'{value}"


def write(rows: Sequence[PredictedRow], path: Path) -> None:
    """Write the table atomically, in the format of the suffix.

    Raises:
        AllScopeError: the file can't be written.
    """
    write_bytes(FORMATS[path.suffix.lower()](rows), path)


def write_bytes(data: bytes, path: Path, *, option: str = "--out") -> None:
    """Write a file atomically; create missing folders.

    Args:
        data: content of the file.
        path: of the file.
        option: command-line option that named the path, for the error message.

    Raises:
        AllScopeError: the file can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, data)
    except OSError as error:
        raise AllScopeError(
            f"{path} can't be written ({error.strerror}): choose another place by {option}."
        ) from error


def _columns(rows: Sequence[PredictedRow], more: Sequence[ExportDetails] | None) -> tuple[str, ...]:
    columns = tuple(rows[0].to_dict()) if rows else COLUMNS
    return columns if more is None else (*columns, *_detail_columns(more))


def _detail_columns(more: Sequence[ExportDetails]) -> tuple[str, ...]:
    """Names of the further columns; that of cuts only where a cell was cut out of a field."""
    return DETAIL_COLUMNS if any(details.cut for details in more) else DETAIL_COLUMNS[:-1]


def _lines(
    rows: Sequence[PredictedRow], more: Sequence[ExportDetails] | None
) -> Iterator[tuple[object, ...]]:
    if more is None:
        yield from (row.values() for row in rows)
        return
    names = _detail_columns(more)
    for row, details in zip(rows, more, strict=True):
        yield (*row.values(), *(getattr(details, name) for name in names))


def _objects(
    rows: Sequence[PredictedRow], more: Sequence[ExportDetails] | None
) -> Iterator[dict[str, object]]:
    if more is None:
        yield from (provenance.to_json_value(row.to_dict()) for row in rows)
        return
    names = _detail_columns(more)
    for row, details in zip(rows, more, strict=True):
        further = {name: getattr(details, name) for name in names}
        yield provenance.to_json_value({**row.to_dict(), **further})


def _replace(path: Path, data: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
