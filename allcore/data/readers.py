"""Readers: data sets as people have them, each giving one manifest.

A reader looks at a folder and returns the rows it finds, or None where the layout is not its own.
``read`` asks them in the order of ``READERS``; to support a layout, write one and add it there.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from allcore.data import manifest
from allcore.data.manifest import Manifest
from allcore.errors import DataError

Rows = list[dict[str, str | None]]

IMAGE_SUFFIXES = frozenset({".bmp", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"})
PRELIMINARY_LABELS = "C-NMC_test_prelim_phase_data_labels.csv"
LABEL_WORDS = {
    "all": "all", "hem": "hem", "blast": "all", "normal": "hem", "healthy": "hem",
    "1": "all", "0": "hem",
}  # fmt: skip


def read(path: Path) -> Manifest:
    """The manifest of a folder or of a CSV file.

    Raises:
        DataError: nothing is there, or no reader knows the layout.
    """
    path = path.expanduser()
    if path.is_file():
        return manifest.build(path.parent, _table(path) or [], name=path.stem)
    if not path.is_dir():
        raise DataError(f"There is no data set at {path}: check the path, or set ALLSCOPE_DATA.")
    for reader in READERS:
        rows = reader(path)
        if rows:
            return manifest.build(path, rows, name=_name(rows, path))
    raise DataError(
        f"The layout of {path} is not known: it needs fold_*/all and fold_*/hem as in C-NMC 2019, "
        "folders 'all' and 'hem', or a manifest.csv with the columns path and label."
    )


def own_manifest(root: Path) -> Rows | None:
    """A ``manifest.csv`` of ALLScope: the columns image_id and path at least."""
    return _table(root / manifest.FILE_NAME, needs=("image_id", "path"))


def indexed_cnmc(root: Path) -> Rows | None:
    """An ``index.csv`` with the columns file, subject, label, fold and, maybe, bmp_sha256."""
    return _table(root / "index.csv", needs=("file", "subject", "label"))


def official_cnmc(root: Path) -> Rows | None:
    """The training folders of C-NMC 2019: ``fold_*/all`` and ``fold_*/hem`` at any depth."""
    rows: Rows = []
    for folder in sorted(root.rglob("fold_*")):
        for label in manifest.LABELS:
            rows += [
                {"path": _relative(file, root), "label": label, "fold": folder.name}
                for file in _images(folder / label)
            ]
    return rows or None


def preliminary_cnmc(root: Path) -> Rows | None:
    """The preliminary test phase of C-NMC 2019: numbered files and their table of labels.

    ``Patient_ID`` there is the original cell name, which holds the subject; ``new_names`` is the
    file's name and ``labels`` is 1 for ALL blasts.
    """
    found = sorted(root.rglob(PRELIMINARY_LABELS))
    if not found:
        return None
    files = {file.name: _relative(file, root) for file in _images(root, deep=True)}
    table = pd.read_csv(found[0], dtype=str)
    rows: Rows = []
    columns = ["Patient_ID", "new_names", "labels"]
    for patient, name, label in table[columns].itertuples(index=False):
        if name in files:
            subject = re.match(r"UID_(H?\d+)", patient, re.IGNORECASE)
            rows.append({
                "path": files[name],
                "label": LABEL_WORDS[label],
                "subject": subject[1].upper() if subject else patient,
                "fold": "preliminary",
            })  # fmt: skip
    return rows


def class_folders(root: Path) -> Rows | None:
    """Plain ``class/file`` folders whose names are labels (all, hem, blast, normal, ...)."""
    rows: Rows = []
    for folder in sorted(entry for entry in root.iterdir() if entry.is_dir()):
        label = LABEL_WORDS.get(folder.name.lower())
        if label:
            rows += [
                {"path": (path := _relative(file, root)), "image_id": path, "label": label}
                for file in _images(folder, deep=True)
            ]
    return rows or None


def unlabelled(root: Path) -> Rows | None:
    """Any folder of images: labels and subjects only where the file names hold them."""
    files = _images(root, deep=True)
    return [{"path": (path := _relative(file, root)), "image_id": path} for file in files] or None


READERS: tuple[Callable[[Path], Rows | None], ...] = (
    own_manifest, indexed_cnmc, preliminary_cnmc, official_cnmc, class_folders, unlabelled,
)  # fmt: skip


def _table(path: Path, needs: Iterable[str] = ()) -> Rows | None:
    if not path.is_file():
        return None
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"{path} can't be read as a CSV table: {error}.") from error
    if not set(needs) <= set(table):
        return None
    table = table.rename(columns={"file": "path", "bmp_sha256": "sha256"})
    if "path" not in table:
        raise DataError(f"{path} has no column 'path' or 'file': name the image files in one.")
    if "label" in table:
        table["label"] = table["label"].str.lower().map(lambda word: LABEL_WORDS.get(word, word))
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _images(folder: Path, *, deep: bool = False) -> list[Path]:
    found = folder.rglob("*") if deep else folder.glob("*")
    return sorted(file for file in found if file.suffix.lower() in IMAGE_SUFFIXES)


def _relative(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix()


def _name(rows: Rows, root: Path) -> str:
    return rows[0].get("dataset") or ("C-NMC 2019" if rows[0].get("fold") else root.name)
