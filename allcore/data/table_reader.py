"""Reader of user-supplied CSV and Parquet tables as columns of text.

It serves data sets, splits, predictions, labels and subjects. CSV may use commas, semicolons, tabs,
bars or blanks, in UTF-8 or UTF-16, below a title or comments. Headings are recognised by their
synonyms whatever their case, blanks and hyphens. Every entry is read as text; formulas are never
evaluated. A small Parquet file can unpack to a large table, so its sizes are checked before values
are read.
"""

import csv
import functools
import io
import operator
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from allcore.data import safe_paths
from allcore.errors import DataError

if TYPE_CHECKING:
    from _csv import Reader

    from pyarrow import ChunkedArray
    from pyarrow.parquet import ParquetFile

MEGABYTES = 50
"""Largest size of an uploaded file."""
ROWS = 1_000_000
"""Largest number of rows of an uploaded file."""
_MAX_TEXT = 500  # characters of one repeated entry of a Parquet file
_MAX_UNPACKED = 10 * MEGABYTES
_SEPARATORS = ",;\t| "
_MAX_LINES_ABOVE = 10  # titles and comments above the headings
_MAX_NAMED = 20  # columns listed in an error message
_MAX_SYNONYMS = 6  # of a missing column in an error message

FILE_NAMES = (
    "path", "file", "file name", "image", "file path", "image path", "image file", "image name",
    "relative path", "img", "img path", "img name", "img file", "image file name", "picture",
    "photo", "name", "image id", "id", "cell", "cell id", "new names", "fname", "uri", "url",
)  # fmt: skip
LABEL_NAMES = (
    "true label", "y true", "truth", "ground truth", "gt", "actual", "actual label", "true class",
    "ground truth label", "given label", "label", "labels", "target", "class", "class name",
    "class label", "label name", "cell type", "diagnosis", "category", "annotation", "y", "is all",
    "is blast",
)  # fmt: skip
SUBJECT_NAMES = (
    "subject", "patient", "subject id", "patient id", "patient no", "patient number",
    "patient name", "patient uid", "patient code", "person", "case", "case id", "donor",
    "donor id", "participant", "participant id", "individual", "pid",
)  # fmt: skip
SPLIT_NAMES = ("split", "set", "subset", "part", "partition", "data split", "phase", "usage")
_MISSING = frozenset({
    "", "nan", "n/a", "na", "#n/a", "#na", "<na>", "null", "none", "nil", "-", "--", ".", "?",
    "unknown",
})  # fmt: skip
_LONGEST_MISSING = max(map(len, _MISSING))
_FOREIGN = {
    b"PK\x03\x04": "an Excel workbook, to be saved as 'CSV UTF-8', or an archive: unpack it first",
    b"\xd0\xcf\x11\xe0": "an Excel workbook: save the table as 'CSV UTF-8'",
    b"\x1f\x8b": "compressed: unpack it first",
    b"[": "JSON: save the table as 'CSV UTF-8'",
    b"{": "JSON: save the table as 'CSV UTF-8'",
    b"<": "a web page or XML: save the table as 'CSV UTF-8'",
}
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
"""Characters without a width, which spreadsheets and web pages leave in entries."""


@dataclass(frozen=True)
class Schema:
    """The columns of a kind of table."""

    # accepted headings of each column, in any case, with or without blanks, hyphens and
    # underscores; the first that is present is used
    names: Mapping[str, Sequence[str]]
    required: Mapping[str, str]  # the required columns, with a description of their content
    other_columns: bool = False  # whether columns that are not in ``names`` are read too
    limited: bool = True  # whether ``MEGABYTES`` and ``ROWS`` apply


@dataclass(frozen=True)
class TextTable:
    """A table of texts."""

    # the columns under the names of the schema, without blanks around their entries and with None
    # for every word that says missing; other columns are as in the file
    rows: pd.DataFrame
    headings: Mapping[str, str]  # the heading in the file of each column of the schema


def read(
    source: Path | bytes,
    schema: Schema,
    *,
    name: str = "",
    columns: Mapping[str, str] | None = None,
) -> TextTable:
    """Read a table.

    Args:
        source: a file, or its bytes.
        schema: of the table.
        name: of the table in error messages; the file's path by default.
        columns: the heading of each column of the schema; recognised by default.

    Raises:
        DataError: the file is too large, can't be read, lacks a column or has it twice.
    """
    name = name or str(source)
    opened = _open(source, schema, name)
    columns = recognise(opened.headings, schema) if columns is None else columns
    positions = _positions(opened.headings, columns, schema, name)
    table = opened.read(positions)
    for column in columns:
        table[column] = _clean(table[column])
    return TextTable(table, columns)


def headings(source: Path | bytes, schema: Schema, *, name: str = "") -> tuple[str, ...]:
    """Return the headings of a table without reading its rows.

    Raises:
        DataError: the file is too large or can't be read.
    """
    name = name or str(source)
    return tuple(_open(source, schema, name).headings)


