"""The demonstration set of this installation, drawn once into ``Settings.demo_set``."""

import logging
import shutil
import tempfile
import time
from pathlib import Path

from filelock import FileLock

from allcore import settings
from allcore.data import manifest, readers
from allcore.data.manifest import Manifest
from allcore.errors import DataError
from allcore.synthetic import dataset

log = logging.getLogger(__name__)

VERSION = "3"  # raised whenever the drawing changes; a set of an older version is drawn again
VERSION_FILE = "version.txt"


def is_drawn(folder: Path | None = None) -> bool:
    """True if the set exists in the current version."""
    folder = folder or settings.load().demo_set
    try:
        version = (folder / VERSION_FILE).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return False
    return version == VERSION and (folder / manifest.FILE_NAME).is_file()


def ensure_demo(
    folder: Path | None = None, *, cells: int = dataset.CELLS, subjects: int = dataset.SUBJECTS
) -> Manifest:
    """Return the demonstration set; where it is missing, one process draws it for all.

    It is drawn in a temporary folder and renamed, so that no reader sees a partial set.

    Raises:
        DataError: the folder can't be written, or holds something else.
    """
    folder = folder or settings.load().demo_set
    if not is_drawn(folder):
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{folder}.lock"):
                if not is_drawn(folder):
                    _draw_in_place(folder, cells=cells, subjects=subjects)
        except OSError as error:
            raise DataError(
                f"The demonstration set can't be drawn into {folder} ({error.strerror}): set "
                "ALLSCOPE_HOME to a folder that can be written to."
            ) from error
    return readers.read(folder)


def _draw_in_place(folder: Path, *, cells: int, subjects: int) -> None:
    older = (folder / dataset.TRUTH).is_file() and (folder / manifest.FILE_NAME).is_file()
    if folder.exists() and any(folder.iterdir()) and not older:
        raise DataError(
            f"{folder} holds something that is not the demonstration set: move it away and retry."
        )
    started = time.monotonic()
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        dataset.draw_set(work, cells=cells, subjects=subjects)
        (work / VERSION_FILE).write_text(VERSION, encoding="utf-8")
        work.chmod(0o755)
        if older:
            folder.rename(work.with_suffix(".old"))
        work.replace(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(work.with_suffix(".old"), ignore_errors=True)
    log.info("demonstration set drawn: %d cells in %.1f s", cells, time.monotonic() - started)
