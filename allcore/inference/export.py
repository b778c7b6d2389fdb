"""Rows of predictions as a file: CSV, JSON lines or Parquet, each with the research-use notice.

The columns of the table come first and exact. CSV and JSON lines carry the notice as a last
column, as they have no place beside the table; Parquet carries it in the file's metadata.
"""

import csv
import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from allcore.errors import AllScopeError
from allcore.inference.results import COLUMNS, Row
from allcore.notice import RESEARCH_USE

NOTICE = "notice"


def csv_bytes(rows: Sequence[Row]) -> bytes:
    """The table as CSV in UTF-8."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*COLUMNS, NOTICE])
    writer.writerows([*row.values(), RESEARCH_USE] for row in rows)
    return text.getvalue().encode()


def jsonl_bytes(rows: Sequence[Row]) -> bytes:
    """The table as one JSON object a line, in UTF-8."""
    objects = ({**asdict(row), NOTICE: RESEARCH_USE} for row in rows)
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in objects).encode()


def parquet_bytes(rows: Sequence[Row]) -> bytes:
    """The table as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet

    numbers = {"p_all", "threshold"}
    schema = pa.schema(
        [(name, pa.float64() if name in numbers else pa.string()) for name in COLUMNS],
        metadata={NOTICE: RESEARCH_USE},
    )
    buffer = io.BytesIO()
    table = pa.Table.from_pylist([asdict(row) for row in rows], schema=schema)
    pyarrow.parquet.write_table(table, buffer)
    return buffer.getvalue()


FORMATS: dict[str, Callable[[Sequence[Row]], bytes]] = {
    ".csv": csv_bytes,
    ".jsonl": jsonl_bytes,
    ".parquet": parquet_bytes,
}


def write(rows: Sequence[Row], path: Path) -> None:
    """Write the table in the format of the suffix; the file is either the old or the new one.

    Raises:
        AllScopeError: the file can't be written.
    """
    data = FORMATS[path.suffix.lower()](rows)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, data)
    except OSError as error:
        raise AllScopeError(
            f"{path} can't be written ({error.strerror}): choose another place by --out."
        ) from error


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
