"""State of the files of a manifest, and changes since they were indexed."""

import stat
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from allcore.data.manifest import Manifest
from allcore.data.safe_paths import PathResolver

OUTSIDE = "The path leads out of the data set's folder and is not followed: copy the file into it."
NO_FILE = "This is no regular file and is not read: put a picture in its place."
INVALID_NAME = "The file's name is no valid text: rename the file."


@dataclass(frozen=True, slots=True)  # there may be a million
class FileState:
    """State on disk of one image of a manifest."""

    image_id: str
    path: str  # below the data set's folder, as in the manifest
    root: Path  # that folder
    size: int = -1  # bytes; -1 where the file can't be reached
    time: int = -1  # of the last change, nanoseconds; -1 where the file can't be reached
    error: str = ""  # why it must not be read, one sentence; empty where it may

    @property
    def file(self) -> Path:
        """Path of the file."""
        return self.root / self.path

    @property
    def known(self) -> bool:
        """True if size and time are known, so that a change can be detected."""
        return self.time >= 0 and not self.error


def file_states(manifest: Manifest) -> list[FileState]:
    """Return the state of each image, in the manifest's order."""
    resolver = PathResolver(manifest.root)
    pairs = zip(manifest.table["image_id"], manifest.table["path"], strict=True)
    return [_state(str(image_id), str(path), resolver) for image_id, path in pairs]


def _state(image_id: str, path: str, resolver: PathResolver) -> FileState:
    root, spoken = resolver.root, (_spoken(image_id), _spoken(path))
    if spoken != (image_id, path):
        return FileState(*spoken, root, error=INVALID_NAME)
    try:
        resolved = resolver.resolve(path)
        if not resolver.contains(resolved):
            return FileState(image_id, path, root, error=OUTSIDE)
        state = resolved.stat()
        if not stat.S_ISREG(state.st_mode):  # reading a pipe could block
            return FileState(image_id, path, root, error=NO_FILE)
    except (OSError, RuntimeError, ValueError):  # RuntimeError: circular links
        return FileState(image_id, path, root)
    return FileState(image_id, path, root, state.st_size, state.st_mtime_ns)


def _spoken(text: str) -> str:
    """Return text that UTF-8 can encode, with other characters escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@dataclass(frozen=True)
class ChangesSinceIndex:
    """Numbers of images that differ between a data set and its index."""

    new: int  # images that are not in the index
    changed: int  # images whose file has another path, size or time
    gone: int  # indexed images that the data set lacks or whose file is missing
    again: int  # images that could not be read; the next run retries them
    unchanged: dict[str, str]  # SHA-256 by path of unchanged files

    @property
    def nothing(self) -> bool:
        """True if the index is up to date."""
        return not (self.new or self.changed or self.gone)


def compare_with_index(manifest: Manifest, rows: pd.DataFrame) -> ChangesSinceIndex:
    """Compare the files of a data set with its index; no file is opened."""
    columns = ["image_id", "path", "size_bytes", "mtime_ns", "sha256"]
    known = {row[0]: row[1:] for row in rows[columns].itertuples(index=False, name=None)}
    new = changed = gone = again = 0
    unchanged: dict[str, str] = {}
    for state in file_states(manifest):
        before = known.pop(state.image_id, None)
        if before is None:
            new += 1
        elif before[:3] == (state.path, state.size, state.time):
            if state.known and before[3]:
                unchanged[state.path] = before[3]
        elif state.time < 0:
            gone += 1
        elif before[2] < 0:
            again += 1
        else:
            changed += 1
    return ChangesSinceIndex(new, changed, gone + len(known), again, unchanged)
