"""Image sources: files, folders and zip archives, one lazily read Source for each image.

An archive is never unpacked to disk. A member's name serves as a name only, without parts that
lead upwards, and its bytes are counted while reading, whatever its header declares.
"""

import contextlib
import os
import struct
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO

from allcore.data.images import formats
from allcore.data.junk_files import is_junk
from allcore.errors import BadImage
from allcore.formats import printable

MAX_MEMBERS = 20_000
MAX_TOTAL_BYTES = 8 * 2**30
MAX_RATIO = 200  # a black 450 x 450 BMP deflates to about 1:100, a bomb to 1:1000
_RATIO_FREE_BYTES = 8 * 2**20  # small members may have any ratio
_UNICODE_PATH = 0x7075  # Info-ZIP's extra field of a name in UTF-8
_UTF_8_FLAG = 0x800  # of a member whose name is UTF-8; otherwise it is code page 437


@dataclass(frozen=True)
class Source:
    """An image to read: ``read()`` returns its bytes or raises BadImage."""

    name: str  # its whole path, or its path in an archive after that of the archive
    read: Callable[[], bytes]
    # its path below the folder that was named; otherwise the file's or archive's own name. Reports
    # that are shared show it.
    inside: str = ""


def walk(paths: Iterable[Path], *, large: bool = False) -> Iterator[Source]:
    """Yield sources of image files, folders (recursively) and zip archives, in a stable order.

    Every file yields at least one source, an image or not, so that nothing is dropped silently;
    only hidden and system files are skipped. Where pictures may be ``large`` smear fields,
    files of more bytes are read.
    """
    for given in paths:
        for path in files([given]):
            name = source_name(path)
            inside = path.relative_to(given).as_posix() if path != given else path.name
            inside = printable(inside)
            if problem := _problem_of_file(path):
                yield refused(name, problem)
            elif path.suffix.lower() == ".zip":
                yield from members(path, name=name, inside=inside)
            else:
                yield Source(name=name, read=partial(_read_file, path, large), inside=inside)


def source_name(path: Path) -> str:
    """Name of a file's source: its path, with control characters and bytes of no letter escaped."""
    return printable(str(path))


def files(paths: Iterable[Path]) -> Iterator[Path]:
    """Replace each folder by the files in it, at any depth; empty folders stay."""
    for path in paths:
        inside = _inside(path) if path.is_dir() else []
        yield from inside or [path]


def members(file: Path | IO[bytes], *, name: str, inside: str = "") -> Iterator[Source]:
    """Yield sources of the members of a zip archive, named ``<name>/<path in the archive>``.

    An unusable archive yields one refused source with the reason. The sources stay readable for
    their lifetime, from any thread.
    """
    try:
        archive = zipfile.ZipFile(file)
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError):
        yield refused(name, "The zip archive can't be opened; make it again and retry.")
        return
    infos = [info for info in archive.infolist() if not info.is_dir()]
    paths = {info: path for info in infos if not is_junk(path := _member_path(info))}
    problem = _problem_of_all(list(paths))
    if problem:
        yield refused(name, problem)
        return
    names: Counter[str] = Counter()
    for info, path in paths.items():
        problem = _problem_of_one(info)
        read = partial(_read_member, archive, info)
        source = refused(name, problem) if problem else Source(name, read)
        shown = printable(path)
        names[shown] += 1
        shown += f" ({names[shown]})" if names[shown] > 1 else ""
        yield replace(source, name=f"{name}/{shown}", inside=f"{inside or name}/{shown}")


def refused(name: str, sentence: str) -> Source:
    """Source without content that raises BadImage with a sentence."""

    def read() -> bytes:
        raise BadImage(sentence)

    return Source(name=name, read=read)


def _inside(folder: Path) -> list[Path]:
    """Files below a folder at any depth, sorted; hidden and system folders are not entered."""
    files: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not is_junk(name)]
        files += (Path(place, name) for name in names if not is_junk(name))
    return sorted(files)


def _problem_of_file(path: Path) -> str | None:
    """Reason why a path can't be read, before it is: a named pipe would never end."""
    if path.is_file():
        return None
    if path.is_dir():
        return "The folder holds no files; check the path."
    if path.exists():
        return "This is a pipe or a device, no file; save the picture as a file and give that."
    return "There is no such file; check the path."


def _read_file(path: Path, large: bool) -> bytes:
    try:
        formats.check_bytes(path.stat().st_size, formats.MAX_FIELD_BYTES if large else None)
        return path.read_bytes()
    except OSError as error:
        raise BadImage(f"The file can't be read ({error.strerror}); check its rights.") from error


def _member_path(info: zipfile.ZipInfo) -> str:
    """Path of a member in its archive, without a drive and parts that lead upwards."""
    path = _unicode_path(info.extra) or info.filename
    if not info.flag_bits & _UTF_8_FLAG:
        with contextlib.suppress(UnicodeError):  # many programs write UTF-8 without the flag
            path = path.encode("cp437").decode("utf-8")
    parts = path.replace("\\", "/").split("/")
    drive = len(parts) > 1 and parts[0].endswith(":")
    return "/".join(part for part in parts[drive:] if part not in ("", ".", "..")) or "unnamed"


def _unicode_path(extra: bytes) -> str:
    """Name in Info-ZIP's extra field of a member; empty without one."""
    while len(extra) > 4:
        kind, size = struct.unpack_from("<HH", extra)
        if kind == _UNICODE_PATH:
            return extra[9 : 4 + size].decode("utf-8", "ignore")  # version and CRC come first
        extra = extra[4 + size :]
    return ""


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
