"""Which known cell a picture is, by the digest of its file."""

from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath

import pandas as pd

from allcore.cnmc import release
from allcore.data import subjects


@dataclass(frozen=True)
class Identity:
    """A cell of a data set.

    Attributes:
        image_id: of the image; C-NMC's without folders and suffix.
        subject: of the cell, None where unknown.
    """

    image_id: str
    subject: str | None

    @property
    def group(self) -> str | None:
        """The independent subject."""
        return None if self.subject is None else subjects.group_of(self.subject)


def of(digest: str, table: pd.DataFrame | None = None) -> Identity | None:
    """The cell whose file has a SHA-256; None where no data set has such a file.

    Looked for among the files of the public release of C-NMC 2019, whose digests come with the
    program, and in a data set's table (image_id, subject, sha256). A picture that was saved anew is
    another file and is not found.

    Raises:
        DataError: the packaged list of the release is damaged.
    """
    own = None if table is None else _among(table, digest)
    return own or _released().get(digest)


def _among(table: pd.DataFrame, digest: str) -> Identity | None:
    found = table.loc[table["sha256"] == digest] if "sha256" in table else table.iloc[:0]
    if found.empty:
        return None
    subject = found["subject"].dropna().astype(str).tolist()
    return Identity(str(found["image_id"].iat[0]), subject[0] if subject else None)


@cache
def _released() -> dict[str, Identity]:
    files = release.read_release()
    return {
        digest: Identity(_name(path), subject)
        for path, subject, digest in zip(
            files["path"], files["subject"], files["sha256"], strict=True
        )
    }


def _name(path: str) -> str:
    """The name by which models know a file: C-NMC's without folders and suffix."""
    return PurePosixPath(path).stem if subjects.parse_name(path) else path
