"""Assignment of images to subjects by file name, folder or table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal

from allcore import formats
from allcore.data import path_matching, subjects, table_reader
from allcore.data.path_matching import AMBIGUOUS
from allcore.data.table_reader import FILE_NAMES, SUBJECT_NAMES, Schema
from allcore.errors import DataError

SCHEMA = Schema(
    names={"file": FILE_NAMES, "subject": SUBJECT_NAMES},
    required={"file": "names of files", "subject": "subjects"},
)
"""Columns of a table of subjects."""
_LONGEST = 60  # characters of a subject's name

Origin = Literal["names", "table", "folders"]


@dataclass(frozen=True)
class SubjectAssignment:
    """The subjects of images."""

    origin: Origin  # source of the assignment
    subjects: tuple[str | None, ...]  # one an image, in order; None where unknown
    sentence: str  # numbers of matched and unmatched images

    @property
    def matched(self) -> int:
        """Number of images of known subject."""
        return sum(subject is not None for subject in self.subjects)


def by_names(paths: Sequence[str]) -> SubjectAssignment:
    """Parse subjects from C-NMC file names; ids known to be one person are merged."""
    parsed = [subjects.parse_name(path.replace("\\", "/")) for path in paths]
    names = [known and subjects.group_of(known[0]) for known in parsed]
    return _assigned("names", names, "bear a subject in their names, as C-NMC's files do")


def by_folders(paths: Sequence[str]) -> SubjectAssignment:
    """Take the folder, or the zip archive, of an image as its subject."""
    parents = [PurePosixPath(path.replace("\\", "/")).parent.name for path in paths]
    names = [_named(parent.removesuffix(".zip")) for parent in parents]
    return _assigned("folders", names, "lie in a folder or an archive")


def by_table(data: bytes, paths: Sequence[str], *, name: str) -> SubjectAssignment:
    """Look up subjects in a CSV or Parquet table with a column of files and one of subjects.

    Names are compared without case, by the longest common end of the path, then without the suffix.
    A name with two subjects in the table matches neither.

    Raises:
        DataError: the table can't be read, lacks a column, or matches no image.
    """
    table = table_reader.read(data, SCHEMA, name=name).rows.dropna()
    lines = len(table)
    subject_of = [_named(subject) for subject in table["subject"]]
    rows = path_matching.match(paths, table["file"].tolist(), groups=subject_of)
    matches = [None if row is None or row == AMBIGUOUS else subject_of[row] for row in rows]
    if not any(matches):
        like = PurePosixPath(paths[0].replace("\\", "/")).name if paths else "cell.bmp"
        raise DataError(
            f"{name} names none of the {len(paths):,} pictures in its {lines:,} lines: its "
            f"column of files must hold names such as '{like[:_LONGEST]}'."
        )
    assigned = _assigned("table", matches, f"stand in {name}")
    ambiguous = rows.count(AMBIGUOUS)
    if not ambiguous:
        return assigned
    names = formats.count(ambiguous, "name")
    sentence = f"{assigned.sentence} {names} could be of several subjects, which counts as unknown."
    return replace(assigned, sentence=sentence)


def _assigned(origin: Origin, names: Sequence[str | None], how: str) -> SubjectAssignment:
    """Return the assignment with a sentence that counts matched and unknown images."""
    matched = sum(subject is not None for subject in names)
    sentence = f"{matched:,} of {formats.count(len(names), 'picture')} {how}"
    if unknown := len(names) - matched:
        sentence += f"; the subject of {unknown:,} is unknown"
    return SubjectAssignment(origin, tuple(names), f"{sentence}.")


def _named(text: object) -> str | None:
    """Return a subject's name with single blanks, truncated; None where it is empty."""
    return " ".join(str(text or "").split())[:_LONGEST] or None
