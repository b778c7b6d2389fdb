"""List the files below a folder and compute their SHA-256, without following links out of it."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from allcore import formats
from allcore.data.junk_files import is_junk
from allcore.errors import DataError

WORK_FOLDER = ".allscope-fetch"
"""Folder of a download in progress; its files are not part of the data set."""

NOWHERE, OUTSIDE, TO_FOLDER = (
    "a link that leads nowhere", "a link that leads out of the folder", "a link to a folder",
)  # fmt: skip
"""Reasons for not following a link."""
NO_TEXT = "a name that is no UTF-8 text"
"""Reason for not listing a file whose name no table can hold."""
JUNK = "a hidden or system file"
"""Reason for not listing a file or folder that ``junk_files`` names."""

Progress = Callable[[int, int], object]
"""Called with the number of bytes done and the total number of bytes."""

Cancelled = Callable[[], bool]


@dataclass(frozen=True, order=True)
class UnreadFile:
    """A file or folder that was not read."""

    path: str  # relative to the root, with slashes
    reason: str  # a few words


@dataclass(frozen=True)
class LeftOutFiles:
    """Files of one suffix that are left out for one reason."""

    suffix: str  # in lower case, with its dot; empty without one
    reason: str
    count: int
    example: str  # path of the first one


@dataclass(frozen=True)
class FileListing:
    """The regular files below a folder."""

    root: Path  # the folder, links resolved
    paths: tuple[str, ...]  # (N,) relative to the root, with slashes, sorted
    sizes: tuple[int, ...]  # (N,) bytes
    refused: tuple[UnreadFile, ...]  # entries that are not listed


def list_files(root: Path, *, hidden: bool = True) -> FileListing:
    """List the files below a folder; links out of it, pipes and devices are refused.

    A link to a file in the folder counts as a file; a link to a folder does not. Without
    ``hidden``, hidden and system files are refused as ``JUNK``.

    Raises:
        DataError: the folder is missing or can't be read.
    """
    root = root.expanduser().resolve()
    if not root.is_dir():
        raise DataError(f"There is no folder {root}: check the path.")
    files: dict[str, int] = {}
    refused: list[UnreadFile] = []
    for path, status in _entries(root, hidden):
        shown = formats.printable(path)
        if isinstance(status, int) and not _is_text(path):
            refused.append(UnreadFile(shown, NO_TEXT))
        elif isinstance(status, int):
            files[path] = status
        elif not path:
            raise DataError(f"{root} can't be read: {status}.")
        else:
            refused.append(UnreadFile(shown, status))
    paths = tuple(sorted(files))
    sizes = tuple(files[path] for path in paths)
    return FileListing(root, paths, sizes, tuple(sorted(refused)))


def _is_text(path: str) -> bool:
    """Whether the name of a file is UTF-8, as tables need it."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def compute_digests(
    root: Path,
    sizes: Mapping[str, int],
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> tuple[dict[str, str], list[UnreadFile]]:
    """Compute the SHA-256 of files below a folder, several at a time.

    Args:
        root: the folder.
        sizes: bytes of each file by its path relative to the folder, for the progress.
        progress: called after every file.
        cancelled: called after every file; True ends the work.

    Returns:
        The digest of each readable file, in 64 hexadecimal digits, and the unreadable files.

    Raises:
        DataError: the work was cancelled.
    """
    total, done = sum(sizes.values()), 0
    digests: dict[str, str] = {}
    refused: list[UnreadFile] = []
    # More threads than cores, since some wait for the disk.
    pool = ThreadPoolExecutor(min(32, 2 * (os.cpu_count() or 1)))
    try:
        answers = pool.map(lambda path: _digest_or_reason(root / path), sizes)
        for (path, size), (digest, reason) in zip(sizes.items(), answers, strict=True):
            if digest:
                digests[path] = digest
            else:
                refused.append(UnreadFile(path, reason))
            done += size
            if progress:
                progress(done, total)
            if cancelled and cancelled():
                raise DataError(f"The check of {root} was cancelled.")
    finally:
        pool.shutdown(cancel_futures=True)
    return digests, refused


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a regular file, in 64 hexadecimal digits.

    Raises:
        OSError: the file can't be read, or is a link, a pipe or a device.
    """
    # Opening a pipe blocks without O_NONBLOCK; Windows has neither flag.
    flags = [getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY")]
    descriptor = os.open(path, os.O_RDONLY | sum(flags))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("not a regular file")
        return hashlib.file_digest(file, "sha256").hexdigest()


def _entries(root: Path, hidden: bool) -> Iterator[tuple[str, int | str]]:
    """Yield each file below root with its size, or with the reason why it is refused."""
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            scanned = os.scandir(root / folder)
        except OSError as error:
            yield folder, _reason(error)
            continue
        with closing(scanned):
            for entry in scanned:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if not hidden and is_junk(entry.name):
                    yield path, JUNK
                elif entry.is_dir(follow_symlinks=False):
                    if entry.name != WORK_FOLDER:
                        folders.append(path)
                else:
                    yield path, _size_or_reason(entry, root)


def _size_or_reason(entry: os.DirEntry[str], root: Path) -> int | str:
    try:
        if entry.is_symlink():
            return _linked(Path(entry.path), root)
        if entry.is_file(follow_symlinks=False):
            return entry.stat(follow_symlinks=False).st_size
    except OSError as error:
        return _reason(error)
    return "not a regular file"


def _linked(link: Path, root: Path) -> int | str:
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):  # Python 3.11 and 3.12 raise RuntimeError for a loop
        return NOWHERE
    if not target.is_relative_to(root):
        return OUTSIDE
    return target.stat().st_size if target.is_file() else TO_FOLDER


def _digest_or_reason(path: Path) -> tuple[str | None, str]:
    try:
        return file_digest(path.resolve() if path.is_symlink() else path), ""
    except OSError as error:
        return None, _reason(error)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
