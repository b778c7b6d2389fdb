"""What would be read from a folder or table, before anyone connects it."""

import csv
import os
from dataclasses import dataclass
from pathlib import Path

from allcore.data import manifest, readers
from allcore.data.manifest import Manifest
from allcore.data.safe_paths import Within
from allcore.errors import DataError
from allcore.labels import CLASS_PLURALS, LABEL_ALIASES

TABLES = ((manifest.FILE_NAME, ("image_id", "path")), ("index.csv", ("file", "subject", "label")))
"""Tables in a folder that tell what is in it, and the columns that they need, as in ``readers``."""


@dataclass(frozen=True)
class Look:
    """A data set as it was read.

    Attributes:
        manifest: what it holds.
        layout: how it was read, in words.
        labels: images by label, ``None`` for those without one.
        subjects: how many there are.
        nameless: images whose subject nothing tells.
        outside: images whose path leads out of the folder.
        missing: images that the table names and that are not there.
    """

    manifest: Manifest
    layout: str
    labels: dict[str | None, int]
    subjects: int
    nameless: int
    outside: int
    missing: int

    @property
    def warnings(self) -> list[str]:
        """What to know before working with it, one sentence each."""
        told = [_of_labels(self.labels), _of_subjects(self), _of_missing(self), _of_outside(self)]
        return [*self.manifest.notes, *(sentence for sentence in told if sentence)]


def look(path: Path) -> Look:
    """Read a folder or CSV file and describe it; its pictures are not opened.

    Raises:
        DataError: it holds no picture, two images have one id, or it can't be read.
    """
    return described(path, read(path))


def described(path: Path, found: Manifest) -> Look:
    """The same of a data set that was read already."""
    outside, missing = _unreachable(found)
    labels = found.table["label"].value_counts(dropna=False)
    return Look(
        manifest=found,
        layout=layout(path, found),
        labels={_or_none(label): int(count) for label, count in labels.items()},
        subjects=int(found.table["subject"].nunique()),
        nameless=int(found.table["subject"].isna().sum()),
        outside=outside,
        missing=missing,
    )


def read(path: Path) -> Manifest:
    """As ``readers.read``, also where the folder can't be read or vanishes meanwhile.

    Raises:
        DataError: as there.
    """
    try:
        return readers.read(path)
    except OSError as error:
        raise DataError(
            f"{path} can't be read ({(error.strerror or 'no reason').lower()}): give the account "
            "that runs ALLScope the right to read it."
        ) from None


def layout(path: Path, found: Manifest) -> str:
    """How ``readers.read`` has read a data set, in words."""
    if path.is_file():
        return f"the table {path.name}"
    for name, needs in TABLES:
        if set(needs) <= _head(path / name):
            return f"a folder with the table {name}"
    if folds := {str(fold) for fold in found.table["fold"].dropna()}:
        return f"C-NMC 2019 as it is published ({', '.join(sorted(folds))})"
    tops = {str(place).split("/")[0].lower() for place in found.table["path"]}
    if tops <= LABEL_ALIASES.keys():
        return f"class folders: {', '.join(sorted(tops))}"
    return "a folder of pictures without class folders"


def _head(file: Path) -> set[str]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            return set(next(csv.reader(lines), []))
    except (OSError, UnicodeDecodeError, csv.Error):
        return set()


def _unreachable(found: Manifest) -> tuple[int, int]:
    """How many images lead out of the folder, and how many are not there."""
    within, outside, missing = Within(found.root), 0, 0
    for path in found.table["path"]:
        try:
            file = within.resolve(path)
            outside += not within.holds(file)
            missing += within.holds(file) and not os.path.isfile(file)
        except (OSError, RuntimeError, ValueError):  # links in a circle, names that can't be
            missing += 1
    return outside, missing


def _of_labels(labels: dict[str | None, int]) -> str:
    known = [label for label in labels if label is not None]
    if not known:
        return (
            "No image has a label: put them in folders 'all' and 'hem', or give a CSV table with "
            "the columns path and label."
        )
    if len(known) == 1:
        return (
            f"All labelled images are {CLASS_PLURALS[known[0]]}: with one class alone nothing can "
            "be trained or judged."
        )
    return ""


def _of_subjects(found: Look) -> str:
    if not found.nameless:
        return ""
    which = "No file name tells" if not found.subjects else f"{found.nameless:,} images don't tell"
    return (
        f"{which} a subject, so that each such image counts as a subject of its own and leaks "
        "between parts of a split can't be seen: give a CSV table with a column subject."
    )


def _of_missing(found: Look) -> str:
    if not found.missing:
        return ""
    return (
        f"{found.missing:,} of {len(found.manifest):,} images are named by the table and are not "
        "there: they are shown without a picture."
    )


def _of_outside(found: Look) -> str:
    if not found.outside:
        return ""
    return (
        f"{found.outside:,} of {len(found.manifest):,} images lead out of the folder and are not "
        "followed: copy the files into it."
    )


def _or_none(label: object) -> str | None:
    return label if isinstance(label, str) else None
