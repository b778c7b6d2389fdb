"""Indexing runs: start in the background, progress, cancellation and failure.

A background run is a process that outlives its parent. All processes and replicas share its state
in files of the index folder: the run holds ``.lock`` and writes ``progress.json``; a file
``cancel`` requests a stop; ``failed.json`` holds the error of the last run; ``log.txt`` is the
output of a background run.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal

from filelock import FileLock, Timeout

import allcore
from allcore import errors
from allcore.audit.index import store
from allcore.errors import AllScopeError, DataError

Status = Literal["never", "running", "failed", "stopped", "done"]

LOCK, PROGRESS, CANCEL, FAILED, LOG = ".lock", "progress.json", "cancel", "failed.json", "log.txt"
START_LOCK = ".start"
STARTING, CHECKING, READING, ASSEMBLING = "starting", "checking", "reading", "assembling"
"""Steps of a run: load the process and the model; compare files with the index; read new files;
search duplicates and compute the map."""
NICENESS = 10
WRITE_INTERVAL = 0.5
"""Seconds between two progress records."""
LOCK_TIMEOUT = 2.0
"""Seconds that a run waits for the lock, which status queries hold for an instant."""
START_TIMEOUT = 600.0
"""Seconds after which a background run without the lock counts as failed. On a busy machine the
start takes minutes; a run whose process has ended fails at once."""


class Stopped(errors.Stopped, DataError):
    """The run was stopped on request."""

    def __init__(self) -> None:
        super().__init__("Stopped; what was read is kept, and the next run goes on.")


@dataclass(frozen=True)
class JobProgress:
    """Progress of a run, the content of ``progress.json``."""

    step: str  # one of the four steps
    done: int  # images read in this step
    total: int  # images to read in this step; 0 where the step counts none
    pid: int  # process of the run
    host: str  # machine of the process
    started: str  # start of the run, in ISO 8601 with the time zone
    since: str  # start of the step
    updated: str  # time of this record

    @classmethod
    def at_step(cls, step: str, *, started: str, total: int = 0) -> "JobProgress":
        """Return the progress of this process at the start of a step."""
        return cls(step, 0, total, os.getpid(), socket.gethostname(), started, _now(), _now())

    @property
    def seconds_left(self) -> float | None:
        """Estimate for this step; None where unknown."""
        if not self.done:
            return None
        spent = datetime.fromisoformat(self.updated) - datetime.fromisoformat(self.since)
        return spent.total_seconds() / self.done * (self.total - self.done)

    @property
    def age(self) -> float:
        """Seconds since the record was written."""
        return (datetime.now(UTC) - datetime.fromisoformat(self.updated)).total_seconds()


def start(data: Path) -> None:
    """Start ``python -m allcore index`` of a data set in the background and return at once.

    Raises:
        DataError: a run is in progress, the data set is missing, or the state folder can't be
            written to.
    """
    if not data.expanduser().exists():
        raise DataError(f"There is no data set at {data}: check the path.")
    path = store.folder(data)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with FileLock(path / START_LOCK, timeout=10):
            if progress(data) is not None:
                raise DataError(f"{data} is being indexed already: wait until that is done.")
            _clear(path)
            (path / FAILED).unlink(missing_ok=True)
            record = JobProgress.at_step(STARTING, started=_now())
            whole = str(data.expanduser().resolve())
            with (path / LOG).open("wb") as log:
                command = [sys.executable, "-m", "allcore", "index", "--data", whole]
                process = _detached(command, log)
            _write(path, replace(record, pid=process.pid))
    except OSError as error:
        raise store.unwritable(path, error) from error


def progress(data: Path) -> JobProgress | None:
    """Return the progress of the run over a data set; None without a run."""
    path = store.folder(data)
    record = _read(path)
    return record if record is not None and _is_alive(path, record) else None


def cancel(data: Path) -> None:
    """Request the run over a data set to stop; images read so far stay. No-op without a run."""
    if progress(data) is not None:
        store.replace(store.folder(data) / CANCEL, b"")


def is_stopping(data: Path) -> bool:
    """True if a run is in progress and has a stop request."""
    cancelled = (store.folder(data) / CANCEL).exists()
    return cancelled and progress(data) is not None


def failure(data: Path) -> str | None:
    """Return why the last run failed, one sentence; None without a failure, or during a run."""
    path = store.folder(data)
    with suppress(OSError, ValueError, TypeError, KeyError):
        return str(json.loads((path / FAILED).read_text(encoding="utf-8"))["reason"])
    record = _read(path)
    if record is None or record.step != STARTING or _is_alive(path, record):
        return None
    with suppress(OSError, IndexError):
        log = (path / LOG).read_text(encoding="utf-8", errors="replace")
        return log.strip().splitlines()[-1].removeprefix("Error: ")
    return f"Indexing ended before it began: see {path / LOG}."


def status(data: Path) -> Status:
    """Return the status of the index of a data set; "stopped" means begun and not finished."""
    path = store.folder(data)
    if progress(data) is not None:
        return "running"
    if failure(data) is not None:
        return "failed"
    # A record without a running process is left by a killed run.
    if (path / store.PARTS).exists() or _read(path) is not None:
        return "stopped"
    about = store.read_about(path)
    return "done" if about is not None and about.version == store.VERSION else "never"


class RunRecorder:
    """Writes the progress of a run; created by ``hold_index_folder``."""

    def __init__(self, path: Path, started: str) -> None:
        self._path = path
        self._record = JobProgress.at_step(STARTING, started=started)
        self._written = 0.0

    def step(self, name: str, total: int = 0) -> None:
        """Begin a step."""
        self._record = JobProgress.at_step(name, started=self._record.started, total=total)
        self._write()

    def add(self, count: int) -> None:
        """Add processed images; written at most every ``WRITE_INTERVAL`` seconds."""
        self._record = replace(self._record, done=self._record.done + count, updated=_now())
        if time.monotonic() - self._written >= WRITE_INTERVAL:
            self._write()

    def stop_if_asked(self) -> None:
        """Raise ``Stopped`` if there is a stop request."""
        if (self._path / CANCEL).exists():
            raise Stopped

    def _write(self) -> None:
        _write(self._path, self._record)
        self._written = time.monotonic()


@contextmanager
def hold_index_folder(path: Path) -> Iterator[RunRecorder]:
    """Lock an index folder for one run; its progress record is removed at the end.

    Raises:
        Timeout: another run holds the lock.
    """
    path.mkdir(parents=True, exist_ok=True)
    with FileLock(path / LOCK, timeout=LOCK_TIMEOUT, poll_interval=0.02):
        before = _read(path)
        expected = before is not None and before.step == STARTING and before.age < START_TIMEOUT
        if not expected:  # an expected run may have a stop request already
            (path / CANCEL).unlink(missing_ok=True)
        (path / FAILED).unlink(missing_ok=True)
        run = RunRecorder(path, before.started if before is not None and expected else _now())
        run.step(STARTING)
        try:
            yield run
        except (Stopped, KeyboardInterrupt):
            raise
        except Exception as error:
            with suppress(DataError):  # the folder may be unwritable
                _store_failure(path, error)
            raise
        finally:
            _clear(path)


def _read(path: Path) -> JobProgress | None:
    """Return the last record of a run; None where there is none or it can't be read."""
    try:
        return JobProgress(**json.loads((path / PROGRESS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _write(path: Path, progress: JobProgress) -> None:
    store.replace(path / PROGRESS, json.dumps(asdict(progress)).encode())


def _clear(path: Path) -> None:
    """Remove the record of a finished run."""
    (path / PROGRESS).unlink(missing_ok=True)
    (path / CANCEL).unlink(missing_ok=True)


def _store_failure(path: Path, error: Exception) -> None:
    """Store the error of a run until the next one starts."""
    reason = str(store.unwritable(path, error) if isinstance(error, OSError) else error)
    if not isinstance(error, AllScopeError | OSError):
        reason = f"Indexing failed ({type(error).__name__}: {error}): see {path / LOG}."
    store.replace(path / FAILED, json.dumps({"reason": reason, "at": _now()}).encode())


def _is_alive(path: Path, progress: JobProgress) -> bool:
    """True if the run of a record is in progress, by its process and the lock."""
    if progress.host == socket.gethostname() and not _exists(progress.pid):
        return False
    if progress.step == STARTING and progress.age < START_TIMEOUT:
        return True
    try:
        with FileLock(path / LOCK, timeout=0.05, poll_interval=0.01):
            return False
    except Timeout:
        return True


def _exists(pid: int) -> bool:
    """True if a process of this machine exists; where unknown, the lock decides."""
    if os.name == "posix":
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except OSError:  # the process is another user's
            return True
    return True


def _detached(command: list[str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Start a process of low priority that outlives this one."""
    package = str(Path(allcore.__file__).resolve().parent.parent)
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        start_new_session=True,
        creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
    )
    if hasattr(os, "setpriority"):
        with suppress(OSError):  # the process has ended
            os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
    # Waiting for the process avoids a zombie.
    threading.Thread(target=process.wait, name="index", daemon=True).start()
    return process


def _now() -> str:
    """Return the current time in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
