"""Image sources: files, folders and zip archives, one lazily read Source for each image.

An archive is never unpacked to disk. The folders of a member's name are dropped against path
traversal, and its bytes are counted while reading, whatever its header declares.
"""

import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from allcore.data.images import formats
from allcore.errors import BadImage
from allcore.formats import printable

MAX_MEMBERS = 20_000
MAX_TOTAL_BYTES = 8 * 2**30
MAX_RATIO = 200  # a black 450 x 450 BMP deflates to about 1:100, a bomb to 1:1000
_RATIO_FREE_BYTES = 8 * 2**20  # small members may have any ratio
_JUNK_NAMES = {"Thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Source:
    """An image to read: ``read()`` returns its bytes or raises BadImage."""

    name: str
    read: Callable[[], bytes]


def walk(paths: Iterable[Path]) -> Iterator[Source]:
    """Yield sources of image files, folders (recursively) and zip archives, in a stable order.

    Every file yields at least one source, an image or not, so that nothing is dropped silently;
    only hidden files and operating system files are skipped.
    """
    for path in files(paths):
        name = source_name(path)
        if problem := _problem_of_file(path):
            yield refused(name, problem)
        elif path.suffix.lower() == ".zip":
            yield from members(path, name=name)
        else:
            yield Source(name=name, read=partial(_read_file, path))


def source_name(path: Path) -> str:
    """Name of a file's source: its path, with control characters and bytes of no letter escaped."""
    return printable(str(path))


def files(paths: Iterable[Path]) -> Iterator[Path]:
    """Replace each folder by the files in it, at any depth; empty folders stay."""
    for path in paths:
        inside = _inside(path) if path.is_dir() else []
        yield from inside or [path]


def members(file: Path | IO[bytes], *, name: str) -> Iterator[Source]:
    """Yield sources of the members of a zip archive, named ``<name>/<base name>``.

    An unusable archive yields one refused source with the reason. The sources stay readable for
    their lifetime, from any thread.
    """
    try:
        archive = zipfile.ZipFile(file)
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError):
        yield refused(name, "The zip archive can't be opened; make it again and retry.")
        return
    infos = [
        info for info in archive.infolist() if not info.is_dir() and not is_junk(info.filename)
    ]
    problem = _problem_of_all(infos)
    if problem:
        yield refused(name, problem)
        return
    for info in infos:
        yield _member(archive, info, name=f"{name}/{printable(_base_name(info.filename))}")


def refused(name: str, sentence: str) -> Source:
    """Source without content that raises BadImage with a sentence."""

    def read() -> bytes:
        raise BadImage(sentence)

    return Source(name=name, read=read)


def is_junk(path: str) -> bool:
    """True if a file is hidden or an operating system's leftover."""
    name = _base_name(path)
    return path.startswith("__MACOSX/") or name.startswith(".") or name in _JUNK_NAMES


def _inside(folder: Path) -> list[Path]:
    files = (path for path in folder.rglob("*") if not path.is_dir())
    return sorted(path for path in files if not is_junk(path.relative_to(folder).as_posix()))


def _problem_of_file(path: Path) -> str | None:
    """Reason why a path can't be read, before it is: a named pipe would never end."""
    if path.is_file():
        return None
    if path.is_dir():
        return "The folder holds no files; check the path."
    if path.exists():
        return "This is a pipe or a device, no file; save the picture as a file and give that."
    return "There is no such file; check the path."


def _read_file(path: Path) -> bytes:
    try:
        formats.check_bytes(path.stat().st_size)
        return path.read_bytes()
    except OSError as error:
        raise BadImage(f"The file can't be read ({error.strerror}); check its rights.") from error


def _base_name(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).name or "unnamed"


def _problem_of_all(infos: list[zipfile.ZipInfo]) -> str | None:
    if not infos:
        return "The zip archive holds no files; put the pictures of the cells into it."
    if len(infos) > MAX_MEMBERS:
        return (
            f"The zip archive holds {len(infos):,} files, more than the {MAX_MEMBERS:,} that are "
            "read; split it and retry."
        )
    if sum(info.file_size for info in infos) > MAX_TOTAL_BYTES:
        return (
            f"The zip archive would unpack to more than {MAX_TOTAL_BYTES // 2**30} GB; "
            "split it and retry."
        )
    return None


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, *, name: str) -> Source:
    problem = _problem_of_one(info)
    if problem:
        return refused(name, problem)
    return Source(name=name, read=partial(_read_member, archive, info))


def _problem_of_one(info: zipfile.ZipInfo) -> str | None:
    if info.flag_bits & 0x1:
        return "The archive is protected by a password; make one without and retry."
    if info.filename.lower().endswith(".zip"):
        return "An archive inside an archive is not read; unpack it and upload it by itself."
    if info.file_size > max(_RATIO_FREE_BYTES, MAX_RATIO * info.compress_size):
        return "The member unpacks to far more than any picture would, so it is not read."
    return None


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    formats.check_bytes(info.file_size)
    try:
        with archive.open(info) as member:
            data = member.read(formats.MAX_BYTES + 1)  # the header may understate the size
    except Exception as error:  # damaged or unsupported compression raises anything
        raise BadImage(
            "The member of the archive is damaged; make the archive again and retry."
        ) from error
    formats.check_bytes(len(data))
    return data
