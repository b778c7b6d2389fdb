"""Readers of data sets: a folder or table becomes a manifest.

``read`` tries the layouts in the order of ``LAYOUTS``. To support another layout, write one file in
``allcore/data/layouts`` and add a line here.
"""

from collections.abc import Sequence, Set
from pathlib import Path

from allcore.data import label_choice, label_sources, manifest, subjects, table_reader
from allcore.data.file_digests import LeftOutFiles
from allcore.data.images import formats
from allcore.data.label_choice import LabelChoice
from allcore.data.layouts import cnmc_release, table
from allcore.data.layouts.class_folders import ClassFolders
from allcore.data.layouts.cnmc_release import CnmcRelease
from allcore.data.layouts.folder_names import FolderNames
from allcore.data.layouts.layout import (
    OUTSIDE_LAYOUT,
    UNREAD_FORMAT,
    Folder,
    Layout,
    Rows,
)  # fmt: skip
from allcore.data.layouts.plain_folder import PlainFolder
from allcore.data.layouts.table import TableLayout
from allcore.data.manifest import Manifest
from allcore.errors import DataError

LAYOUTS: tuple[Layout, ...] = (
    TableLayout(manifest.FILE_NAME, frozenset({"image_id", "path"})),
    TableLayout("index.csv", frozenset({"path", "subject", "label"})),
    TableLayout(manifest.FILE_NAME, frozenset({"path"})),
    CnmcRelease(),
    ClassFolders(),
    PlainFolder(),
)

_TABLES = (".csv", ".tsv", ".txt", ".parquet")


def read(path: Path, *, choice: LabelChoice | None = None) -> Manifest:
    """Read the manifest of a folder or of a CSV file.

    Args:
        path: of the data set.
        choice: classes of its labels; None takes the decision that is kept for it.

    Raises:
        DataError: the path is missing, can't be read, or has no known layout.
    """
    path = path.expanduser()
    choice = label_choice.saved(path) if choice is None else choice
    try:
        if path.is_file():
            _refuse_picture(path)
            return _read_table(path, choice)
        if path.is_dir():
            return _read_folder(Folder(path, choice))
    except OSError as error:
        raise DataError(
            f"{path} can't be read ({(error.strerror or 'no reason').lower()}): give the account "
            "that runs ALLScope the right to read it."
        ) from None
    raise DataError(f"There is no data set at {path}: check the path, or set ALLSCOPE_DATA.")


def _refuse_picture(file: Path) -> None:
    with file.open("rb") as content:
        if formats.sniff(content.read(256)):
            raise DataError(
                f"{file} is a picture: give the folder that holds it, or a table of pictures."
            )


def _read_table(file: Path, choice: LabelChoice) -> Manifest:
    rows = table.read_file(file)
    names = FolderNames([str(row["path"]) for row in rows], None, choice)
    labels = label_sources.read_labels(rows, names, choice, in_table=True)
    return manifest.build(
        file.parent, labels.rows, name=file.stem, notes=labels.notes,
        layout=f"the table {file.name}", conflict=labels.conflict,
    )  # fmt: skip


def _read_folder(folder: Folder) -> Manifest:
    for layout in LAYOUTS:
        rows = layout.read(folder)
        if rows:
            return _with_labels(folder, layout, rows)
    notes = "".join(f" {note}" for note in (*folder.notes, *_format_notes(folder.left_out(()))))
    raise DataError(
        f"No picture was found in {folder.root}: give a folder in a known layout, which is "
        "folders 'all' and 'hem' at any depth, the folders of C-NMC 2019, or pictures with a "
        f"manifest.csv of the columns path and label.{notes}"
    )


def _with_labels(folder: Folder, layout: Layout, rows: Rows) -> Manifest:
    listed = {str(row["path"]) for row in rows}
    in_table = layout.lists_images
    names = FolderNames(listed, None, folder.choice) if in_table else folder.names
    labels = label_sources.read_labels(rows, names, folder.choice, in_table=in_table)
    used = {*listed, getattr(layout, "file", ""), *_label_tables(folder)}
    left_out = folder.left_out(used)
    notes = [*labels.notes, *_format_notes(left_out)]
    if not labels.conflict and not any(row.get("label") for row in labels.rows):
        notes += _table_notes(folder, used)
    if not in_table:
        notes += [*folder.notes, *_outside_notes(left_out)]
    above = "/".join(names.above)
    first = labels.rows[0]
    is_cnmc = first.get("fold") and (
        subjects.parse_name(str(first["path"])) or first["fold"] in ("preliminary", "final")
    )
    return manifest.build(
        folder.root,
        labels.rows,
        name=first.get("dataset") or ("C-NMC 2019" if is_cnmc else folder.root.name),
        notes=notes,
        layout="; opened at ".join(filter(None, (layout.describe(labels.rows), above))),
        conflict=labels.conflict,
        left_out=left_out,
    )


def _label_tables(folder: Folder) -> list[str]:
    return [path for path in folder.files if path.rpartition("/")[2] == cnmc_release.LABELS_TABLE]


def _table_notes(folder: Folder, used: Set[str]) -> list[str]:
    """Note on a table in the folder that may hold the labels of its images."""
    for path in folder.files:
        if path.endswith(_TABLES) and path not in used:
            try:
                columns = table_reader.recognise(
                    table_reader.headings(folder.root / path, table.SCHEMA), table.SCHEMA
                )
            except DataError:
                continue
            if {"path", "label"} <= columns.keys():
                return [f"The table {path} may hold labels: open it in place of the folder."]
    return []


def _format_notes(left_out: Sequence[LeftOutFiles]) -> list[str]:
    """Note on pictures whose format is not read."""
    kinds = [kind for kind in left_out if kind.reason == UNREAD_FORMAT]
    if not kinds:
        return []
    counts = ", ".join(f"{kind.count:,} {kind.suffix}" for kind in kinds)
    return [
        f"Pictures in formats that are not read are left out ({counts}), such as "
        f"{kinds[0].example}: save them as PNG."
    ]


def _outside_notes(left_out: Sequence[LeftOutFiles]) -> list[str]:
    """Note on images outside of the layout's folders."""
    kinds = [kind for kind in left_out if kind.reason == OUTSIDE_LAYOUT]
    if not kinds:
        return []
    number = sum(kind.count for kind in kinds)
    return [
        f"{number:,} pictures such as {kinds[0].example} lie outside of the folders of this layout "
        "and are left out: name the class of their folder by --labels FOLDER=all (or =hem), or "
        "list them in a manifest.csv, if they belong to the data set."
    ]
