"""The files behind a manifest: where each lies and whether it changed since it was indexed."""

import stat
from dataclasses import dataclass
from pathlib import Path

from allcore.data.manifest import Manifest
from allcore.data.safe_paths import Within

OUTSIDE = "The path leads out of the data set's folder and is not followed: copy the file into it."
NO_FILE = "This is no regular file and is not read: put a picture in its place."
UNSPEAKABLE = "The file's name is no valid text: rename the file."


@dataclass(frozen=True)
class State:
    """One image of a manifest as it lies on the disk.

    Attributes:
        image_id: its id.
        path: below the data set's folder, as the manifest has it.
        file: the file.
        size: bytes; -1 where the file can't be reached.
        time: of its last change, nanoseconds; -1 where the file can't be reached.
        error: why it must not be read, one sentence; empty where it may.
    """

    image_id: str
    path: str
    file: Path
    size: int = -1
    time: int = -1
    error: str = ""

    @property
    def known(self) -> bool:
        """Whether size and time tell that a file is the one of before."""
        return self.time >= 0 and not self.error


def states(manifest: Manifest) -> list[State]:
    """The state of each image, in the manifest's order."""
    within = Within(manifest.root)
    pairs = zip(manifest.table["image_id"], manifest.table["path"], strict=True)
    return [_state(str(image_id), str(path), within) for image_id, path in pairs]


def _state(image_id: str, path: str, within: Within) -> State:
    file = within.root / path
    spoken = _spoken(image_id), _spoken(path)
    if spoken != (image_id, path):
        return State(*spoken, file, error=UNSPEAKABLE)
    try:
        found = within.resolve(path)
        if not within.holds(found):
            return State(image_id, path, file, error=OUTSIDE)
        state = found.stat()
        if not stat.S_ISREG(state.st_mode):  # a pipe would be waited for without end
            return State(image_id, path, file, error=NO_FILE)
    except (OSError, RuntimeError, ValueError):  # RuntimeError: links that lead in a circle
        return State(image_id, path, file)
    return State(image_id, path, file, state.st_size, state.st_mtime_ns)


def _spoken(text: str) -> str:
    """Text that can be written as UTF-8, with what can't be as an escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
