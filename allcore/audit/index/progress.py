"""Progress and cancellation of an indexing run, in files of the index folder.

All processes and replicas share these files. The run holds ``.lock`` and writes ``progress.json``;
a file ``cancel`` requests a stop; ``failed.json`` holds the error of the last run; ``log.txt`` is
the output of a background run.
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
"""Steps of a run: load the process and the model; compare files with the index; read new files;
search duplicates and compute the map."""
WRITE_INTERVAL = 0.5
"""Seconds between two progress records."""
LOCK_TIMEOUT = 2.0
"""Seconds that a run waits for the lock, which status queries hold for an instant."""
START_TIMEOUT = 600.0
"""Seconds after which a background run without the lock counts as failed. On a busy machine the
start takes minutes; a run whose process has ended fails at once."""


class Stopped(DataError):
    """The run was stopped on request."""

    def __init__(self) -> None:
        super().__init__("Stopped; what was read is kept, and the next run goes on.")


@dataclass(frozen=True)
class ProgressRecord:
    """Content of ``progress.json``.

    Attributes:
        step: one of the four steps.
        done: images read in this step.
        total: images to read in this step; 0 where the step counts none.
        pid: process of the run.
        host: machine of the process.
        started: start of the run, in ISO 8601.
        since: start of the step.
        updated: time of this record.
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
    """Writes the progress of a run; created by ``hold_index_folder``."""

    def __init__(self, path: Path, started: str) -> None:
        self._path = path
        self._record = progress_record(STARTING, started=started)
        self._written = 0.0

    def step(self, name: str, total: int = 0) -> None:
        """Begin a step."""
        self._record = replace(progress_record(name, started=self._record.started), total=total)
        self._write()

    def add(self, count: int) -> None:
        """Add processed images; written at most every ``WRITE_INTERVAL`` seconds."""
        self._record = replace(self._record, done=self._record.done + count, updated=now())
        if time.monotonic() - self._written >= WRITE_INTERVAL:
            self._write()

    def stop_if_asked(self) -> None:
        """Raise ``Stopped`` if there is a stop request."""
        if (self._path / CANCEL).exists():
            raise Stopped

    def _write(self) -> None:
        write(self._path, self._record)
        self._written = time.monotonic()


@contextmanager
def hold_index_folder(path: Path) -> Iterator[RunRecorder]:
    """Lock an index folder for one run; its progress record is removed at the end.

    Raises:
        Timeout: another run holds the lock.
    """
    path.mkdir(parents=True, exist_ok=True)
    with FileLock(path / LOCK, timeout=LOCK_TIMEOUT, poll_interval=0.02):
        before = read(path)
        expected = before is not None and before.step == STARTING and age(before) < START_TIMEOUT
        if not expected:  # an expected run may have a stop request already
            (path / CANCEL).unlink(missing_ok=True)
        (path / FAILED).unlink(missing_ok=True)
        run = RunRecorder(path, before.started if before is not None and expected else now())
        run.step(STARTING)
        try:
            yield run
        except (Stopped, KeyboardInterrupt):
            raise
        except Exception as error:
            with suppress(DataError):  # the folder may be unwritable
                fail(path, error)
            raise
        finally:
            clear(path)


def progress_record(step: str, *, started: str) -> ProgressRecord:
    """Return a record of this process at the start of a step."""
    return ProgressRecord(step, 0, 0, os.getpid(), socket.gethostname(), started, now(), now())


def read(path: Path) -> ProgressRecord | None:
    """Return the last record of a run; None where there is none or it can't be read."""
    try:
        return ProgressRecord(**json.loads((path / PROGRESS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write(path: Path, progress: ProgressRecord) -> None:
    """Write the record of a run."""
    store.replace(path / PROGRESS, json.dumps(asdict(progress)).encode())


def clear(path: Path) -> None:
    """Remove the record of a finished run."""
    (path / PROGRESS).unlink(missing_ok=True)
    (path / CANCEL).unlink(missing_ok=True)


def fail(path: Path, error: Exception) -> None:
    """Store the error of a run until the next one starts."""
    reason = str(store.unwritable(path, error) if isinstance(error, OSError) else error)
    if not isinstance(error, AllScopeError | OSError):
        reason = f"Indexing failed ({type(error).__name__}: {error}): see {path / LOG}."
    store.replace(path / FAILED, json.dumps({"reason": reason, "at": now()}).encode())


def failed(path: Path) -> str | None:
    """Return the error of the last run, or None."""
    try:
        return str(json.loads((path / FAILED).read_text(encoding="utf-8"))["reason"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def is_alive(path: Path, progress: ProgressRecord) -> bool:
    """True if the run of a record is in progress, by its process and the lock."""
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
    """Return the current time in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _exists(pid: int) -> bool:
    """True if a process of this machine exists; where unknown, the lock decides."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # the process is another user's
        return True
    return True
