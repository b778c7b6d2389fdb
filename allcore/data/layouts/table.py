"""A CSV table of images with labels, subjects and further columns."""

import os
import posixpath
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from allcore import formats
from allcore.data import path_matching, table_reader
from allcore.data.layouts.layout import Folder, Rows
from allcore.data.path_matching import AMBIGUOUS
from allcore.data.splits import parse_part
from allcore.data.subjects import parse_name
from allcore.data.table_reader import (
    FILE_NAMES,
    LABEL_NAMES,
    SPLIT_NAMES,
    SUBJECT_NAMES,
    Schema,
)  # fmt: skip
from allcore.errors import DataError

SCHEMA = Schema(
    names={
        "path": FILE_NAMES,
        "image_id": ("image id",),
        "label": ("label", *LABEL_NAMES),
        "subject": SUBJECT_NAMES,
        "group": ("group",),
        "split": SPLIT_NAMES,
        "sha256": ("sha256", "bmp sha256"),
    },
    required={"path": "the images' files"},
    other_columns=True,
    limited=False,
)


_UNUSUAL = re.compile(r"^/|//|(?:^|/)\.\.?/")  # paths that are not in their plainest form


@dataclass(frozen=True)
class TableLayout:
    """A folder with a table of a fixed name."""

    file: str  # name of the table
    columns: frozenset[str]  # required columns; without them the table is ignored
    lists_images: bool = True

    def read(self, folder: Folder) -> Rows | None:
        """Return the rows of the table; None where it is missing or lacks the columns.

        Raises:
            DataError: the table can't be read, or has no column of files.
        """
        file = folder.root / self.file
        if not file.is_file():
            return None
        present = table_reader.recognise(table_reader.headings(file, SCHEMA), SCHEMA)
        if not self.columns - SCHEMA.required.keys() <= present.keys():
            return None
        return _rows(_read(file), folder)

    def describe(self, rows: Rows) -> str:
        """Return the name of the table."""
        return f"a folder with the table {self.file}"


def read_file(file: Path) -> Rows:
    """Read the rows of a table of any name.

    Raises:
        DataError: the table can't be read, or has no column of paths.
    """
    return _rows(_read(file), Folder(file.parent))


def _read(file: Path) -> pd.DataFrame:
    table = table_reader.read(file, SCHEMA).rows
    if unnamed := int(table["path"].isna().sum()):
        raise DataError(
            f"{file} has {formats.count(unnamed, 'row')} without a file: name it, or delete the "
            "row."
        )
    return table


def _rows(table: pd.DataFrame, folder: Folder) -> Rows:
    if "split" in table:
        texts = table["split"].unique()
        parts = {text: text and (parse_part(text) or text) for text in texts}
        table["split"] = table["split"].map(parts)
    if "subject" in table:  # that of a C-NMC cell where its name stands there, as in C-NMC's table
        named = {text: text and parse_name(text) for text in table["subject"].unique()}
        table["subject"] = pd.Series(
            [name[0] if (name := named[text]) else text for text in table["subject"]], dtype=object
        )
    table["path"] = _resolve(table["path"].tolist(), folder)
    columns = [str(column) for column in table]
    rows = zip(*(table[column].tolist() for column in columns), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _resolve(paths: list[str], folder: Folder) -> list[str]:
    """Return paths relative to the folder; those of no file in it are as in the table.

    A path may have backslashes, be absolute, or name a file of the folder by its end.
    """
    plain = [_relative(path, folder.root) for path in paths]
    parents = {path.rpartition("/")[0] for path in (*paths, *plain)}
    names = {parent: _file_names(parent, folder.root) for parent in parents}

    def is_there(path: str) -> bool:
        parent, _, name = path.rpartition("/")
        return name in names[parent]

    resolved = [next(filter(is_there, pair), "") for pair in zip(plain, paths, strict=True)]
    left = [row for row, path in enumerate(resolved) if not path]
    if left:
        used = set(resolved)
        files = [path for path in folder.images if path not in used]
        matches = path_matching.match([plain[row] for row in left], files)
        for row, match in zip(left, matches, strict=True):
            resolved[row] = plain[row] if match in (None, AMBIGUOUS) else files[match]
    return resolved


def _relative(path: str, root: Path) -> str:
    plain = path.replace("\\", "/")
    return posixpath.normpath(plain.removeprefix(f"{root}/")) if _UNUSUAL.search(plain) else plain


def _file_names(parent: str, root: Path) -> frozenset[str]:
    """Return the names in a folder below the root; none of a folder outside of it."""
    if parent.startswith(("/", "..")):
        return frozenset()
    try:
        return frozenset(os.listdir(root / parent))
    except (OSError, ValueError):
        return frozenset()
