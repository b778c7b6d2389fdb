"""Below which folders people may connect data sets, and what lies there.

``ALLSCOPE_DATA_ROOTS`` names them, and an administrator may allow others while the app runs, which
the caller puts into the settings it passes. Whatever is asked for is resolved first, so that
neither ``..`` nor a link leads out of them.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from allcore import settings
from allcore.data.layouts.layout import is_image
from allcore.errors import DataError
from allcore.settings import Settings

HOW = (
    "an administrator allows folders under Administration, Settings, or by the setting "
    "ALLSCOPE_DATA_ROOTS"
)
LISTED = 500
"""Folders that one level shows at most."""
COUNTED, COUNTED_ALL = 2_000, 40_000
"""Entries that are looked at to count one folder's pictures, and those of a whole level."""


@dataclass(frozen=True)
class FolderEntry:
    """A folder that may be opened.

    Attributes:
        path: the folder.
        images: pictures found in it and below.
        whole: whether all of it was looked at; otherwise there may be more.
    """

    path: Path
    images: int
    whole: bool


@dataclass(frozen=True)
class FolderLevel:
    """The folders in a folder.

    Attributes:
        path: the folder.
        folders: those in it, by name, at most ``LISTED``.
        more: how many others there are.
        unspeakable: how many are left out because their name is no valid text.
    """

    path: Path
    folders: tuple[FolderEntry, ...]
    more: int
    unspeakable: int


def allowed(config: Settings | None = None) -> tuple[Path, ...]:
    """The folders, and the data set, below which data sets may be connected; links resolved."""
    config = config or settings.load()
    named = [*config.data_roots, *([] if config.data is None else [config.data])]
    return tuple(dict.fromkeys(folder.expanduser().resolve() for folder in named))


def widened(config: Settings, others: Iterable[str]) -> Settings:
    """The settings with other folders allowed beside their own.

    Args:
        config: the settings.
        others: as ``allowable`` gave them; one that has become a link to elsewhere is left out.
    """
    still = (Path(path) for path in others if os.path.realpath(path) == path)
    return config.model_copy(update={"data_roots": (*config.data_roots, *still)})


def checked(path: Path, config: Settings | None = None) -> Path:
    """The place of a data set with links resolved, where it may be connected and is there.

    Raises:
        DataError: it lies outside of what is allowed, is gone, can't be read, or is a file that is
            no table.
    """
    place = _resolved(path)
    root = _root_of(place, allowed(config))
    if root is None:
        raise DataError(_outside(path, place))
    return _readable(place, root)


def allowable(path: Path, config: Settings | None = None) -> Path:
    """The place of a folder with links resolved, where an administrator may allow it.

    Raises:
        DataError: it is no folder that can be read, is allowed already, is the whole file system,
            or what ALLScope keeps for itself lies in it or around it.
    """
    config = config or settings.load()
    place = _resolved(path)
    root = _root_of(place, allowed(config))
    if root is not None:
        raise DataError(f"{_shown(place)} is allowed already, for it is {_shown(root)} or below.")
    if place == Path(place.anchor):
        raise DataError("The top of the file system can't be allowed: choose a folder below it.")
    _readable(place, Path(place.anchor))
    if not place.is_dir():
        raise DataError(f"{_shown(place)} is a table: allow the folder it lies in.")
    if place.is_relative_to(config.home.expanduser().resolve()) or any(
        secret.is_relative_to(place) for secret in _secrets(config)
    ):
        raise DataError(
            f"{_shown(place)} can't be allowed, for ALLScope's own database, keys or settings lie "
            "there: choose a folder that holds data alone."
        )
    return place


def level(path: Path, config: Settings | None = None) -> FolderLevel:
    """The folders in a folder, with their pictures counted as far as that takes no time.

    Links are left out: they are followed only where somebody writes their path.

    Raises:
        DataError: as ``checked``, or it is a file.
    """
    place = checked(path, config)
    if not place.is_dir():
        raise DataError(f"{place.name} is a table, not a folder.")
    names = sorted(entry.name for entry in _entries(place) if _is_folder(entry))
    spoken = [name for name in names if _is_text(name)]
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
    except (OSError, RuntimeError, ValueError):  # links in a circle, names that can't be
        raise DataError(f"{_shown(path)} can't be followed: check the path.") from None


def _secrets(config: Settings) -> Iterator[Path]:
    """What ALLScope keeps for itself: its home, a SQLite database, Streamlit's secrets."""
    yield config.home.expanduser().resolve()
    kind, _, file = config.database.partition(":///")
    if kind.startswith("sqlite") and file:
        yield Path(file).resolve()
    for folder in (settings.REPOSITORY, Path.cwd(), Path.home()):
        if (secrets := folder / ".streamlit" / "secrets.toml").exists():
            yield secrets.resolve()


def _root_of(place: Path, roots: Iterable[Path]) -> Path | None:
    return next((root for root in roots if place.is_relative_to(root)), None)


def _outside(path: Path, place: Path) -> str:
    """Why a place is refused; the same whether or not there is anything."""
    if Path(os.path.normpath(path)) != place:
        return f"{_shown(path)} leads out of the folders that are allowed: {HOW}."
    return f"{_shown(path)} lies outside of the folders that are allowed: {HOW}."


def _readable(place: Path, root: Path) -> Path:
    shown = _shown(place)
    try:
        if not root.exists():
            raise DataError(f"{_shown(root)} is not there any more: connect its disk or share.")
        if not place.exists():
            raise DataError(f"There is nothing at {shown}: bring it back, or check the path.")
        if place.is_dir():
            with os.scandir(place):
                return place
        with place.open("rb"):
            pass
    except OSError as error:
        raise DataError(
            f"{shown} can't be read ({(error.strerror or 'no reason').lower()}): give the account "
            "that runs ALLScope the right to read it."
        ) from None
    if place.suffix.lower() != ".csv":
        raise DataError(f"{shown} is a file: point at the folder it lies in, or at a CSV table.")
    return place


def _entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    with closing(os.scandir(folder)) as entries:
        yield from entries


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _count(folder: Path, limit: int) -> tuple[FolderEntry, int]:
    """Count pictures below a folder until so many entries were looked at; gives both numbers."""
    waiting, images, entries = [folder], 0, 0
    while waiting:
        try:
            for entry in _entries(waiting.pop()):
                if entries >= limit:
                    return FolderEntry(folder, images, whole=False), entries
                entries += 1
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                elif is_image(entry.name):
                    images += 1
        except OSError:  # what can't be read counts nothing
            continue
    return FolderEntry(folder, images, whole=True), entries


def _is_text(name: str) -> bool:
    return name.isprintable()


def _shown(path: Path) -> str:
    """A path as text that can be shown, whatever bytes its name holds."""
    return str(path).encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
