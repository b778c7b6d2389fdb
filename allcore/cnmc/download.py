"""Bring the public release of C-NMC 2019 into a folder, and check it file by file.

It comes from Kaggle, from a plain HTTP mirror, or from another folder of this machine. Every way
ends with a check; a file that is right already is not asked for again, and a run that was
interrupted goes on where it ended.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd
from filelock import FileLock, Timeout

from allcore.cnmc import kaggle, mirror, release
from allcore.cnmc import verification as verify
from allcore.cnmc.mirror import ReleaseFile
from allcore.cnmc.verification import Verification
from allcore.data.file_digests import WORK_FOLDER, Cancelled, UnreadFile
from allcore.errors import DataError

LABELS_LIMIT = 1_000_000
LABELS_HEADER = frozenset({"Patient_ID", "new_names", "labels"})

Steps = Callable[[str, int, int], object]
"""Called with what is being done, and the bytes done and to do."""

Place = Callable[[Path, ReleaseFile], object]


@dataclass(frozen=True)
class FetchResult:
    """What a run brought.

    Attributes:
        brought: number of files that were put in their place.
        failures: files that did not come, and why.
        labels: whether the table of the preliminary test images' labels is there.
        verification: the check of the folder afterwards.
    """

    brought: int
    failures: tuple[UnreadFile, ...]
    labels: bool
    verification: Verification


def fetch(
    folder: Path,
    source: str | None = None,
    *,
    facts: pd.DataFrame | None = None,
    progress: Steps | None = None,
    cancelled: Cancelled | None = None,
    delays: Sequence[float] = mirror.DELAYS,
) -> FetchResult:
    """Bring what a folder lacks of the release; altered files are replaced.

    Args:
        folder: is made where it is missing.
        source: address of a mirror that serves the release's paths, or a folder that holds the
            files under any names; Kaggle without one.
        facts: the table of ``release.read_release`` unless told.
        progress: told of the bytes of each step.
        cancelled: True ends the work, as does an interrupt; what is whole stays. kagglehub does
            not ask it while it downloads.
        delays: seconds before each further try.

    Raises:
        DataError: the source can't be reached or used, the disk is too small, the folder can't be
            written, or the work was cancelled.
    """
    folder = folder.expanduser().resolve()
    facts = release.read_release() if facts is None else facts
    job = _Job(folder, facts, progress or _quiet, cancelled or _never, delays)
    try:
        with _alone(job.work):
            fetched = job.run(source)
        if fetched.verification.problem is None:
            shutil.rmtree(job.work, ignore_errors=True)
        return fetched
    except KeyboardInterrupt as interrupt:
        raise _stopped(folder) from interrupt
    except OSError as error:
        raise DataError(
            f"{folder} can't be written ({error.strerror or error}): make room, or choose another "
            "folder; what is whole stays."
        ) from error


class _Job:
    """One run into one folder."""

    def __init__(
        self,
        folder: Path,
        facts: pd.DataFrame,
        progress: Steps,
        cancelled: Cancelled,
        delays: Sequence[float],
    ) -> None:
        self.folder = folder
        self.work = folder / WORK_FOLDER
        self.facts = facts
        self.progress = progress
        self.cancelled = cancelled
        self.delays = delays
        self.base = ""
        self.brought = 0
        self.failures: tuple[UnreadFile, ...] = ()

    def run(self, source: str | None) -> FetchResult:
        """Check, bring what is not right, and check again."""
        found = self._verify(self.folder, "Checking")
        self.base = found.found.base
        wanted = _wanted(found)
        if wanted:
            if source is None:
                self._from_kaggle(wanted)
            elif "://" in source:
                self._from_mirror(source, wanted)
            else:
                self._from_folder(Path(source).expanduser(), wanted)
            found = self._verify(self.folder, "Checking again")
        labels = any(self.folder.rglob(Path(release.LABELS_TABLE).name))
        return FetchResult(self.brought, self.failures, labels, found)

    def _from_kaggle(self, wanted: Sequence[ReleaseFile]) -> None:
        cache = self.work / "kaggle"
        self._check_room(int(self.facts["size"].sum() * (1 + kaggle.ARCHIVE_SHARE)))
        source = kaggle.download(cache, self.folder, delays=self.delays).resolve()
        # In a notebook of Kaggle or Colab the files lie elsewhere and are not ours to move.
        self._adopt(source, wanted, self._move if source.is_relative_to(cache) else self._copy)
        shutil.rmtree(cache, ignore_errors=True)

    def _from_folder(self, source: Path, wanted: Sequence[ReleaseFile]) -> None:
        if not source.is_dir():
            raise DataError(f"There is no folder {source} to take files from: check the path.")
        self._check_room(_bytes(wanted))
        self._adopt(source, wanted, self._copy)

    def _from_mirror(self, url: str, wanted: Sequence[ReleaseFile]) -> None:
        if not url.startswith(("http://", "https://")):
            raise DataError(f"{url} is no address of a mirror: it begins with http:// or https://.")
        self._check_room(_bytes(wanted))
        server = mirror.Mirror(url, self.work, delays=self.delays)
        try:
            server.reach(wanted[0].paths[0])
        except mirror.MirrorError as failure:
            said = f"{url} can't be used ({failure}): {release.manual_download(self.folder)}"
            raise DataError(said) from failure
        tell = _Counted(self.progress, "Fetching", _bytes(wanted))
        came = mirror.fetch_all(
            server, wanted, self._move, progress=tell.add, cancelled=self.cancelled
        )
        self.brought, self.failures = came.files, came.failures
        self._ask_cancelled()
        self._save_labels(server.text(release.LABELS_TABLE, most=LABELS_LIMIT))

    def _adopt(self, source: Path, wanted: Sequence[ReleaseFile], place: Place) -> None:
        """Place what a folder holds of the wanted content, under whatever names it has it."""
        there = self._verify(source, "Reading the source")
        rows = there.found.rows
        rows = rows[rows["state"].isin(["in_place", "moved"])]
        files = dict(zip(rows["sha256"], rows["found"], strict=True))
        tell = _Counted(self.progress, "Placing", _bytes(wanted))
        for each in wanted:
            self._ask_cancelled()
            if each.sha256 in files:
                place((there.root / files[each.sha256]).resolve(), each)
                self.brought += len(each.paths)
            tell.add(each.size * len(each.paths))
        for table in there.root.rglob(Path(release.LABELS_TABLE).name):
            if table.is_file() and table.resolve().is_relative_to(there.root):
                with table.open("rb") as file:
                    self._save_labels(file.read(LABELS_LIMIT + 1))

    def _move(self, file: Path, wanted: ReleaseFile) -> None:
        """Give a file of ours its first place, and copies of it the others."""
        for path in wanted.paths[1:]:
            self._put(file, path, wanted.sha256)
        os.replace(file, self._target(wanted.paths[0]))

    def _copy(self, file: Path, wanted: ReleaseFile) -> None:
        for path in wanted.paths:
            self._put(file, path, wanted.sha256)

    def _put(self, file: Path, path: str, digest: str) -> None:
        """Copy under a temporary name, then rename: nobody ever reads half a file."""
        target = self._target(path)
        temporary = self.work / f"{digest}.copy"
        shutil.copyfile(file, temporary)
        os.replace(temporary, target)

    def _target(self, path: str) -> Path:
        """Where a file of the release belongs, its folder made."""
        target = self.folder / self.base / path
        if not target.parent.resolve().is_relative_to(self.folder):
            raise DataError(
                f"{target.parent} leads out of {self.folder}: remove the link, or fetch into "
                "another folder."
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def _check_room(self, needed: int) -> None:
        """Compare what is to come with the free room and what an earlier run left to go on with."""
        left = sum(file.stat().st_size for file in self.work.rglob("*") if file.is_file())
        room = shutil.disk_usage(self.folder).free + left
        if room < needed:
            raise DataError(
                f"{self.folder} has room for {room / 1e9:.1f} GB and needs {needed / 1e9:.1f} GB: "
                "make room, or choose a folder on another disk."
            )

    def _save_labels(self, data: bytes | None) -> None:
        """Keep the table of labels that comes with the pictures, where it is one."""
        header = (data or b"").split(b"\n", 1)[0].decode("utf-8", "replace").strip().split(",")
        if data and len(data) <= LABELS_LIMIT and set(header) >= LABELS_HEADER:
            target = self._target(release.LABELS_TABLE)
            if not target.exists():
                target.write_bytes(data)

    def _verify(self, folder: Path, said: str) -> Verification:
        tell = partial(self.progress, said)
        return verify.verify(folder, self.facts, progress=tell, cancelled=self.cancelled)

    def _ask_cancelled(self) -> None:
        if self.cancelled():
            raise _stopped(self.folder)


class _Counted:
    """Adds up the bytes of one step."""

    def __init__(self, progress: Steps, said: str, total: int) -> None:
        self.progress, self.said, self.total, self.done = progress, said, total, 0

    def add(self, size: int) -> None:
        """Tell of this many bytes more."""
        self.done += size
        self.progress(self.said, self.done, self.total)


def _wanted(found: Verification) -> list[ReleaseFile]:
    """What is missing or altered, each content once."""
    rows = found.found.rows
    rows = rows[rows["state"].isin(["missing", "altered"])]
    return [
        ReleaseFile(tuple(each["path"]), int(each["size"].iloc[0]), str(digest))
        for digest, each in rows.groupby("sha256", sort=False)
    ]


def _bytes(wanted: Sequence[ReleaseFile]) -> int:
    return sum(each.size * len(each.paths) for each in wanted)


def _stopped(folder: Path) -> DataError:
    return DataError(f"Stopped: what is whole stays in {folder}, and another run goes on from it.")


def _quiet(said: str, done: int, total: int) -> None:
    """Show no progress."""


def _never() -> bool:
    return False


@contextmanager
def _alone(work: Path) -> Iterator[None]:
    """Keep a second run out of the folder."""
    work.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(work / "lock", timeout=0):
            yield
    except Timeout as error:
        raise DataError(f"Another run fetches into {work.parent}: wait until it ends.") from error
