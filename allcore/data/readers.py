"""Readers: data sets as people have them, each giving one manifest.

A reader looks at a folder and returns the rows it finds, or None where the layout is not its own.
``read`` asks them in the order of ``READERS``; to support a layout, write one and add it there.
"""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from allcore.cnmc import layout
from allcore.data import file_digests, manifest, tables
from allcore.data.file_digests import Listing, Refused
from allcore.data.manifest import Manifest
from allcore.data.tables import Rows
from allcore.errors import DataError
from allcore.labels import LABEL_ALIASES

IMAGE_SUFFIXES = frozenset({".bmp", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"})


class Folder:
    """A folder that readers look at, listed once and only where one of them asks.

    Links that lead out of it are not followed, links to folders and hidden folders not entered.
    A link to a picture that can't be followed counts as a picture, so that it is not lost unsaid.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def _listing(self) -> Listing:
        return file_digests.walk(self.root, hidden=False)

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Paths of all files, relative, with slashes, in order."""
        return self._listing.paths

    @cached_property
    def images(self) -> tuple[str, ...]:
        """Those whose name says that they are pictures."""
        refused = [each.path for each in self._listing.refused]
        return tuple(sorted(path for path in (*self.files, *refused) if is_image(path)))

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What was not looked into, one sentence each."""
        refused = [each for each in self._listing.refused if not is_image(each.path)]
        links = [
            each
            for each in refused
            if each.reason in (file_digests.TO_FOLDER, file_digests.OUTSIDE)
        ]
        locked = [
            each for each in refused if each not in links and each.reason != file_digests.NOWHERE
        ]
        return (
            *_note(links, "is a link and was not followed: put what it leads to in its place"),
            *_note(locked, "can't be read: give the account that runs ALLScope the right to"),
        )


def read(path: Path) -> Manifest:
    """The manifest of a folder or of a CSV file.

    Raises:
        DataError: nothing is there, it can't be read, or no reader knows the layout.
    """
    path = path.expanduser()
    if path.is_file():
        return manifest.build(path.parent, tables.rows(path) or [], name=path.stem)
    if not path.is_dir():
        raise DataError(f"There is no data set at {path}: check the path, or set ALLSCOPE_DATA.")
    folder = Folder(path)
    for reader in READERS:
        rows = reader(folder)
        if rows:
            notes = () if reader in TABLES else (*folder.notes, *_left_out(folder, rows))
            return manifest.build(path, rows, name=_name(rows, path), notes=notes)
    raise DataError(
        f"No picture was found in {path}: give a folder in a known layout, which is fold_*/all and "
        "fold_*/hem as in C-NMC 2019, folders 'all' and 'hem', or pictures with a manifest.csv of "
        f"the columns path and label.{''.join(f' {note}' for note in folder.notes)}"
    )


def own_manifest(folder: Folder) -> Rows | None:
    """A ``manifest.csv`` of ALLScope: the columns image_id and path at least."""
    return tables.rows(folder.root / manifest.FILE_NAME, needs=("image_id", "path"))


def indexed_cnmc(folder: Folder) -> Rows | None:
    """An ``index.csv`` with the columns file, subject, label, fold and, maybe, bmp_sha256."""
    return tables.rows(folder.root / "index.csv", needs=("file", "subject", "label"))


def public_cnmc(folder: Folder) -> Rows | None:
    """C-NMC 2019 as it is published: any of its three parts, or all in one folder."""
    return layout.rows(folder.root, folder.files, folder.images) or None


def class_folders(folder: Folder) -> Rows | None:
    """Plain ``class/file`` folders whose names are labels (all, hem, blast, normal, ...)."""
    rows: Rows = []
    for path in folder.images:
        top, _, rest = path.partition("/")
        label = LABEL_ALIASES.get(top.lower())
        if rest and label:
            rows.append({"path": path, "image_id": path, "label": label})
    return rows or None


def unlabelled(folder: Folder) -> Rows | None:
    """Any folder of images: labels and subjects only where the file names hold them."""
    return [{"path": path, "image_id": path} for path in folder.images] or None


READERS: tuple[Callable[[Folder], Rows | None], ...] = (
    own_manifest, indexed_cnmc, public_cnmc, class_folders, unlabelled,
)  # fmt: skip
TABLES = (own_manifest, indexed_cnmc)
"""Readers of tables, which say themselves what belongs to the data set."""


def is_image(path: str) -> bool:
    """Whether the name of a file says that it is a picture."""
    return path[path.rfind(".") :].lower() in IMAGE_SUFFIXES


def _note(refused: list[Refused], what: str) -> list[str]:
    if not refused:
        return []
    more = f" (and {len(refused) - 1:,} more)" if len(refused) > 1 else ""
    return [f"{refused[0].path}{more} {what}."]


def _left_out(folder: Folder, rows: Rows) -> list[str]:
    """A sentence on pictures that lie outside of the folders that the layout is known by."""
    taken = {row["path"] for row in rows}
    rest = [path for path in folder.images if path not in taken]
    if not rest:
        return []
    return [
        f"{len(rest):,} pictures such as {rest[0]} lie outside of the folders of this layout and "
        "are left out: list them in a manifest.csv if they belong to the data set."
    ]


def _name(rows: Rows, root: Path) -> str:
    return rows[0].get("dataset") or ("C-NMC 2019" if rows[0].get("fold") else root.name)
