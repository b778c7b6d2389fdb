"""CSV and Parquet files of strangers as columns of texts.

Nothing in a file is run: CSV is split into texts, and of Parquet, where a small file can unpack to
a large one, sizes are looked at before values.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from allcore.errors import DataError

if TYPE_CHECKING:
    from pyarrow import ChunkedArray

MEGABYTES = 50
"""A file may have."""
ROWS = 1_000_000
"""A file may have."""
_TEXT = 500  # characters of one entry
_UNPACKED = 10 * MEGABYTES  # of a Parquet file
_SEPARATORS = ",;\t"
_SHOWN = 20  # columns that a sentence names


def columns(
    data: bytes, *, names: Mapping[str, Sequence[str]], needed: Mapping[str, str], name: str
) -> tuple[pd.DataFrame, int]:
    """The known columns of a file as texts, under our names.

    Args:
        data: the file's bytes.
        names: what each column may be called, in any case and with blanks or hyphens for
            underscores; the first that is there is taken.
        needed: columns that must be there, with what they hold.
        name: what to call the file in sentences.

    Returns:
        The columns, missing values None or empty, and the number of lines that had more entries
        than there are columns.

    Raises:
        DataError: a file that is too large or can't be read, or lacks a column.
    """
    if len(data) > MEGABYTES * 2**20:
        raise DataError(f"{name} is larger than {MEGABYTES} MB: bring fewer rows or columns.")
    if data[:4] == b"PAR1":
        return _parquet(data, names, needed, name), 0
    return _csv(data, names, needed, name)


def _places(
    found: Sequence[str], names: Mapping[str, Sequence[str]], needed: Mapping[str, str], name: str
) -> dict[str, int]:
    """Where each of our columns stands among those of the file."""
    plain = [each.strip().lower().replace(" ", "_").replace("-", "_") for each in found]
    places = {
        ours: next(plain.index(each) for each in called if each in plain)
        for ours, called in names.items()
        if set(called) & set(plain)
    }
    missing = [ours for ours in needed if ours not in places]
    if missing:
        shown = ", ".join(f"'{each[:20]}'" for each in found[:_SHOWN]) or "none"
        lacks = " and ".join(f"{needed[ours]} ({', '.join(names[ours])})" for ours in missing)
        raise DataError(f"{name} lacks a column of {lacks}; it has the columns {shown}.")
    return places


def _csv(
    data: bytes, names: Mapping[str, Sequence[str]], needed: Mapping[str, str], name: str
) -> tuple[pd.DataFrame, int]:
    text = _decoded(data, name)
    separator = max(_SEPARATORS, key=text.split("\n", 1)[0].count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        header = next(lines, [])
        places = _places(header, names, needed, name)
        rows, broken = _rows(lines, len(header), list(places.values()))
    except csv.Error as error:
        raise DataError(
            f"{name} can't be read as CSV (line {lines.line_num}: {error}): save it again."
        ) from error
    _few_enough(len(rows), name)
    table = pd.DataFrame(rows, columns=list(places), dtype=object)
    if separator == ";":  # where numbers are written with a comma
        for ours in table.columns.intersection(["probability", "logit"]):
            table[ours] = table[ours].str.replace(",", ".")
    return table, broken


def _rows(lines: Iterable[list[str]], width: int, places: list[int]) -> tuple[list[list[str]], int]:
    """The wanted entries of each line, and how many lines were too long to tell."""
    rows, broken = [], 0
    for line in lines:
        if any(line[width:]):
            broken += 1
        elif any(line):
            rows.append([line[i] if i < len(line) else "" for i in places])
    return rows, broken


def _decoded(data: bytes, name: str) -> str:
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")  # what Excel calls Unicode text
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name} is neither Parquet nor text in UTF-8: save it as 'CSV UTF-8'."
        ) from error
    if "\0" in text:
        raise DataError(f"{name} is neither CSV nor Parquet: save it as one of these.")
    return text


def _parquet(
    data: bytes, names: Mapping[str, Sequence[str]], needed: Mapping[str, str], name: str
) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(pa.BufferReader(data))
        found = file.schema_arrow.names
        places = _places(found, names, needed, name)
        _few_enough(file.metadata.num_rows, name)
        groups = range(file.metadata.num_row_groups)
        if sum(file.metadata.row_group(i).total_byte_size for i in groups) > _UNPACKED * 2**20:
            raise DataError(f"{name} unpacks to more than {_UNPACKED} MB: bring fewer columns.")
        if any(pa.types.is_nested(file.schema_arrow.field(i).type) for i in places.values()):
            raise DataError(f"{name} has a column of lists where texts or numbers are needed.")
        chosen = [found[i] for i in places.values()]
        # As a dictionary, a long text that is repeated is in memory once.
        file = parquet.ParquetFile(pa.BufferReader(data), read_dictionary=chosen)
        table = file.read(columns=chosen)
        made = {ours: _texts(table[found[i]], name) for ours, i in places.items()}
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise DataError(f"{name} can't be read as Parquet: save it again.") from error
    return pd.DataFrame(made, dtype=object)


def _texts(column: "ChunkedArray", name: str) -> list[str | None]:
    """Entries as texts, whole numbers without a point."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        for chunk in column.chunks:
            if (pc.max(pc.binary_length(chunk.dictionary)).as_py() or 0) > _TEXT:
                raise DataError(f"{name} has an entry of more than {_TEXT} characters.")
        column = column.cast(pa.string())
    return [_text(each) for each in column.to_pylist()]


def _text(value: object) -> str | None:
    if value is None or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _few_enough(rows: int, name: str) -> None:
    if rows > ROWS:
        raise DataError(f"{name} has more than {ROWS:,} rows: bring fewer.")
