"""C-NMC 2019 as it is published: training folds, preliminary and final test, alone or together.

The two test parts are numbered files, ``1.bmp`` and up in both, so that there the path is the
image's id.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from allcore.data import tables
from allcore.data.tables import Rows
from allcore.errors import DataError
from allcore.labels import LABEL_ALIASES, LABELS

PRELIMINARY, FINAL = "C-NMC_test_prelim_phase_data", "C-NMC_test_final_phase_data"
"""Folders of the test parts."""
LABELS_TABLE = f"{PRELIMINARY}_labels.csv"
"""Labels of the preliminary test. ``Patient_ID`` there is the original cell name, which holds the
subject; ``new_names`` is the file's name and ``labels`` is 1 for ALL blasts."""
COLUMNS = ("Patient_ID", "new_names", "labels")

_TRAINING = re.compile(rf"(?:^|/)(fold_[^/]*)/({'|'.join(LABELS)})/[^/]+$")
_SUBJECT = re.compile(r"UID_(H?\d+)", re.IGNORECASE)


def rows(root: Path, files: Sequence[str], images: Sequence[str]) -> Rows:
    """One row a picture of any part; none where the folder is no C-NMC 2019.

    Args:
        root: the folder.
        files: paths of its files, relative, with slashes.
        images: those of them that are pictures.

    Raises:
        DataError: the table of labels can't be used.
    """
    training = _training(images)
    rest = [path for path in images if not _TRAINING.search(path)]
    tables = [path for path in files if _base(path) == LABELS_TABLE]
    preliminary = _preliminary(root, tables, rest)
    final = [_numbered(path, "final") for path in rest if _in(FINAL, path)]
    return [*training, *preliminary, *final]


def _training(images: Sequence[str]) -> Rows:
    found = ((path, _TRAINING.search(path)) for path in images)
    return [{"path": path, "label": told[2], "fold": told[1]} for path, told in found if told]


def _preliminary(root: Path, tables: Sequence[str], images: Sequence[str]) -> Rows:
    """Pictures of the preliminary test; those that the table does not name have no label."""
    own = [path for path in images if _in(PRELIMINARY, path)]
    if not tables:
        return [_numbered(path) for path in own]
    told = _told(root / tables[0])
    places = {_base(path): path for path in own or _beside(images)}
    labelled = [_numbered(places[each]) | told[each] for each in told if each in places]
    return labelled + [_numbered(path) for path in own if _base(path) not in told]


def _told(table: Path) -> dict[str, dict[str, str | None]]:
    """Label and subject by file name."""
    found = tables.csv(table)
    if missing := [column for column in COLUMNS if column not in found]:
        raise DataError(
            f"{table} has no column '{missing[0]}': take the table that C-NMC 2019 comes with."
        )
    rows: pd.DataFrame = found[list(COLUMNS)]
    return {
        str(name): {"label": LABEL_ALIASES.get(label, label), "subject": _subject(patient)}
        for patient, name, label in rows.itertuples(index=False)
    }


def _base(path: str) -> str:
    """The last part of a path with slashes."""
    return path.rpartition("/")[2]


def _subject(patient: str) -> str:
    told = _SUBJECT.match(patient)
    return told[1].upper() if told else patient


def _beside(images: Sequence[str]) -> list[str]:
    """Pictures that may be the preliminary test's where no folder has its name."""
    return [path for path in images if not _in(FINAL, path)]


def _numbered(path: str, fold: str = "preliminary") -> dict[str, str | None]:
    return {"path": path, "image_id": path, "fold": fold}


def _in(folder: str, path: str) -> bool:
    return path.startswith(f"{folder}/") or f"/{folder}/" in path
