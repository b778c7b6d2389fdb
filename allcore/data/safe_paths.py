"""Resolution of paths below a data set's folder, each folder resolved once."""

import os
from pathlib import Path


class PathResolver:
    """Resolves paths below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._folders: dict[str, Path] = {"": self.root}

    def resolve(self, path: str) -> Path:
        """The file that a path below the folder leads to, as ``Path.resolve`` gives it.

        Raises:
            OSError: it can't be followed.
            RuntimeError: its links lead in a circle.
            ValueError: it holds what no path holds.
        """
        folder, name = os.path.split(path)
        if name in ("", ".", ".."):
            return (self.root / path).resolve()
        if folder not in self._folders:
            self._folders[folder] = (self.root / folder).resolve()
        file = self._folders[folder] / name
        return file.resolve() if os.path.islink(file) else file

    def contains(self, file: Path) -> bool:
        """Whether a file of ``resolve`` lies in the folder."""
        return file.is_relative_to(self.root)
