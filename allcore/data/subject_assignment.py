"""Assignment of images to subjects by file name, folder or table."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from allcore import formats
from allcore.data import subjects, table_reader
from allcore.data.table_reader import Schema
from allcore.errors import DataError

SCHEMA = Schema(
    names={
        "file": (
            "file",
            "path",
            "filename",
            "file_name",
            "image",
            "image_id",
            "picture",
            "name",
            "id",
        ),
        "subject": ("subject", "patient", "subject_id", "patient_id", "person", "case"),
    },
    required={"file": "names of files", "subject": "subjects"},
    skip_long_lines=True,
)
"""Columns of a table of subjects."""
_LONGEST = 60  # characters of a subject's name

Origin = Literal["names", "table", "folders"]


@dataclass(frozen=True)
class SubjectAssignment:
    """The subjects of images.

    Attributes:
        origin: source of the assignment.
        subjects: one an image, in order; None where unknown.
        sentence: numbers of matched and unmatched images.
    """

    origin: Origin
    subjects: tuple[str | None, ...]
    sentence: str

    @property
    def matched(self) -> int:
        """Number of images of known subject."""
        return sum(subject is not None for subject in self.subjects)


def by_names(paths: Sequence[str]) -> SubjectAssignment:
    """Parse subjects from C-NMC file names; ids known to be one person are merged."""
    parsed = [subjects.parse_name(path.replace("\\", "/")) for path in paths]
    names = tuple(known and subjects.group_of(known[0]) for known in parsed)
    return _assigned("names", names, "bear a subject in their names, as C-NMC's files do")


def by_folders(paths: Sequence[str]) -> SubjectAssignment:
    """Take the folder, or the zip archive, of an image as its subject."""
    parents = [PurePosixPath(path.replace("\\", "/")).parent.name for path in paths]
    names = [_named(parent.removesuffix(".zip")) for parent in parents]
    return _assigned("folders", tuple(names), "lie in a folder or an archive")


def by_table(data: bytes, paths: Sequence[str], *, name: str) -> SubjectAssignment:
    """Look up subjects in a CSV or Parquet table with a column of files and one of subjects.

    Names are compared without case, by the longest common end of the path, then without the suffix.
    A name with two subjects in the table matches neither.

    Args:
        data: the table.
        paths: of the images.
        name: of the table in sentences.

    Raises:
        DataError: the table can't be read, lacks a column, or matches no image.
    """
    table = table_reader.read(data, SCHEMA, name=name).rows
    rows = zip(table["file"], table["subject"], strict=True)
    lines = [
        (str(file), subject)
        for file, subject_cell in rows
        if file and (subject := _named(subject_cell))
    ]
    subject_by_path = _whose(lines)
    matches = tuple(subject_by_path.get(_key(path, subject_by_path)) for path in paths)
    if not any(matches):
        like = PurePosixPath(paths[0].replace("\\", "/")).name if paths else "cell.bmp"
        raise DataError(
            f"{name} names none of the {len(paths):,} pictures in its {len(lines):,} lines: its "
            f"column of files must hold names such as '{like[:_LONGEST]}'."
        )
    assigned = _assigned("table", matches, f"stand in {name}")
    ambiguous = sum(
        subject_by_path.get(key, "") is None
        for path in paths
        for key in [_key(path, subject_by_path)]
    )
    if not ambiguous:
        return assigned
    more = (
        f"{formats.count(ambiguous, 'name')} could be of several subjects, which counts as unknown."
    )
    return SubjectAssignment("table", matches, f"{assigned.sentence} {more}")


def _assigned(origin: Origin, names: Sequence[str | None], how: str) -> SubjectAssignment:
    """Return the assignment with a sentence that counts matched and unknown images."""
    matched = sum(subject is not None for subject in names)
    sentence = f"{matched:,} of {formats.count(len(names), 'picture')} {how}"
    if others := len(names) - matched:
        sentence += f"; the subject of {others:,} is unknown"
    return SubjectAssignment(origin, tuple(names), f"{sentence}.")


def _named(text: object) -> str | None:
    """Return a subject's name with single blanks, truncated; None where it is empty."""
    return " ".join(str(text or "").split())[:_LONGEST] or None


def _whose(lines: Iterable[tuple[str, str]]) -> Mapping[str, str | None]:
    """Map every end of every path to its subject; None where several subjects share it."""
    subject_by_path: dict[str, str | None] = {}
    for file, subject in lines:
        for key in _keys(file):
            subject_by_path[key] = subject if subject_by_path.get(key, subject) == subject else None
    return subject_by_path


def _key(path: str, subject_by_path: Mapping[str, str | None]) -> str:
    """Return the longest end of a path that is in the table, or an empty string."""
    return next((key for key in _keys(path) if key in subject_by_path), "")


def _keys(path: str) -> Iterator[str]:
    """Yield the ends of a path, the longest first, then the name without its suffix."""
    plain = unicodedata.normalize("NFC", path.strip().replace("\\", "/")).casefold()
    parts = [part for part in plain.split("/") if part not in ("", ".")][-8:]
    for start in range(len(parts)):
        yield "/".join(parts[start:])
    if parts:
        yield PurePosixPath(parts[-1]).stem