def recognise(headings: Sequence[str], schema: Schema) -> dict[str, str]:
    """Return the heading of each column of the schema that is present."""
    keys = {heading_key(heading): heading for heading in reversed(headings)}
    present = (
        (column, [keys[key] for key in map(heading_key, names) if key in keys])
        for column, names in schema.names.items()
    )
    return {column: found[0] for column, found in present if found}


@functools.lru_cache(maxsize=2**12)
def heading_key(heading: str) -> str:
    """Return a heading in lower case without blanks and punctuation."""
    return re.sub(r"[\W_]+", "", heading.casefold())


def numbers(texts: "pd.Series[str]") -> "pd.Series[float]":
    """Parse numbers with decimal points or commas, percent signs dropped; NaN for other texts.

    Of a comma and a point the last one is the decimal; a comma alone is one.
    """
    plain = (
        texts.fillna("").str.replace(r"[\s%'\u2019]+", "", regex=True).str.replace("\u2212", "-")
    )
    decimal_comma = plain.str.rfind(",") > plain.str.rfind(".")
    points = plain.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    commas = plain.str.replace(",", "", regex=False)
    return pd.to_numeric(points.where(decimal_comma, commas), errors="coerce").astype(float)


def _clean(entries: "pd.Series[str]") -> "pd.Series[str]":
    """Strip blanks, and the ``.0`` that a column of whole numbers gets from missing ones."""
    values = entries.tolist()
    known = {value: _known(value) for value in set(values)}
    if all(text is None or re.fullmatch(r"\d+(?:\.0)?", text) for text in known.values()):
        known = {value: text and text.removesuffix(".0") for value, text in known.items()}
    return pd.Series([known[value] for value in values], index=entries.index, dtype=object)


def _known(entry: str | None) -> str | None:
    text = entry or ""
    text = (text if text.isascii() else text.translate(_INVISIBLE)).strip()
    return None if len(text) <= _LONGEST_MISSING and text.casefold() in _MISSING else text


@dataclass(frozen=True)
class _Opened:
    """An open file: its headings, and a function that reads columns by their positions."""

    headings: Sequence[str]
    read: Callable[[Mapping[str, int]], pd.DataFrame]


def _open(source: Path | bytes, schema: Schema, name: str) -> _Opened:
    try:
        data = source if isinstance(source, bytes) else safe_paths.require_file(source).read_bytes()
    except OSError as error:
        raise DataError(f"{name} can't be read ({error.strerror}): check its rights.") from error
    if schema.limited and len(data) > MEGABYTES * 2**20:
        raise DataError(f"{name} is larger than {MEGABYTES} MB: bring fewer rows or columns.")
    opener = _open_parquet if data[:4] == b"PAR1" else _open_csv
    return opener(data, schema, name)


def _positions(
    headings: Sequence[str], columns: Mapping[str, str], schema: Schema, name: str
) -> dict[str, int]:
    """Return the position of each column of the schema, and of other columns where requested."""
    present = ", ".join(f"'{heading[:20]}'" for heading in headings[:_MAX_NAMED]) or "none"
    missing = [column for column in schema.required if column not in columns]
    if missing:
        lacking = " and ".join(
            f"{schema.required[column]} ({', '.join(schema.names[column][:_MAX_SYNONYMS])})"
            for column in missing
        )
        raise DataError(
            f"{name} lacks a column of {lacking}; it has the columns {present}: name one so in the "
            "first line."
        )
    counts = Counter(map(heading_key, headings))
    for heading in columns.values():
        if counts[heading_key(heading)] > 1:
            raise DataError(f"{name} has several columns '{heading:.40}': rename all but one.")
    positions = {column: headings.index(heading) for column, heading in columns.items()}
    if schema.other_columns:
        taken = set(positions.values())
        for position, heading in enumerate(headings):
            if position not in taken and heading.strip():
                positions.setdefault(heading.strip(), position)
    if not positions:
        raise DataError(f"{name} can't be read as a table: it has no columns.")
    return positions


def _open_csv(data: bytes, schema: Schema, name: str) -> _Opened:
    text = _decoded(data, name)
    declared = re.match(r"sep=(.)\r?[\r\n]", text)  # Excel's line that names the separator
    text = text[declared.end() :] if declared else text
    above, separator = _heading_line(text, declared[1] if declared else _SEPARATORS, schema)
    stream = io.StringIO(text, newline="")
    list(islice(stream, above))
    lines = _csv_reader(chain(["\n"] * above, stream), separator, strict=True)

    def read(positions: Mapping[str, int]) -> pd.DataFrame:
        with _csv_errors(lines, name):
            rows = _entries(lines, len(first_line), list(positions.values()), name)
        _check_rows(len(rows), schema, name)
        return pd.DataFrame(rows, columns=list(positions), dtype=object)

    with _csv_errors(lines, name):
        first_line = next((line for line in lines if any(map(str.strip, line))), [])
    return _Opened(first_line, read)


