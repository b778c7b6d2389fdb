"""A data set as a table, one row an image."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from allcore.data import subjects
from allcore.data.file_digests import LeftOutFiles
from allcore.data.label_choice import LabelConflict
from allcore.errors import DataError
from allcore.labels import LABELS

COLUMNS = ("image_id", "path", "label", "subject", "group", "split", "fold", "sha256")
FILE_NAME = "manifest.csv"

Columns = dict[str, list[str | None]]
"""Entries by column; None for missing ones."""


@dataclass(frozen=True)
class Manifest:
    """A folder of images and its table."""

    root: Path  # folder that ``path`` is relative to
    # the columns of ``COLUMNS`` (text or None) and any further columns, one row an image
    table: pd.DataFrame
    name: str  # of the data set, as pages show it
    notes: tuple[str, ...] = ()  # files of the folder that the table leaves out, one sentence each
    layout: str = ""  # the layout of the folder, in words
    conflict: LabelConflict | None = None  # between sources of the labels
    left_out: tuple[LeftOutFiles, ...] = ()  # files of the folder that are no images of the table

    def __len__(self) -> int:
        return len(self.table)

    def paths(self) -> list[Path]:
        """Return the absolute path of each image, in the table's order."""
        return [self.root / path for path in self.table["path"]]

    def labelled(self) -> "Manifest":
        """Return the manifest of the labelled images only.

        Raises:
            DataError: no image has a label, or labels contradict each other.
        """
        self.require_decided()
        table = self.table[self.table["label"].notna()].reset_index(drop=True)
        if table.empty:
            raise DataError(
                f"No image of {self.root} has a label: put them in folders 'all' and 'hem', or "
                "give a CSV with the columns path and label."
            )
        return replace(self, table=table)

    def require_decided(self) -> None:
        """Raise the DataError of labels that contradict each other, unless it was decided."""
        if self.conflict and not self.conflict.decided:
            raise DataError(self.conflict.sentence)

    def digest(self) -> str:
        """Return the SHA-256 over ids, labels, subjects and file digests of the images."""
        columns = ["image_id", "label", "subject", "sha256"]
        rows = self.table.sort_values("image_id")[columns].fillna("").agg("\t".join, axis=1)
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def build(
    root: Path,
    rows: list[dict[str, str | None]],
    *,
    name: str,
    notes: Sequence[str] = (),
    layout: str = "",
    conflict: LabelConflict | None = None,
    left_out: Sequence[LeftOutFiles] = (),
) -> Manifest:
    """Build a manifest from rows with at least ``path``; the other columns are filled in.

    A missing subject or label is parsed from the file name. An image of unknown subject is a group
    of its own, with the copies of its file. Until a conflict is decided, no image has a label.

    Raises:
        DataError: no rows, two rows with one id, or a label other than ``all`` and ``hem``.
    """
    if not len(rows):
        raise DataError(f"No image was found in {root}: point at a folder that holds some.")
    table = _completed(_columns(rows))
    if conflict and not conflict.decided:
        table["label"] = None
    _check(table, root)
    return Manifest(root, table, name, tuple(notes), layout, conflict, tuple(left_out))


def write(manifest: Manifest, path: Path) -> None:
    """Write the table as CSV; missing values are empty cells."""
    manifest.table.to_csv(path, index=False, lineterminator="\n")


def _columns(rows: list[dict[str, str | None]]) -> Columns:
    """Return the columns that hold a value, by the row of their first one."""
    columns = {
        # An entry that differs from itself is NaN, which data frames put in place of None.
        name: [value if (value := row.get(name)) and value == value else None for row in rows]
        for name in dict.fromkeys(chain.from_iterable(rows))
    }
    first = {
        name: next((row for row, value in enumerate(values) if value), -1)
        for name, values in columns.items()
    }
    return {
        name: columns[name] for name in sorted(columns, key=first.__getitem__) if first[name] >= 0
    }


def _completed(columns: Columns) -> pd.DataFrame:
    """Return all of ``COLUMNS``, filled in from file names, followed by the further columns."""
    # Plain lists: data frames take milliseconds for each step, however few the rows.
    paths = [str(path) for path in columns["path"]]
    parsed = [subjects.parse_name(path) for path in paths]
    stems = [path.rsplit("/", 1)[-1].rsplit(".", 1)[0] for path in paths]
    if len(set(stems)) < len(set(paths)):
        stems = [
            stem if name else path for stem, name, path in zip(stems, parsed, paths, strict=True)
        ]
    image_ids = _filled(columns, "image_id", stems)
    subject = _filled(columns, "subject", [name and name[0] for name in parsed])
    group_of = {name: subjects.group_of(name) for name in dict.fromkeys(subject) if name}
    alone = image_ids if None not in subject else _originals(paths, image_ids)
    groups = [group_of.get(name, cell) for name, cell in zip(subject, alone, strict=True)]
    full = columns | {
        "image_id": image_ids,
        "subject": subject,
        "label": _filled(columns, "label", [subjects.label_in_name(path) for path in paths]),
        "group": _filled(columns, "group", groups),
    }
    unknown = [None] * len(paths)
    named = {name: pd.Series(full.get(name, unknown), dtype=object) for name in COLUMNS}
    return pd.DataFrame(named | {name: full[name] for name in columns if name not in COLUMNS})


def originals(table: pd.DataFrame) -> list[str]:
    """Return the id of the cell of each image, to its name: that of the first image of the cell.

    Images of one cell are copies beside their original, versions of a C-NMC cell, and pictures of
    one name in folders of several views.
    """
    return _originals(table["path"].astype(str).tolist(), table["image_id"].tolist())


def _originals(paths: list[str], image_ids: list[str]) -> list[str]:
    folders = list(map(_without_views, paths))
    names = [path.rsplit("/", 1)[-1] for path in paths]
    own = [f"{place}{name.rsplit('.', 1)[0]}" for place, name in zip(folders, names, strict=True)]
    first = dict(zip(reversed(own), reversed(image_ids), strict=True))
    return [
        subjects.original_id(name)
        if subjects.parse_name(name)
        else first.get(f"{place}{subjects.stem_of_original(name)}", first[mine])
        for place, name, mine in zip(folders, names, own, strict=True)
    ]


def _without_views(path: str) -> str:
    """Return the folders of a path, with slashes, without those that hold views of cells."""
    folders = path.split("/")[:-1]
    return "".join(f"{folder}/" for folder in folders if folder.casefold() not in subjects.VIEWS)


def _filled(columns: Columns, name: str, values: list[Any]) -> list[Any]:
    """Return a column with missing entries replaced."""
    if name not in columns:
        return values
    return [own or value for own, value in zip(columns[name], values, strict=True)]


def _check(table: pd.DataFrame, root: Path) -> None:
    unknown = set(table["label"].dropna()) - set(LABELS)
    if unknown:
        raise DataError(
            f"The label '{sorted(unknown)[0]}' in {root} is not known: use 'all' for ALL blasts "
            "and 'hem' for normal cells, or decide it by "
            f"--labels {','.join(f'{word}=all' for word in sorted(unknown)[:2])} (or =hem, =none)."
        )
    twice = table["image_id"][table["image_id"].duplicated()]
    if len(twice):
        paths = table["path"][table["image_id"] == twice.iloc[0]].iloc[:2].tolist()
        if len(set(paths)) == 1:
            raise DataError(
                f"The picture {paths[0]} stands more than once in the table of {root}: leave one "
                "row for each picture."
            )
        raise DataError(
            f"The image id '{twice.iloc[0]}' stands more than once in {root} ({' and '.join(paths)}"
            "): give every image an id of its own in a column image_id."
        )
