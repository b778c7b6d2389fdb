"""Folders below which data sets may be connected, and their content.

``ALLSCOPE_DATA_ROOTS`` names them. An administrator may allow others while the app runs; the caller
adds these to the settings. Every path is resolved before it is checked, so that neither ``..`` nor
a link leads out of the folders.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from allcore import settings
from allcore.data.junk_files import is_junk
from allcore.data.layouts.layout import is_image
from allcore.errors import DataError
from allcore.settings import Settings

HOW = (
    "an administrator allows folders under Administration, Settings, or by the setting "
    "ALLSCOPE_DATA_ROOTS"
)
LISTED = 500
"""Largest number of folders shown for one level."""
COUNTED, COUNTED_ALL = 2_000, 40_000
"""Largest number of entries scanned to count one folder's images, and those of a whole level."""


@dataclass(frozen=True)
class FolderEntry:
    """A folder that may be opened."""

    path: Path
    images: int  # number of images counted in it and below
    whole: bool  # whether the count is complete; otherwise there may be more images


@dataclass(frozen=True)
class FolderLevel:
    """The subfolders of a folder."""

    path: Path
    folders: tuple[FolderEntry, ...]  # its subfolders, by name, at most ``LISTED``
    more: int  # number of subfolders beyond ``LISTED``
    unspeakable: int  # number of subfolders left out because their name is no valid text


def allowed(config: Settings | None = None) -> tuple[Path, ...]:
    """Return the resolved folders, and the data set, below which data sets may be connected."""
    config = config or settings.load()
    named = [*config.data_roots, *([] if config.data is None else [config.data])]
    return tuple(dict.fromkeys(folder.expanduser().resolve() for folder in named))


def widened(config: Settings, paths: Iterable[str]) -> Settings:
    """Return the settings with further folders allowed, of paths that ``allowable`` returned.

    A path that has become a link is left out.
    """
    still = (Path(path) for path in paths if os.path.realpath(path) == path)
    return config.model_copy(update={"data_roots": (*config.data_roots, *still)})


def checked(path: Path, config: Settings | None = None) -> Path:
    """Return the resolved path of a data set that may be connected.

    Raises:
        DataError: the path lies outside of the allowed folders, is missing, can't be read, or is a
            file that is no table.
    """
    place = _resolved(path)
    root = _root_of(place, allowed(config))
    if root is None:
        # The sentence does not reveal whether the path exists.
        leads = "lies outside of" if Path(os.path.normpath(path)) == place else "leads out of"
        raise DataError(f"{_text(path)} {leads} the folders that are allowed: {HOW}.")
    return _readable(place, root)


def allowable(path: Path, config: Settings | None = None) -> Path:
    """Return the resolved path of a folder that an administrator may allow.

    Raises:
        DataError: the path is no readable folder, is allowed already, is the whole file system, or
            contains or lies in ALLScope's own files.
    """
    config = config or settings.load()
    place = _resolved(path)
    root = _root_of(place, allowed(config))
    if root is not None:
        raise DataError(f"{_text(place)} is allowed already, for it is {_text(root)} or below.")
    if place == Path(place.anchor):
        raise DataError("The top of the file system can't be allowed: choose a folder below it.")
    _readable(place, Path(place.anchor))
    if not place.is_dir():
        raise DataError(f"{_text(place)} is a table: allow the folder it lies in.")
    if place.is_relative_to(config.home.expanduser().resolve()) or any(
        secret.is_relative_to(place) for secret in _secrets(config)
    ):
        raise DataError(
            f"{_text(place)} can't be allowed, for ALLScope's own database, keys or settings lie "
            "there: choose a folder that holds data alone."
        )
    return place


def level(path: Path, config: Settings | None = None) -> FolderLevel:
    """List the subfolders of a folder, with a quick count of their images.

    Links are left out; they are followed only where a user enters their path.

    Raises:
        DataError: as ``checked``, or the path is a file.
    """
    place = checked(path, config)
    if not place.is_dir():
        raise DataError(f"{place.name} is a table, not a folder.")
    names = sorted(entry.name for entry in _entries(place) if _is_folder(entry))
    spoken = [name for name in names if name.isprintable()]
    folders, left = [], COUNTED_ALL
    for name in spoken[:LISTED]:
        entry, entries = _count(place / name, min(COUNTED, left))
        left -= entries
        folders.append(entry)
    return FolderLevel(place, tuple(folders), len(spoken) - len(folders), len(names) - len(spoken))


def _resolved(path: Path) -> Path:
    if not path.is_absolute():
        raise DataError("Write the whole path, from the top of the file system.")
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # circular links, invalid names
        raise DataError(f"{_text(path)} can't be followed: check the path.") from None


def _secrets(config: Settings) -> Iterator[Path]:
    """Private paths of ALLScope: its home, a SQLite database, Streamlit's secrets."""
    yield config.home.expanduser().resolve()
    kind, _, file = config.database.partition(":///")
    if kind.startswith("sqlite") and file:
        yield Path(file).resolve()
    for folder in (settings.REPOSITORY, settings.APP_FOLDER, Path.cwd(), Path.home()):
        if (secrets := folder / ".streamlit" / "secrets.toml").exists():
            yield secrets.resolve()


def _root_of(place: Path, roots: Iterable[Path]) -> Path | None:
    return next((root for root in roots if place.is_relative_to(root)), None)


def _readable(place: Path, root: Path) -> Path:
    name = _text(place)
    try:
        if not root.exists():
            raise DataError(f"{_text(root)} is not there any more: connect its disk or share.")
        if not place.exists():
            raise DataError(f"There is nothing at {name}: bring it back, or check the path.")
        if place.is_dir():
            with os.scandir(place):
                return place
        with place.open("rb"):
            pass
    except OSError as error:
        raise DataError(
            f"{name} can't be read ({(error.strerror or 'no reason').lower()}): give the account "
            "that runs ALLScope the right to read it."
        ) from None
    if place.suffix.lower() != ".csv":
        raise DataError(f"{name} is a file: point at the folder it lies in, or at a CSV table.")
    return place


def _entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    with closing(os.scandir(folder)) as entries:
        yield from entries


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return not is_junk(entry.name) and entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _count(folder: Path, limit: int) -> tuple[FolderEntry, int]:
    """Count images in up to ``limit`` entries below a folder; also return the number of entries."""
    waiting, images, entries = [folder], 0, 0
    while waiting:
        try:
            for entry in _entries(waiting.pop()):
                if entries >= limit:
                    return FolderEntry(folder, images, whole=False), entries
                entries += 1
                if is_junk(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                elif is_image(entry.name):
                    images += 1
        except OSError:  # unreadable folders are not counted
            continue
    return FolderEntry(folder, images, whole=True), entries


def _text(path: Path) -> str:
    """Return a path as printable text, with bytes that are no UTF-8 escaped."""
    return str(path).encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