def _csv_reader(lines: Iterable[str], separator: str, *, strict: bool = False) -> "Reader":
    blank = separator == " "
    return csv.reader(lines, delimiter=separator, skipinitialspace=blank, strict=strict)


def _heading_line(text: str, separators: str, schema: Schema) -> tuple[int, str]:
    """Return the number of lines above the headings, and the separator.

    They are the line and separator with the most headings of the schema, then the first line, then
    another separator than blanks, then the most headings. Lines above are titles or comments.
    """
    written = [
        (number, line)
        for number, line in enumerate(islice(io.StringIO(text, newline=""), _MAX_LINES_ABOVE))
        if line.strip(f'{_SEPARATORS}" \r\n')
    ]

    def score(choice: tuple[tuple[int, str], str]) -> tuple[int, int, bool, int]:
        (number, line), separator = choice
        headings = []
        with suppress(csv.Error):  # the reader of the whole file says it
            headings = next(_csv_reader([line], separator), [])
        return len(recognise(headings, schema)), -number, separator != " ", len(headings)

    choices = [(line, separator) for line in written for separator in separators]
    (number, _), separator = max(choices, key=score, default=((0, ""), separators[0]))
    return number, separator


@contextmanager
def _csv_errors(lines: "Reader", name: str) -> Iterator[None]:
    try:
        yield
    except csv.Error as error:
        raise DataError(
            f"{name} can't be read as CSV (line {lines.line_num}: {error}): save it again."
        ) from error


def _entries(lines: "Reader", width: int, positions: list[int], name: str) -> list[tuple[str, ...]]:
    """Return the entries at the positions of each line that is not empty."""
    written = [(lines.line_num, line) for line in lines if any(map(str.strip, line))]
    if all(len(line) == width + 1 for _, line in written) and all(
        line[0] == str(number) for number, (_, line) in enumerate(written, 1)
    ):  # R writes the numbers of rows without a heading
        written = [(number, line[1:]) for number, line in written]
    rows = []
    entries_of = operator.itemgetter(*positions, slice(0))  # the slice makes it a tuple always
    for number, line in written:
        if len(line) > width and any(map(str.strip, line[width:])):
            raise DataError(
                f"{name} can't be read: line {number:,} has more entries than there are headings, "
                "so put quotes around entries that hold the separator, or save the table with "
                "semicolons."
            )
        rows.append(entries_of(line + [""] * (width - len(line)))[:-1])
    return rows


def _decoded(data: bytes, name: str) -> str:
    for start, reason in _FOREIGN.items():
        if data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(start):
            raise DataError(f"{name} is {reason}.")
    try:
        text = data.decode(_encoding(data))
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name} is neither Parquet nor text in UTF-8: save it as 'CSV UTF-8'."
        ) from error
    if "\0" in text:
        raise DataError(f"{name} is neither CSV nor Parquet: save it as one of these.")
    return text


def _encoding(data: bytes) -> str:
    """Return UTF-8, or UTF-16 where the file starts with its mark or with a letter and a zero."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):  # Excel's format "Unicode text"
        return "utf-16"
    zeros = [byte == 0 for byte in data[:4]]
    if zeros == [False, True, False, True]:
        return "utf-16-le"
    return "utf-16-be" if zeros == [True, False, True, False] else "utf-8-sig"


def _open_parquet(data: bytes, schema: Schema, name: str) -> _Opened:
    import pyarrow as pa
    from pyarrow import parquet

    def read(positions: Mapping[str, int]) -> pd.DataFrame:
        with _parquet_errors(name):
            return _parquet_texts(file, data, positions, schema, name)

    with _parquet_errors(name):
        file = parquet.ParquetFile(pa.BufferReader(data))
        return _Opened(file.schema_arrow.names, read)


@contextmanager
def _parquet_errors(name: str) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise DataError(f"{name} can't be read as Parquet: save it again.") from error


def _parquet_texts(
    file: "ParquetFile", data: bytes, positions: Mapping[str, int], schema: Schema, name: str
) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import parquet

    _check_rows(file.metadata.num_rows, schema, name)
    groups = range(file.metadata.num_row_groups)
    if sum(file.metadata.row_group(i).total_byte_size for i in groups) > _MAX_UNPACKED * 2**20:
        raise DataError(f"{name} unpacks to more than {_MAX_UNPACKED} MB: bring fewer columns.")
    if any(pa.types.is_nested(file.schema_arrow.field(i).type) for i in positions.values()):
        raise DataError(f"{name} has a column of lists where texts or numbers are needed.")
    wanted = {column: file.schema_arrow.names[i] for column, i in positions.items()}
    # Dictionary encoding keeps a repeated long text in memory once.
    file = parquet.ParquetFile(pa.BufferReader(data), read_dictionary=list(wanted.values()))
    table = file.read(columns=list(wanted.values()))
    texts = {column: _texts(table[heading], name) for column, heading in wanted.items()}
    return pd.DataFrame(texts, dtype=object)


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
