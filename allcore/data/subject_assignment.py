"""The subject of each picture, by its name, its folder, or a table."""

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
    """The subjects of pictures.

    Attributes:
        origin: where that comes from.
        subjects: one a picture, in their order; None where unknown.
        sentence: how many were matched, and what did not fit.
    """

    origin: Origin
    subjects: tuple[str | None, ...]
    sentence: str

    @property
    def matched(self) -> int:
        """Pictures whose subject is known."""
        return sum(subject is not None for subject in self.subjects)


def by_names(paths: Sequence[str]) -> SubjectAssignment:
    """Subjects in C-NMC's names; ids that the data proves one person are taken together."""
    parsed = [subjects.parse_name(path.replace("\\", "/")) for path in paths]
    names = tuple(known and subjects.group_of(known[0]) for known in parsed)
    return _assigned("names", names, "bear a subject in their names, as C-NMC's files do")


def by_folders(paths: Sequence[str]) -> SubjectAssignment:
    """The folder, or the zip archive, that a picture lies in as its subject."""
    parents = [PurePosixPath(path.replace("\\", "/")).parent.name for path in paths]
    names = [_named(parent.removesuffix(".zip")) for parent in parents]
    return _assigned("folders", tuple(names), "lie in a folder or an archive")


def by_table(data: bytes, paths: Sequence[str], *, name: str) -> SubjectAssignment:
    """Subjects by a CSV or Parquet table with a column of files and one of subjects.

    Names are compared without case, by as much of the path as both have, then without the suffix.
    A name that the table gives to two subjects is matched with neither.

    Args:
        data: the table.
        paths: of the pictures.
        name: what to call the table in sentences.

    Raises:
        DataError: the table can't be read, lacks a column, or names none of the pictures.
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
    """With a sentence such as "3 of 4 pictures lie in a folder; the subject of 1 is unknown"."""
    matched = sum(subject is not None for subject in names)
    sentence = f"{matched:,} of {formats.count(len(names), 'picture')} {how}"
    if others := len(names) - matched:
        sentence += f"; the subject of {others:,} is unknown"
    return SubjectAssignment(origin, tuple(names), f"{sentence}.")


def _named(text: object) -> str | None:
    """A subject's name as it is shown; None where there is none."""
    return " ".join(str(text or "").split())[:_LONGEST] or None


def _whose(lines: Iterable[tuple[str, str]]) -> Mapping[str, str | None]:
    """The subject by every end of every path; None where several stand behind one."""
    subject_by_path: dict[str, str | None] = {}
    for file, subject in lines:
        for key in _keys(file):
            subject_by_path[key] = subject if subject_by_path.get(key, subject) == subject else None
    return subject_by_path


def _key(path: str, subject_by_path: Mapping[str, str | None]) -> str:
    """The longest end of a path that the table has; empty where it has none."""
    return next((key for key in _keys(path) if key in subject_by_path), "")


def _keys(path: str) -> Iterator[str]:
    """Ends of a path, the longest first, then the name without its suffix."""
    plain = unicodedata.normalize("NFC", path.strip().replace("\\", "/")).casefold()
    parts = [part for part in plain.split("/") if part not in ("", ".")][-8:]
    for start in range(len(parts)):
        yield "/".join(parts[start:])
    if parts:
        yield PurePosixPath(parts[-1]).stem
