"""A data set as a table, one row an image."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from allcore.data import subjects
from allcore.data.file_digests import LeftOutFiles
from allcore.data.label_choice import LabelConflict
from allcore.errors import DataError
from allcore.labels import LABELS

COLUMNS = ("image_id", "path", "label", "subject", "group", "split", "fold", "sha256")
FILE_NAME = "manifest.csv"


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
    rows: list[dict[str, str | None]] | pd.DataFrame,
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
    listed = pd.DataFrame(rows)
    listed = listed.astype({column: object for column in listed if column in COLUMNS})
    # Columns without values go; the others are ordered by their first value.
    there = listed.notna() & (listed != "")
    known = [column for column in listed if there[column].any()]
    ordered = sorted(known, key=lambda column: int(there[column].to_numpy().argmax()))
    table = _completed(listed[ordered].where(there[ordered], None).reset_index(drop=True))
    if conflict and not conflict.decided:
        table["label"] = None
    _check(table, root)
    return Manifest(root, table, name, tuple(notes), layout, conflict, tuple(left_out))


def write(manifest: Manifest, path: Path) -> None:
    """Write the table as CSV; missing values are empty cells."""
    manifest.table.to_csv(path, index=False, lineterminator="\n")


def _completed(table: pd.DataFrame) -> pd.DataFrame:
    """Return all of ``COLUMNS``, filled in from file names, followed by the further columns."""
    paths = table["path"].astype(str).tolist()
    parsed = [subjects.parse_name(path) for path in paths]
    stems = [path.rsplit("/", 1)[-1].rsplit(".", 1)[0] for path in paths]
    if len(set(stems)) < len(set(paths)):
        stems = [
            stem if name else path for stem, name, path in zip(stems, parsed, paths, strict=True)
        ]
    named = pd.DataFrame(
        {
            "image_id": stems,
            "subject": [name and name[0] for name in parsed],
            "label": [subjects.label_in_name(path) for path in paths],
        },
        dtype=object,
    )
    filled = {column: _filled(table, column, named[column]) for column in map(str, named)}
    subject = filled["subject"]
    group_of = {name: subjects.group_of(name) for name in subject.dropna().unique()}
    groups = subject.map(group_of).astype(object)
    alone = filled["image_id"]
    if subject.isna().any():
        cells = originals(pd.DataFrame({"path": paths, "image_id": alone}))
        alone = pd.Series(cells, dtype=object)
    filled["group"] = _filled(table, "group", groups.where(groups.notna(), alone))
    extra = [column for column in table if column not in COLUMNS]
    full = table.assign(**filled).reindex(columns=[*COLUMNS, *extra])
    full = full.astype(dict.fromkeys(COLUMNS, object))
    return full.where(full.notna(), None)


def originals(table: pd.DataFrame) -> list[str]:
    """Return the id of the cell of each image, to its name: that of the first image of the cell.

    Images of one cell are copies beside their original, versions of a C-NMC cell, and pictures of
    one name in folders of several views.
    """
    paths, image_ids = table["path"].astype(str).tolist(), table["image_id"].tolist()
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


def _filled(table: pd.DataFrame, column: str, values: "pd.Series[str]") -> "pd.Series[str]":
    """Return a column with missing values replaced."""
    if column not in table:
        return values
    return table[column].where(table[column].notna(), values)


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
