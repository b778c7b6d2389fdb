"""Download of the public release of C-NMC 2019 into a folder, verified file by file.

The source is Kaggle, a plain HTTP mirror, or another folder of this machine. Every run ends with a
verification. Correct files are not downloaded again, and an interrupted run is resumed.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from allcore.cnmc import kaggle, mirror, release, verification
from allcore.cnmc.mirror import ReleaseFile
from allcore.cnmc.verification import Verification
from allcore.data.file_digests import WORK_FOLDER, UnreadFile
from allcore.errors import DataError

LABELS_LIMIT = 1_000_000
LABELS_HEADER = frozenset({"Patient_ID", "new_names", "labels"})

Steps = Callable[[str, int, int], object]
"""Called with the name of a step, the number of bytes done and the total number of bytes."""


@dataclass(frozen=True)
class DownloadResult:
    """Result of a download."""

    placed: int  # number of files placed in the folder
    failures: tuple[UnreadFile, ...]  # files that could not be downloaded, with the reason
    has_labels: bool  # whether the folder has the label table of the preliminary test images
    verification: Verification


def fetch(
    folder: Path, source: str | None = None, *, progress: Steps | None = None
) -> DownloadResult:
    """Download the missing files of the release into a folder; altered files are replaced.

    Args:
        folder: created where it is missing.
        source: address of a mirror that serves the release's paths, or a folder that holds the
            files under any names; Kaggle by default.

    Raises:
        DataError: the source can't be reached or used, the disk is too small, the folder can't be
            written, or the work was interrupted; complete files stay.
    """
    folder = folder.expanduser().resolve()
    run = _Run(folder, progress or (lambda *_: None))
    try:
        with _lock(run.work):
            result = run(source)
        if result.verification.problem is None:
            shutil.rmtree(run.work, ignore_errors=True)
        return result
    except KeyboardInterrupt as interrupt:
        raise DataError(
            f"Stopped: what is whole stays in {folder}, and another run goes on from it."
        ) from interrupt
    except OSError as error:
        raise DataError(
            f"{folder} can't be written ({error.strerror or error}): make room, or choose another "
            "folder; what is whole stays."
        ) from error


class _Run:
    """A download into one folder."""

    def __init__(self, folder: Path, progress: Steps) -> None:
        self.folder = folder
        self.work = folder / WORK_FOLDER
        self.progress = progress
        self.base = ""
        self.placed = 0
        self.failures: tuple[UnreadFile, ...] = ()

    def __call__(self, source: str | None) -> DownloadResult:
        before = after = self._verify(self.folder, "Checking")
        self.base = before.base
        files = _files_to_fetch(before)
        if files:
            if source is None:
                self._from_kaggle(files)
            elif "://" in source:
                self._from_mirror(source, files)
            else:
                self._from_folder(Path(source).expanduser(), files)
            after = self._verify(self.folder, "Checking again")
        has_labels = any(self.folder.rglob(Path(release.LABELS_TABLE).name))
        return DownloadResult(self.placed, self.failures, has_labels, after)

    def _from_kaggle(self, files: Sequence[ReleaseFile]) -> None:
        cache = self.work / "kaggle"
        unpacked = int(release.read_release()["size"].sum())
        self._check_room(int(unpacked * (1 + kaggle.ARCHIVE_SHARE)))
        source = kaggle.download(cache, self.folder).resolve()
        # In Kaggle and Colab notebooks the files lie outside of the cache and must not be moved.
        self._adopt(source, files, move=source.is_relative_to(cache))
        shutil.rmtree(cache, ignore_errors=True)

    def _from_folder(self, source: Path, files: Sequence[ReleaseFile]) -> None:
        if not source.is_dir():
            raise DataError(f"There is no folder {source} to take files from: check the path.")
        self._check_room(_total_size(files))
        self._adopt(source, files)

    def _from_mirror(self, url: str, files: Sequence[ReleaseFile]) -> None:
        if not url.startswith(("http://", "https://")):
            raise DataError(f"{url} is no address of a mirror: it begins with http:// or https://.")
        self._check_room(_total_size(files))
        server = mirror.Mirror(url, self.work)
        try:
            server.check_connection(files[0].paths[0])
        except mirror.MirrorError as error:
            raise DataError(
                f"{url} can't be used ({error}): {release.manual_download(self.folder)}"
            ) from error
        count = self._byte_counter("Fetching", files)
        place = partial(self._copy, move=True)
        self.placed, self.failures = server.fetch_all(files, place, progress=count)
        self._save_labels(server.read_small_file(release.LABELS_TABLE, max_bytes=LABELS_LIMIT))

    def _adopt(self, source: Path, files: Sequence[ReleaseFile], *, move: bool = False) -> None:
        """Place the files of a folder, whatever their names."""
        available = self._verify(source, "Reading the source")
        rows = available.rows[available.rows["state"].isin(["in_place", "moved"])]
        path_of = dict(zip(rows["sha256"], rows["found"], strict=True))
        count = self._byte_counter("Placing", files)
        for file in files:
            if file.sha256 in path_of:
                content = (available.root / path_of[file.sha256]).resolve()
                self._copy(content, file, move=move)
                self.placed += len(file.paths)
            count(file.total_size)
        for table in available.root.rglob(Path(release.LABELS_TABLE).name):
            if table.is_file() and table.resolve().is_relative_to(available.root):
                with table.open("rb") as opened:
                    self._save_labels(opened.read(LABELS_LIMIT + 1))

    def _copy(self, content: Path, file: ReleaseFile, *, move: bool = False) -> None:
        """Copy a file to all its paths; of a file to move, the original goes to the first path."""
        for path in file.paths[move:]:
            target = self._target(path)
            temporary = self.work / f"{file.sha256}.copy"  # so that no reader sees a partial file
            shutil.copyfile(content, temporary)
            os.replace(temporary, target)
        if move:
            os.replace(content, self._target(file.paths[0]))

    def _target(self, path: str) -> Path:
        """Return the path of a file of the release; its folder is created."""
        target = self.folder / self.base / path
        if not target.parent.resolve().is_relative_to(self.folder):
            raise DataError(
                f"{target.parent} leads out of {self.folder}: remove the link, or fetch into "
                "another folder."
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def _check_room(self, needed: int) -> None:
        """Check the free disk space against the bytes still to download."""
        partial_bytes = sum(file.stat().st_size for file in self.work.rglob("*") if file.is_file())
        room = shutil.disk_usage(self.folder).free + partial_bytes
        if room < needed:
            raise DataError(
                f"{self.folder} has room for {room / 1e9:.1f} GB and needs {needed / 1e9:.1f} GB: "
                "make room, or choose a folder on another disk."
            )

    def _save_labels(self, data: bytes | None) -> None:
        """Save the label table that comes with the images, if it is valid."""
        header = (data or b"").split(b"\n", 1)[0].decode("utf-8", "replace").strip().split(",")
        if data and len(data) <= LABELS_LIMIT and set(header) >= LABELS_HEADER:
            target = self._target(release.LABELS_TABLE)
            if not target.exists():
                target.write_bytes(data)

    def _verify(self, folder: Path, step: str) -> Verification:
        return verification.verify(folder, progress=partial(self.progress, step))

    def _byte_counter(self, step: str, files: Sequence[ReleaseFile]) -> Callable[[int], None]:
        """Return a function that adds bytes to the progress of a step."""
        done, total = 0, _total_size(files)

        def add(size: int) -> None:
            nonlocal done
            done += size
            self.progress(step, done, total)

        return add


def _files_to_fetch(before: Verification) -> list[ReleaseFile]:
    """Return missing and altered files, each content once."""
    rows = before.rows[before.rows["state"].isin(["missing", "altered"])]
    return [
        ReleaseFile(tuple(group["path"]), int(group["size"].iloc[0]), str(digest))
        for digest, group in rows.groupby("sha256", sort=False)
    ]


def _total_size(files: Sequence[ReleaseFile]) -> int:
    return sum(file.total_size for file in files)


@contextmanager
def _lock(work: Path) -> Iterator[None]:
    """Lock the folder against a second run."""
    work.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(work / "lock", timeout=0):
            yield
    except Timeout as error:
        raise DataError(f"Another run fetches into {work.parent}: wait until it ends.") from error
