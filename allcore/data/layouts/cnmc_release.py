"""The published layout of C-NMC 2019: training folds, preliminary and final test, or any of them.

Both test parts hold numbered files from ``1.bmp``, so the path serves as image id.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from allcore.data import subjects, table_reader
from allcore.data.layouts.layout import Folder, Rows
from allcore.data.splits import parse_part
from allcore.data.table_reader import Schema
from allcore.errors import DataError
from allcore.labels import LABELS, parse_label

PRELIMINARY, FINAL = "C-NMC_test_prelim_phase_data", "C-NMC_test_final_phase_data"
"""Folders of the test parts."""
LABELS_TABLE = f"{PRELIMINARY}_labels.csv"
"""Labels of the preliminary test. ``Patient_ID`` there is the original cell name, which holds the
subject; ``new_names`` is the file's name and ``labels`` is 1 for ALL blasts."""
SCHEMA = Schema(
    names={"patient": ("Patient_ID",), "name": ("new_names",), "label": ("labels", "label")},
    required={
        "patient": "original names", "name": "file names", "label": "labels, as C-NMC 2019 has",
    },
    limited=False,
)  # fmt: skip

_TRAINING = re.compile(rf"(?:^|/)(fold_[^/]*)/({'|'.join(LABELS)})/[^/]+$")
_OWN = {"training_data", "validation_data", "testing_data"}
"""Folders of the release on Kaggle that hold its three parts."""
_SUBJECT = re.compile(r"UID_(H?\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class CnmcRelease:
    """One or more of the three parts of the release in a folder."""

    lists_images: bool = False

    def read(self, folder: Folder) -> Rows | None:
        """Return the images of all parts; None where the folder holds none of them.

        Raises:
            DataError: the table of labels can't be used.
        """
        matches = [(path, _TRAINING.search(path)) for path in folder.images]
        training: Rows = [
            {"path": path, "label": match[2], "fold": match[1]}
            for path, match in matches
            if match and subjects.parse_name(path)
        ]
        rest = [path for path, match in matches if not match]
        tables = [path for path in folder.files if _file_name(path) == LABELS_TABLE]
        labels = _read_labels(folder.root / tables[0]) if tables else None
        final = [_numbered(path, "final") for path in rest if _is_in(FINAL, path)]
        rows: Rows = [*training, *_preliminary(labels, rest), *final]
        return [row | {"split": _part(str(row["path"]))} for row in rows] or None

    def describe(self, rows: Rows) -> str:
        """Return the names of the parts."""
        folds = sorted({str(row["fold"]) for row in rows})
        return f"C-NMC 2019 as it is published ({', '.join(folds)})"


def _part(path: str) -> str | None:
    """Part of a split into which somebody has put images of the release; None for its own tree."""
    folders = (name for name in path.split("/")[:-1] if name.lower() not in _OWN)
    return next(filter(None, map(parse_part, folders)), None)


def _preliminary(labels: dict[str, dict[str, str | None]] | None, images: Sequence[str]) -> Rows:
    """Images of the preliminary test; images missing from the table of labels are unlabelled.

    With the table, images are also found where no folder has the part's name.
    """
    own = [path for path in images if _is_in(PRELIMINARY, path)]
    if labels is None:
        return [_numbered(path, "preliminary") for path in own]
    candidates = own or [path for path in images if not _is_in(FINAL, path)]
    paths = {_file_name(path): path for path in candidates}
    labelled = [
        _numbered(paths[name], "preliminary") | row for name, row in labels.items() if name in paths
    ]
    unlabelled = [_numbered(path, "preliminary") for path in own if _file_name(path) not in labels]
    return labelled + unlabelled


def _read_labels(file: Path) -> dict[str, dict[str, str | None]]:
    """Return label and subject by file name.

    Raises:
        DataError: the table lacks a column, or its codes contradict the names of the cells.
    """
    table = table_reader.read(file, SCHEMA).rows.dropna(subset=["name"])
    labels: dict[str, dict[str, str | None]] = {}
    contradictions = 0
    for patient, name, code in table[list(SCHEMA.names)].itertuples(index=False):
        match, parsed = _SUBJECT.match(patient or ""), subjects.parse_name(patient or "")
        label = parse_label(code) or code
        contradictions += parsed is not None and label is not None and label != parsed[1]
        labels[name] = {"label": label, "subject": match[1].upper() if match else patient}
    if contradictions:
        raise DataError(
            f"{contradictions:,} of {len(labels):,} labels in {file} contradict the names of the "
            "cells in Patient_ID, so its codes may be exchanged: write 1 for ALL blasts, 0 for "
            "normal cells."
        )
    return labels


def _numbered(path: str, fold: str) -> dict[str, str | None]:
    return {"path": path, "image_id": path, "fold": fold}


def _file_name(path: str) -> str:
    return path.rpartition("/")[2]


def _is_in(folder: str, path: str) -> bool:
    return path.startswith(f"{folder}/") or f"/{folder}/" in path
