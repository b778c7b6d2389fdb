"""What a layout is, and the folder that layouts are tried on."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from allcore.data import file_digests
from allcore.data.file_digests import FileListing, UnreadFile

Rows = list[dict[str, str | None]]
"""One row an image, as ``manifest.build`` takes them: at least the column ``path``."""

IMAGE_SUFFIXES = frozenset({".bmp", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"})


class Layout(Protocol):
    """A way in which people keep a data set."""

    @property
    def lists_images(self) -> bool:
        """Whether a table lists what belongs to the data set, so that nothing is left out."""

    def read(self, folder: "Folder") -> Rows | None:
        """The images of a folder; None where it has another layout.

        Raises:
            DataError: the folder has this layout and can't be read.
        """

    def describe(self, rows: Rows) -> str:
        """The layout in words, after "read as"."""


@dataclass(frozen=True)
class Folder:
    """A folder whose files are listed once, and only where a layout asks for them.

    Links that lead out of it are not followed, links to folders and hidden folders not entered.
    A link to an image that can't be followed counts as an image, so that it is reported as missing.
    """

    root: Path

    @cached_property
    def _listing(self) -> FileListing:
        return file_digests.list_files(self.root, hidden=False)

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Paths of all files, relative, with slashes, in order."""
        return self._listing.paths

    @cached_property
    def images(self) -> tuple[str, ...]:
        """Those whose name says that they are images."""
        refused = [entry.path for entry in self._listing.refused]
        return tuple(sorted(path for path in (*self.files, *refused) if is_image(path)))

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Links that were not followed and folders that can't be read, a sentence for each kind."""
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
    """Whether the name of a file says that it is an image."""
    return path[path.rfind(".") :].lower() in IMAGE_SUFFIXES


def _note(refused: list[UnreadFile], sentence: str) -> list[str]:
    if not refused:
        return []
    more = f" (and {len(refused) - 1:,} more)" if len(refused) > 1 else ""
    return [f"{refused[0].path}{more} {sentence}."]
