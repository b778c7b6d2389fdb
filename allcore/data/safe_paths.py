"""Resolution of paths below a data set's folder; each folder is resolved once."""

import errno
import os
from pathlib import Path


def require_file(path: Path) -> Path:
    """Return a path; raise an OSError for a pipe or a device, whose reading may never end."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(errno.EINVAL, "it is a pipe or a device, no file", str(path))
    return path


class PathResolver:
    """Resolves paths below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._folders: dict[str, Path] = {"": self.root}
        self._below = os.path.join(self.root, "")

    def resolve(self, path: str) -> Path:
        """Resolve a path below the folder, as ``Path.resolve`` does.

        Raises:
            OSError: the path can't be followed.
            RuntimeError: its links form a circle.
            ValueError: it holds characters that no path can have.
        """
        folder, name = os.path.split(path)
        if name in ("", ".", ".."):
            return (self.root / path).resolve()
        if folder not in self._folders:
            self._folders[folder] = (self.root / folder).resolve()
        file = self._folders[folder] / name
        return file.resolve() if os.path.islink(file) else file

    def contains(self, file: Path) -> bool:
        """True if a resolved path lies in the folder."""
        return file == self.root or str(file).startswith(self._below)
