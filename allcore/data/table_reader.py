"""Reader of user-supplied CSV and Parquet tables as columns of text.

It serves data sets, splits, predictions, labels and subjects. CSV may use commas, semicolons or
tabs, in UTF-8 or UTF-16. Every entry is read as text; formulas are never evaluated. A small Parquet
file can unpack to a large table, so its sizes are checked before values are read.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from allcore.errors import DataError

if TYPE_CHECKING:
    from pyarrow import ChunkedArray

MEGABYTES = 50
"""Largest size of an uploaded file."""
ROWS = 1_000_000
"""Largest number of rows of an uploaded file."""
_MAX_TEXT = 500  # characters of one repeated entry of a Parquet file
_MAX_UNPACKED = 10 * MEGABYTES
_SEPARATORS = ",;\t"
_MAX_NAMED = 20  # columns listed in an error message


@dataclass(frozen=True)
class Schema:
    """The columns of a kind of table."""

    # accepted names of each column, in any case, with blanks or hyphens for underscores; the first
    # name present is used
    names: Mapping[str, Sequence[str]]
    required: Mapping[str, str]  # the required columns, with a description of their content
    other_columns: bool = False  # whether columns that are not in ``names`` are read too
    # whether lines of CSV with more entries than columns are skipped and counted; otherwise such a
    # table is refused
    skip_long_lines: bool = False
    limited: bool = True  # whether ``MEGABYTES`` and ``ROWS`` apply


ANY_COLUMNS = Schema(names={}, required={}, other_columns=True, limited=False)
"""Every column under its own name."""


@dataclass(frozen=True)
class TextTable:
    """A table of texts."""

    # the columns under the names of the schema; missing entries are None or empty
    rows: pd.DataFrame
    long_lines: int = 0  # number of skipped lines that had more entries than there are columns
    # whether numbers may have a decimal comma: the separator is a semicolon
    decimal_comma: bool = False


def read(source: Path | bytes, schema: Schema, *, name: str = "") -> TextTable:
    """Read a table.

    Raises:
        DataError: the file is too large, can't be read or lacks a column.
    """
    name = name or str(source)
    try:
        data = source if isinstance(source, bytes) else source.read_bytes()
    except OSError as error:
        raise DataError(f"{name} can't be read ({error.strerror}): check its rights.") from error
    if schema.limited and len(data) > MEGABYTES * 2**20:
        raise DataError(f"{name} is larger than {MEGABYTES} MB: bring fewer rows or columns.")
    read_format = _read_parquet if data[:4] == b"PAR1" else _read_csv
    return read_format(data, schema, name)


def _positions(columns: Sequence[str], schema: Schema, name: str) -> dict[str, int]:
    """Return the position of each column of the schema, and of other columns where requested."""
    plain = [column.strip().lower().replace(" ", "_").replace("-", "_") for column in columns]
    positions = {
        column: next(plain.index(alias) for alias in aliases if alias in plain)
        for column, aliases in schema.names.items()
        if set(aliases) & set(plain)
    }
    missing = [column for column in schema.required if column not in positions]
    if missing:
        present = ", ".join(f"'{column[:20]}'" for column in columns[:_MAX_NAMED]) or "none"
        lacking = " and ".join(
            f"{schema.required[column]} ({', '.join(schema.names[column])})" for column in missing
        )
        raise DataError(f"{name} lacks a column of {lacking}; it has the columns {present}.")
    if schema.other_columns:
        taken = set(positions.values())
        for position, column in enumerate(columns):
            if position not in taken and column.strip():
                positions.setdefault(column.strip(), position)
    if not positions:
        raise DataError(f"{name} can't be read as a table: it has no columns.")
    return positions


def _read_csv(data: bytes, schema: Schema, name: str) -> TextTable:
    text = _decoded(data, name)
    separator = max(_SEPARATORS, key=text.split("\n", 1)[0].count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        columns = next(lines, [])
        positions = _positions(columns, schema, name)
        rows, long_lines = _entries(lines, len(columns), list(positions.values()))
    except csv.Error as error:
        raise DataError(
            f"{name} can't be read as CSV (line {lines.line_num}: {error}): save it again."
        ) from error
    if long_lines and not schema.skip_long_lines:
        raise DataError(
            f"{name} can't be read as CSV: {long_lines:,} of its lines have more entries than "
            "there are columns."
        )
    _check_rows(len(rows), schema, name)
    table = pd.DataFrame(rows, columns=list(positions), dtype=object)
    return TextTable(table, long_lines, separator == ";")


def _entries(
    lines: Iterable[list[str]], width: int, positions: list[int]
) -> tuple[list[list[str]], int]:
    """Return the entries at the positions of each line, and the number of overlong lines."""
    rows, long_lines = [], 0
    for line in lines:
        if any(line[width:]):
            long_lines += 1
        elif any(line):
            rows.append([line[i] if i < len(line) else "" for i in positions])
    return rows, long_lines


def _decoded(data: bytes, name: str) -> str:
    utf_16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")  # Excel's format "Unicode text"
    try:
        text = data.decode("utf-16" if utf_16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name} is neither Parquet nor text in UTF-8: save it as 'CSV UTF-8'."
        ) from error
    if "\0" in text:
        raise DataError(f"{name} is neither CSV nor Parquet: save it as one of these.")
    return text


def _read_parquet(data: bytes, schema: Schema, name: str) -> TextTable:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(pa.BufferReader(data))
        columns = file.schema_arrow.names
        positions = _positions(columns, schema, name)
        _check_rows(file.metadata.num_rows, schema, name)
        groups = range(file.metadata.num_row_groups)
        if sum(file.metadata.row_group(i).total_byte_size for i in groups) > _MAX_UNPACKED * 2**20:
            raise DataError(f"{name} unpacks to more than {_MAX_UNPACKED} MB: bring fewer columns.")
        if any(pa.types.is_nested(file.schema_arrow.field(i).type) for i in positions.values()):
            raise DataError(f"{name} has a column of lists where texts or numbers are needed.")
        wanted = [columns[i] for i in positions.values()]
        # Dictionary encoding keeps a repeated long text in memory once.
        file = parquet.ParquetFile(pa.BufferReader(data), read_dictionary=wanted)
        table = file.read(columns=wanted)
        texts = {column: _texts(table[columns[i]], name) for column, i in positions.items()}
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise DataError(f"{name} can't be read as Parquet: save it again.") from error
    return TextTable(pd.DataFrame(texts, dtype=object))


def _texts(column: "ChunkedArray", name: str) -> list[str | None]:
    """Return entries as text, whole numbers without a decimal point."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        for chunk in column.chunks:
            if (pc.max(pc.binary_length(chunk.dictionary)).as_py() or 0) > _MAX_TEXT:
                raise DataError(f"{name} has an entry of more than {_MAX_TEXT} characters.")
        column = column.cast(pa.string())
    return [
        None if value is None or value != value
        else str(int(value)) if isinstance(value, float) and value.is_integer()
        else str(value)
        for value in column.to_pylist()
    ]  # fmt: skip


def _check_rows(rows: int, schema: Schema, name: str) -> None:
    if schema.limited and rows > ROWS:
        raise DataError(f"{name} has more than {ROWS:,} rows: bring fewer.")
