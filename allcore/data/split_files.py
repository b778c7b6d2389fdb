"""Reading, validation and writing of split files.

A split is a CSV with one row an image and the columns ``image_id`` and ``split``; ``split.csv`` of
a model's folder is one. Files written here also record the draw in every row: ``kind``, ``seed``,
``fold``, ``folds`` and ``data``, the start of the data set's digest. Other columns are ignored.
``allcore.data.saved_splits`` keeps splits under names.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from allcore import formats
from allcore.data import path_matching, safe_paths, subjects, table_reader
from allcore.data.manifest import Manifest
from allcore.data.path_matching import AMBIGUOUS
from allcore.data.splits import EXCLUDED, PARTS, Split, parse_part
from allcore.data.subject_separation import SubjectSeparation
from allcore.data.table_reader import FILE_NAMES, SPLIT_NAMES, Schema
from allcore.errors import DataError
from allcore.labels import CLASS_PLURALS

KIND = "file"
"""Kind of a split that was read from a file."""
SCHEMA = Schema(
    names={"image_id": ("image id", "id", *FILE_NAMES), "split": SPLIT_NAMES},
    required={"image_id": "image ids", "split": "parts"},
    other_columns=True,
)
FACTS = ("kind", "seed", "fold", "folds", "data")
MAX_BYTES = 32 * 2**20
DIGITS = 16
"""Leading digits of the data set's digest in a split file, enough to distinguish data sets."""
_NEEDS = "a split is a CSV with the columns image_id and split"


@dataclass(frozen=True)
class SplitFile:
    """The content of a split file, not yet matched with a data set."""

    name: str  # of the file
    sha256: str  # of its bytes
    parts: "pd.Series[str]"  # one of ``PARTS`` or ``EXCLUDED`` per image, indexed by image id
    facts: dict[str, str]  # the columns of ``FACTS`` that the file has, as text


@dataclass(frozen=True)
class FileSplit(Split):
    """The split of a file over the labelled images of a data set."""

    file: str = ""  # its name
    sha256: str = ""  # of its bytes
    facts: dict[str, str] = field(default_factory=dict)  # recorded parameters of the draw
    separation: SubjectSeparation = field(default_factory=SubjectSeparation)
    # test cells with a duplicate in training or validation; None without a search
    twins: int | None = None

    @property
    def keeps_subjects_apart(self) -> bool:
        """True if all subjects are known and none is in two parts."""
        return self.separation.state == "apart"

    def record(self) -> dict[str, Any]:
        """Return the entry of model.json; evaluations report its ``leaks``."""
        leaks = self.separation.record() | {"twins_of_test_cells": self.twins}
        return {
            "kind": self.kind, "file": self.file, "sha256": self.sha256, "drawn": self.facts,
            "leaks": leaks,
        }  # fmt: skip


def read_split(path: Path) -> SplitFile:
    """Read a split file.

    Raises:
        DataError: the file can't be read, is no split, has an unknown part or an image twice.
    """
    try:
        safe_paths.require_file(path)
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise too_large_error(path.name, size)
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} can't be read ({error.strerror}): {_NEEDS}.") from error
    return parse_split(content, name=path.name)


def parse_split(content: bytes, *, name: str) -> SplitFile:
    """Parse the bytes of a split file.

    Raises:
        DataError: as ``read_split``.
    """
    if len(content) > MAX_BYTES:
        raise too_large_error(name, len(content))
    table = _table(content, name)
    parts = table["split"].map({word: _part(word) for word in table["split"].unique()})
    if parts.isna().any():
        row = table[parts.isna()].iloc[0]
        raise DataError(
            f"{name} puts the image '{row['image_id']:.80}' in the part '{row['split']:.40}', "
            f"which is not known: parts are {', '.join(PARTS)} and {EXCLUDED}."
        )
    twice = table["image_id"][table["image_id"].duplicated()]
    if len(twice):
        raise DataError(
            f"{name} names the image '{twice.iloc[0]}' more than once: give every image one row."
        )
    parts = parts.set_axis(table["image_id"].to_numpy()).rename("split")
    first = table.iloc[0]
    facts = {key: str(first[key])[:80] for key in FACTS if key in table and first[key]}
    return SplitFile(name, hashlib.sha256(content).hexdigest(), parts, facts)


def too_large_error(name: str, size: int) -> DataError:
    """Return the error for a file above ``MAX_BYTES``."""
    return DataError(
        f"{name} has {size / 2**20:.0f} MB, more than the {MAX_BYTES >> 20} MB that a split may "
        f"have: {_NEEDS}."
    )


