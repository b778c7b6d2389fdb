"""The layout protocol, and the folder that layouts read."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from allcore.data import file_digests
from allcore.data.file_digests import FileListing, UnreadFile
from allcore.data.images.formats import SUFFIXES

Rows = list[dict[str, str | None]]
"""One row an image, as input of ``manifest.build``; ``path`` is required."""


class Layout(Protocol):
    """A way of arranging a data set in a folder."""

    @property
    def lists_images(self) -> bool:
        """True if a table lists the images of the data set, so that none is left out."""

    def read(self, folder: "Folder") -> Rows | None:
        """Return the images of a folder; None where it has another layout.

        Raises:
            DataError: the folder has this layout and can't be read.
        """

    def describe(self, rows: Rows) -> str:
        """Return the layout in words, to follow "read as"."""


@dataclass(frozen=True)
class Folder:
    """A folder whose files are listed once, on first use.

    Links out of it are not followed; links to folders and hidden folders are not entered. A broken
    link to an image counts as an image, so that it is reported as missing.
    """

    root: Path

    @cached_property
    def _listing(self) -> FileListing:
        return file_digests.list_files(self.root, hidden=False)

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Relative paths of all files, with slashes, sorted."""
        return self._listing.paths

    @cached_property
    def images(self) -> tuple[str, ...]:
        """Relative paths of the files with an image suffix, sorted."""
        refused = [entry.path for entry in self._listing.refused]
        return tuple(sorted(path for path in (*self.files, *refused) if is_image(path)))

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Notes on links that were not followed and unreadable folders, one sentence each kind."""
        refused = [entry for entry in self._listing.refused if not is_image(entry.path)]
        to_elsewhere = (file_digests.TO_FOLDER, file_digests.OUTSIDE)
        links = [entry for entry in refused if entry.reason in to_elsewhere]
        locked = [
            entry for entry in refused if entry.reason not in (*to_elsewhere, file_digests.NOWHERE)
        ]
        return (
            *_note(links, "is a link and was not followed: put what it leads to in its place"),
            *_note(locked, "can't be read: give the account that runs ALLScope the right to"),
        )


def is_image(path: str) -> bool:
    """True if a file name has an image suffix."""
    return path[path.rfind(".") :].lower() in SUFFIXES


def _note(refused: list[UnreadFile], sentence: str) -> list[str]:
    if not refused:
        return []
    more = f" (and {len(refused) - 1:,} more)" if len(refused) > 1 else ""
    return [f"{refused[0].path}{more} {sentence}."]
