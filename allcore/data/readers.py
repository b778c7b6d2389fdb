"""Readers of data sets: a folder or table becomes a manifest.

``read`` tries the layouts in the order of ``LAYOUTS``. To support another layout, write one file in
``allcore/data/layouts`` and add a line here.
"""

from pathlib import Path

from allcore.data import manifest
from allcore.data.layouts import table
from allcore.data.layouts.class_folders import ClassFolders
from allcore.data.layouts.cnmc_release import CnmcRelease
from allcore.data.layouts.layout import Folder, Layout, Rows
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


def read(path: Path) -> Manifest:
    """Read the manifest of a folder or of a CSV file.

    Raises:
        DataError: the path is missing, can't be read, or has no known layout.
    """
    path = path.expanduser()
    try:
        if path.is_file():
            rows = table.read_file(path)
            return manifest.build(
                path.parent, rows, name=path.stem, layout=f"the table {path.name}"
            )
        if path.is_dir():
            return _read_folder(Folder(path))
    except OSError as error:
        raise DataError(
            f"{path} can't be read ({(error.strerror or 'no reason').lower()}): give the account "
            "that runs ALLScope the right to read it."
        ) from None
    raise DataError(f"There is no data set at {path}: check the path, or set ALLSCOPE_DATA.")


def _read_folder(folder: Folder) -> Manifest:
    for layout in LAYOUTS:
        rows = layout.read(folder)
        if rows:
            notes = () if layout.lists_images else (*folder.notes, *_left_out(folder, rows))
            name = rows[0].get("dataset") or (
                "C-NMC 2019" if rows[0].get("fold") else folder.root.name
            )
            return manifest.build(
                folder.root, rows, name=name, notes=notes, layout=layout.describe(rows)
            )
    raise DataError(
        f"No picture was found in {folder.root}: give a folder in a known layout, which is "
        "fold_*/all and fold_*/hem as in C-NMC 2019, folders 'all' and 'hem', or pictures with a "
        "manifest.csv of the columns path and label."
        f"{''.join(f' {note}' for note in folder.notes)}"
    )


def _left_out(folder: Folder, rows: Rows) -> list[str]:
    """Note on images outside of the layout's folders."""
    listed = {row["path"] for row in rows}
    rest = [path for path in folder.images if path not in listed]
    if not rest:
        return []
    return [
        f"{len(rest):,} pictures such as {rest[0]} lie outside of the folders of this layout and "
        "are left out: list them in a manifest.csv if they belong to the data set."
    ]
