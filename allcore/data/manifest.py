"""A data set as a table: one row an image."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from allcore.data import subjects
from allcore.errors import DataError

COLUMNS = ("image_id", "path", "label", "subject", "group", "split", "fold", "sha256")
LABELS = ("hem", "all")
FILE_NAME = "manifest.csv"


@dataclass(frozen=True)
class Manifest:
    """A folder of images and the table that describes it.

    Attributes:
        root: folder that ``path`` is relative to.
        table: the columns of ``COLUMNS`` (text or None) and any others, one row an image.
        name: what pages call the data set.
    """

    root: Path
    table: pd.DataFrame
    name: str

    def __len__(self) -> int:
        return len(self.table)

    def paths(self) -> list[Path]:
        """Absolute path of each image, in the table's order."""
        return [self.root / path for path in self.table["path"]]

    def labelled(self) -> "Manifest":
        """Only the images that carry a label.

        Raises:
            DataError: there is none.
        """
        table = self.table[self.table["label"].notna()].reset_index(drop=True)
        if table.empty:
            raise DataError(
                f"No image of {self.root} has a label: put them in folders 'all' and 'hem', or "
                "give a CSV with the columns path and label."
            )
        return Manifest(self.root, table, self.name)

    def digest(self) -> str:
        """SHA-256 over ids, labels, subjects and file digests: what a model was trained on."""
        columns = ["image_id", "label", "subject", "sha256"]
        rows = self.table.sort_values("image_id")[columns].fillna("").agg("\t".join, axis=1)
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def build(root: Path, rows: list[dict[str, str | None]], *, name: str) -> Manifest:
    """A manifest from rows that hold at least ``path``; the other columns are filled in.

    Subject and label missing from a row are parsed from a C-NMC file name. An image without a
    subject is its own group, for nothing says that it shares one.

    Raises:
        DataError: no rows, two rows with one id, or a label other than ``all`` and ``hem``.
    """
    if not rows:
        raise DataError(f"No image was found in {root}: point at a folder that holds some.")
    table = pd.DataFrame([_complete(row) for row in rows])
    extra = [column for column in table if column not in COLUMNS]
    table = table[[*COLUMNS, *extra]].astype(dict.fromkeys(COLUMNS, object))
    table = table.where(table.notna(), None)
    _check(table, root)
    return Manifest(root, table, name)


def write(manifest: Manifest, path: Path) -> None:
    """Write the table as CSV; missing values are empty cells."""
    manifest.table.to_csv(path, index=False, lineterminator="\n")


def _complete(row: dict[str, str | None]) -> dict[str, str | None]:
    path = str(row["path"])
    parsed = subjects.parse_name(path) or (None, None)
    full: dict[str, str | None] = dict.fromkeys(COLUMNS)
    full.update({"subject": parsed[0], "label": parsed[1]})
    full.update({key: value for key, value in row.items() if value not in (None, "")})
    full["image_id"] = full["image_id"] or path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    subject = full["subject"]
    full["group"] = full["group"] or (subjects.group_of(subject) if subject else full["image_id"])
    return full


def _check(table: pd.DataFrame, root: Path) -> None:
    unknown = set(table["label"].dropna()) - set(LABELS)
    if unknown:
        raise DataError(
            f"The label '{sorted(unknown)[0]}' in {root} is not known: use 'all' for ALL blasts "
            "and 'hem' for normal cells."
        )
    twice = table["image_id"][table["image_id"].duplicated()]
    if len(twice):
        raise DataError(
            f"The image id '{twice.iloc[0]}' stands more than once in {root}: give every image "
            "an id of its own in a column image_id."
        )
