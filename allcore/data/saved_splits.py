"""Named splits, shared by all users of the installation.

``ALLSCOPE_HOME/splits/<key>/<name>.csv`` is the split; the key is that of the data set's index.
``<name>.json`` beside it holds author and time. A split is never overwritten.
"""

import json
import os
import re
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from allcore import settings
from allcore.data import split_files
from allcore.data.manifest import Manifest
from allcore.data.splits import Split
from allcore.errors import DataError

MAX_NAME = 60
_NAME = re.compile(rf"[^\W_][\w .-]{{0,{MAX_NAME - 1}}}")


@dataclass(frozen=True)
class SavedSplit:
    """A saved split."""

    name: str  # of the split
    path: Path  # of its file
    by: str  # username of the author, empty where unknown
    created: str  # time of creation in ISO 8601; empty where unknown


def folder(key: str, home: Path | None = None) -> Path:
    """Return the folder of a data set's splits; ``key`` is the name of its index's folder."""
    return (home or settings.load().home) / "splits" / key


def split_path(key: str, name: str, home: Path | None = None) -> Path:
    """Return the file of a split, which need not exist.

    Raises:
        DataError: the name is invalid.
    """
    if not _NAME.fullmatch(name) or name[-1] in " .":
        raise DataError(
            f"'{name:.80}' can't be a split's name: begin with a letter or digit and use no more "
            f"than {MAX_NAME} letters, digits, spaces, points, hyphens and underscores."
        )
    return folder(key, home) / f"{name}.csv"


def list_splits(key: str, home: Path | None = None) -> list[SavedSplit]:
    """Return the saved splits of a data set, by name."""
    return [_saved(file) for file in sorted(folder(key, home).glob("[!.]*.csv"))]


def save(
    split: Split, manifest: Manifest, *, key: str, name: str, by: str = "", home: Path | None = None
) -> SavedSplit:
    """Save a split under a new name.

    Raises:
        DataError: the name is invalid or taken, or the folder can't be written to.
    """
    file = split_path(key, name.strip(), home)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _put(file, split_files.split_bytes(split, manifest))
        about = json.dumps({"by": by, "made": created}, ensure_ascii=False)
        _about(file).write_text(about, encoding="utf-8")
    except FileExistsError:
        raise DataError(f"There is a split '{file.stem}' already: choose another name.") from None
    except OSError as error:
        raise DataError(
            f"The split can't be written to {file.parent} ({error.strerror}): set ALLSCOPE_HOME to "
            "a folder that can be written to and has room."
        ) from error
    return SavedSplit(file.stem, file, by, created)


def delete(key: str, name: str, home: Path | None = None) -> None:
    """Remove a split; a missing split is no error.

    Raises:
        DataError: the name is invalid, or the file can't be removed.
    """
    file = split_path(key, name, home)
    try:
        file.unlink(missing_ok=True)
        _about(file).unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"{file} can't be removed ({error.strerror}): remove it by hand."
        ) from error


def _put(file: Path, content: bytes) -> None:
    """Write a temporary file and hard-link it, which fails where the name exists."""
    number, name = tempfile.mkstemp(prefix=".", dir=file.parent)
    try:
        with os.fdopen(number, "wb") as opened:
            opened.write(content)
        os.chmod(name, 0o644)
        os.link(name, file)
    finally:
        Path(name).unlink(missing_ok=True)


def _saved(file: Path) -> SavedSplit:
    try:
        record = json.loads(_about(file).read_text(encoding="utf-8"))
        return SavedSplit(file.stem, file, str(record["by"]), str(record["made"]))
    except (OSError, ValueError, KeyError, TypeError):
        return SavedSplit(file.stem, file, "", "")


def _about(file: Path) -> Path:
    return file.with_name(f"{file.stem}.json")
