"""A CSV table of images with labels, subjects and further columns."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from allcore.data import table_reader
from allcore.data.layouts.layout import Folder, Rows
from allcore.data.table_reader import Schema
from allcore.errors import DataError
from allcore.labels import LABEL_ALIASES

SCHEMA = Schema(
    names={
        "path": ("path", "file"),
        "sha256": ("sha256", "bmp_sha256"),
        **{column: (column,) for column in ("image_id", "label", "subject", "group", "split")},
    },
    required={},
    other_columns=True,
    limited=False,
)


@dataclass(frozen=True)
class TableLayout:
    """A folder with a table of a fixed name."""

    file: str  # name of the table
    columns: frozenset[str]  # required columns; without them the table is ignored
    lists_images: bool = True

    def read(self, folder: Folder) -> Rows | None:
        """Return the rows of the table; None where it is missing or lacks the columns."""
        file = folder.root / self.file
        if not file.is_file():
            return None
        table = table_reader.read(file, SCHEMA).rows
        return _rows(table) if self.columns <= set(table) else None

    def describe(self, rows: Rows) -> str:
        """Return the name of the table."""
        return f"a folder with the table {self.file}"


def read_file(file: Path) -> Rows:
    """Read the rows of a table of any name.

    Raises:
        DataError: the table can't be read, or has no column of paths.
    """
    table = table_reader.read(file, SCHEMA).rows
    if "path" not in table:
        raise DataError(f"{file} has no column 'path' or 'file': name the image files in one.")
    return _rows(table)


def _rows(table: pd.DataFrame) -> Rows:
    if "label" in table:
        table["label"] = table["label"].str.lower().map(lambda text: LABEL_ALIASES.get(text, text))
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