def fit_to_manifest(file: SplitFile, manifest: Manifest) -> FileSplit:
    """Match a split file with a data set; every labelled image and both classes must be covered.

    C-NMC names match whatever folder and suffix the file or the data set gives them.

    Raises:
        DataError: the file and the data set hold different images, or a part lacks a class.
    """
    parts = _by_id(file, manifest)
    table = manifest.labelled().table
    parts = parts.reindex(table["image_id"].to_numpy())
    if parts.isna().any():
        missing = parts[parts.isna()]
        raise DataError(
            f"{file.name} says nothing of {formats.count(len(missing), 'image')} of the data set, "
            f"such as '{missing.index[0]}': give each a part, or '{EXCLUDED}'."
        )
    _check_parts(file.name, parts.to_numpy(dtype=object), table)
    return FileSplit(
        kind=KIND,
        seed=_number(file.facts.get("seed"), 0),
        parts=parts.rename("split"),
        fold=_number(file.facts.get("fold"), 0),
        folds=_number(file.facts.get("folds"), 1),
        file=file.name,
        sha256=file.sha256,
        facts=file.facts,
        separation=SubjectSeparation.of_parts(table, parts),
    )


def split_table(split: Split, manifest: Manifest) -> pd.DataFrame:
    """Return a split as the table of its file: one row an image, the draw's parameters in each."""
    drawn: dict[str, int | str] = {
        "kind": split.kind, "seed": split.seed, "fold": split.fold, "folds": split.folds,
    }  # fmt: skip
    if isinstance(split, FileSplit):  # only the parameters that the file has
        drawn = {name: split.facts[name] for name in FACTS if name in split.facts}
    drawn["data"] = manifest.digest()[:DIGITS]
    table = split.parts.rename("split").rename_axis("image_id").reset_index()
    for column, value in drawn.items():
        table[column] = value
    return table


def split_bytes(split: Split, manifest: Manifest) -> bytes:
    """Return the bytes of a split's file."""
    return split_table(split, manifest).to_csv(index=False, lineterminator="\n").encode()


def _table(content: bytes, name: str) -> pd.DataFrame:
    """Read the rows of a file with the columns of ``SCHEMA``, all as text."""
    try:
        table = table_reader.read(content, SCHEMA, name=name).rows
    except DataError as error:
        raise DataError(f"{str(error).rstrip('.')}; {_NEEDS}.") from error
    if table.empty:
        raise DataError(f"{name} has no rows: give every image of the data set one.")
    return table.fillna("")


def _part(word: str) -> str | None:
    return EXCLUDED if word.casefold() in (EXCLUDED, "exclude") else parse_part(word)


def _by_id(file: SplitFile, manifest: Manifest) -> "pd.Series[str]":
    """Map the file's ids to the data set's image ids; every id must match."""
    ids = manifest.table["image_id"]
    if file.parts.index.isin(ids).all():
        return file.parts
    own = dict(zip(ids.map(_plain), ids, strict=True)) | dict(zip(ids, ids, strict=True))
    known = [own.get(name, own.get(_plain(name))) for name in file.parts.index]
    paths = manifest.table["path"].tolist()
    left = [i for i, match in enumerate(known) if match is None]
    matches = path_matching.match([file.parts.index[i] for i in left], paths)
    for i, match in zip(left, matches, strict=True):
        known[i] = None if match is None or match == AMBIGUOUS else ids.iloc[match]
    unknown = [file.parts.index[i] for i in left if known[i] is None]
    if unknown:
        raise DataError(
            f"{file.name} names {formats.count(len(unknown), 'image')} that the data set does not "
            f"have, such as '{unknown[0]}': choose the data set that the split is of."
        )
    parts = file.parts.set_axis(known)
    if parts.index.has_duplicates:
        raise DataError(
            f"{file.name} names the image '{parts.index[parts.index.duplicated()][0]}' more than "
            "once: give every image one row."
        )
    return parts


def _plain(name: str) -> str:
    """Strip folder and suffix of a C-NMC name; strip the leading apostrophe of other names."""
    name = name[1:] if name.startswith("'") else name
    return subjects.canonical_id(name)


def _check_parts(name: str, parts: Any, table: pd.DataFrame) -> None:
    for part in PARTS:
        labels = set(table["label"][parts == part])
        if not labels:
            raise DataError(
                f"{name} puts no image in the part '{part}': a network is trained on one, its "
                "threshold is chosen on the second and it is judged on the third."
            )
        for label, words in CLASS_PLURALS.items():
            if label not in labels:
                raise DataError(
                    f"{name} puts no {words[:-1]} in the part '{part}': every part needs both "
                    "classes."
                )


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() else otherwise
