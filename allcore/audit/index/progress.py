"""The progress of an indexing run, and how to stop it.

It is kept in files of the index folder, so that every process and replica sees the same:
``.lock`` is held by the run, ``progress.json`` says how far it is, a file ``cancel`` asks it to
stop, ``failed.json`` says why the last one failed, ``log.txt`` is what a background run printed.
"""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from allcore.audit.index import store
from allcore.errors import AllScopeError, DataError

LOCK, PROGRESS, CANCEL, FAILED, LOG = ".lock", "progress.json", "cancel", "failed.json", "log.txt"
STARTING, CHECKING, READING, ASSEMBLING = "starting", "checking", "reading", "assembling"
"""The steps of a run: the process and the model are loaded; files are compared with the index;
those that are new are read; twins and the map are made of all."""
WRITE_INTERVAL = 0.5
"""Seconds between two writings of the progress."""
LOCK_TIMEOUT = 2.0
"""Seconds that a run waits for the lock: whoever looks how a run is doing tries it for an
instant."""
START_TIMEOUT = 600.0
"""Seconds after which a background run that has not taken the lock is given up: on a busy machine
it takes minutes to begin, and one whose process ended is given up at once."""


class Stopped(DataError):
    """The run was asked to stop."""

    def __init__(self) -> None:
        super().__init__("Stopped; what was read is kept, and the next run goes on.")


@dataclass(frozen=True)
class ProgressRecord:
    """What ``progress.json`` holds.

    Attributes:
        step: one of the four steps.
        done: pictures read in this step.
        total: pictures to read in this step; 0 where the step counts none.
        pid: process of the run.
        host: machine of the process.
        started: when the run was started, in ISO 8601.
        since: when the step began.
        updated: when this was written.
    """

    step: str
    done: int
    total: int
    pid: int
    host: str
    started: str
    since: str
    updated: str


class RunRecorder:
    """Writes the progress of a run; made by ``hold_index_folder``."""

    def __init__(self, path: Path, started: str) -> None:
        self._path = path
        self._record = progress_record(STARTING, started=started)
        self._written = 0.0

    def step(self, name: str, total: int = 0) -> None:
        """Begin a step."""
        self._record = replace(progress_record(name, started=self._record.started), total=total)
        self._write()

    def add(self, count: int) -> None:
        """Add images that are done; written at most every ``WRITE_INTERVAL`` seconds."""
        self._record = replace(self._record, done=self._record.done + count, updated=now())
        if time.monotonic() - self._written >= WRITE_INTERVAL:
            self._write()

    def stop_if_asked(self) -> None:
        """Raise ``Stopped`` where the run was asked to stop."""
        if (self._path / CANCEL).exists():
            raise Stopped

    def _write(self) -> None:
        write(self._path, self._record)
        self._written = time.monotonic()


@contextmanager
def hold_index_folder(path: Path) -> Iterator[RunRecorder]:
    """Hold an index folder for one run; its progress is removed when it ends.

    Raises:
        Timeout: another run holds it.
    """
    path.mkdir(parents=True, exist_ok=True)
    with FileLock(path / LOCK, timeout=LOCK_TIMEOUT, poll_interval=0.02):
        before = read(path)
        expected = before is not None and before.step == STARTING and age(before) < START_TIMEOUT
        if not expected:  # whoever started this run may have asked it to stop already
            (path / CANCEL).unlink(missing_ok=True)
        (path / FAILED).unlink(missing_ok=True)
        run = RunRecorder(path, before.started if before is not None and expected else now())
        run.step(STARTING)
        try:
            yield run
        except (Stopped, KeyboardInterrupt):
            raise
        except Exception as error:
            with suppress(DataError):  # the folder can't be written to, maybe for that very reason
                fail(path, error)
            raise
        finally:
            clear(path)


def progress_record(step: str, *, started: str) -> ProgressRecord:
    """The record of this process at the start of a step."""
    return ProgressRecord(step, 0, 0, os.getpid(), socket.gethostname(), started, now(), now())


def read(path: Path) -> ProgressRecord | None:
    """The last record of a run; None where none is under way or it can't be read."""
    try:
        return ProgressRecord(**json.loads((path / PROGRESS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write(path: Path, progress: ProgressRecord) -> None:
    """Write the record of a run."""
    store.replace(path / PROGRESS, json.dumps(asdict(progress)).encode())


def clear(path: Path) -> None:
    """Remove the record of a run that ended."""
    (path / PROGRESS).unlink(missing_ok=True)
    (path / CANCEL).unlink(missing_ok=True)


def fail(path: Path, error: Exception) -> None:
    """Keep the reason why a run failed until the next one starts."""
    reason = str(store.unwritable(path, error) if isinstance(error, OSError) else error)
    if not isinstance(error, AllScopeError | OSError):
        reason = f"Indexing failed ({type(error).__name__}: {error}): see {path / LOG}."
    store.replace(path / FAILED, json.dumps({"reason": reason, "at": now()}).encode())


def failed(path: Path) -> str | None:
    """Why the last run failed, if it did."""
    try:
        return str(json.loads((path / FAILED).read_text(encoding="utf-8"))["reason"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def is_alive(path: Path, progress: ProgressRecord) -> bool:
    """Whether the run of a record is still under way, by its process and the lock."""
    if progress.host == socket.gethostname() and not _exists(progress.pid):
        return False
    if progress.step == STARTING and age(progress) < START_TIMEOUT:
        return True
    try:
        with FileLock(path / LOCK, timeout=0.05, poll_interval=0.01):
            return False
    except Timeout:
        return True


def age(progress: ProgressRecord) -> float:
    """Seconds since the record was written."""
    return (datetime.now(UTC) - datetime.fromisoformat(progress.updated)).total_seconds()


def now() -> str:
    """The time, in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _exists(pid: int) -> bool:
    """Whether a process of this machine is there; where that can't be asked, the lock decides."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True
