"""The layout protocol, and the folder that layouts read."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from allcore.data import file_digests
from allcore.data.file_digests import FileListing, LeftOutFiles, UnreadFile
from allcore.data.images.formats import SUFFIXES
from allcore.data.label_choice import LabelChoice
from allcore.data.layouts.folder_names import FolderNames

Rows = list[dict[str, str | None]]
"""One row an image, as input of ``manifest.build``; ``path`` is required."""

UNREAD_SUFFIXES = frozenset(
    {".jxl", ".svs", ".ndpi", ".mrxs", ".scn", ".czi", ".nd2", ".lif", ".vsi", ".gif", ".tga",
     ".psd", ".pdf", ".cr2", ".nef", ".arw", ".dng", ".heic", ".heif", ".avif", ".jp2", ".j2k",
     ".dcm", ".svg", ".ico", ".ppm", ".pgm", ".npy"}
) - SUFFIXES  # fmt: skip
"""Suffixes of pictures that are not read."""
OUTSIDE_LAYOUT, UNREAD_FORMAT, NO_PICTURE, ARCHIVE = (
    "a picture outside of what the layout or table names", "a picture in a format that is not read",
    "no picture", "an archive, whose files are not read",
)  # fmt: skip
"""Reasons for leaving out a file."""
_ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".bz2", ".xz"})


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
    choice: LabelChoice = field(default_factory=LabelChoice)  # decided on its labels

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
        refused = [entry.path for entry in self._refused]
        return tuple(sorted(path for path in (*self.files, *refused) if is_image(path)))

    @cached_property
    def names(self) -> FolderNames:
        """What the names of the folders tell of the images."""
        return FolderNames(self.images, self._listing.root, self.choice)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Notes on links that were not followed and unreadable folders, one sentence each kind."""
        refused = [entry for entry in self._refused if not is_image(entry.path)]
        to_elsewhere = (file_digests.TO_FOLDER, file_digests.OUTSIDE)
        links = [entry for entry in refused if entry.reason in to_elsewhere]
        locked = [
            entry for entry in refused if entry.reason not in (*to_elsewhere, file_digests.NOWHERE)
        ]
        unnamed = [entry for entry in self._listing.refused if entry.reason == file_digests.NO_TEXT]
        return (
            *_note(unnamed, "has a name that is no UTF-8 text and is left out: rename it"),
            *_note(links, "is a link and was not followed: put what it leads to in its place"),
            *_note(locked, "can't be read: give the account that runs ALLScope the right to"),
        )

    @property
    def _refused(self) -> list[UnreadFile]:
        """Entries that are not listed, without hidden and system files and names of no letters."""
        silent = (file_digests.JUNK, file_digests.NO_TEXT)
        return [entry for entry in self._listing.refused if entry.reason not in silent]

    def left_out(self, used: Collection[str]) -> tuple[LeftOutFiles, ...]:
        """Return the files that are not ``used``, by suffix and reason, the most frequent first."""
        counts: Counter[tuple[str, str]] = Counter()
        examples: dict[tuple[str, str], str] = {}
        for path, reason in self._unused(frozenset(used)):
            kind = _suffix(path), reason
            counts[kind] += 1
            examples.setdefault(kind, path)
        return tuple(
            LeftOutFiles(*kind, number, examples[kind]) for kind, number in counts.most_common()
        )

    def _unused(self, used: frozenset[str]) -> Iterator[tuple[str, str]]:
        for path in self.files:
            if path not in used:
                yield path, _reason(path)
        for entry in self._listing.refused:
            if entry.path not in used:
                yield entry.path, entry.reason


def is_image(path: str) -> bool:
    """True if a file name has an image suffix."""
    return path[path.rfind(".") :].lower() in SUFFIXES


def _suffix(path: str) -> str:
    """Suffix in lower case; empty without one, as of hidden files."""
    name = path[path.rfind("/") + 1 :]
    return name[name.rfind(".") :].lower() if name.rfind(".") > 0 else ""


def _reason(path: str) -> str:
    suffix = _suffix(path)
    if suffix in SUFFIXES:
        return OUTSIDE_LAYOUT
    if suffix in UNREAD_SUFFIXES:
        return UNREAD_FORMAT
    return ARCHIVE if suffix in _ARCHIVES else NO_PICTURE


def _note(refused: list[UnreadFile], sentence: str) -> list[str]:
    if not refused:
        return []
    more = f" (and {len(refused) - 1:,} more)" if len(refused) > 1 else ""
    return [f"{refused[0].path}{more} {sentence}."]
