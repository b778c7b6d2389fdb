"""Background indexing: start, progress and cancellation.

The run is a separate process that outlives its parent. Its state is in files: see
``allcore.audit.index.progress``.
"""

import os
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Literal

from filelock import FileLock

import allcore
from allcore.audit.index import progress as running
from allcore.audit.index import store
from allcore.errors import DataError

Status = Literal["never", "running", "failed", "stopped", "done"]

NICENESS = 10
START_LOCK = ".start"


@dataclass(frozen=True)
class JobProgress:
    """Progress of a run.

    Attributes:
        step: "starting", "checking", "reading" or "assembling", see ``audit.index.progress``.
        done: images read in this step.
        total: images to read; 0 where the step counts none.
        started: start of the run, in ISO 8601 with the time zone.
        updated: time of the last progress record.
        seconds_left: estimate for this step; None where unknown.
    """

    step: str
    done: int
    total: int
    started: str
    updated: str
    seconds_left: float | None


def start(data: Path, *, model: str | None = None, home: Path | None = None) -> None:
    """Start ``python -m allcore index`` of a data set in the background and return at once.

    Args:
        data: folder or CSV file that ``readers.read`` understands.
        model: installed model of the embeddings; None takes the settings'.
        home: state folder; None takes the settings'.

    Raises:
        DataError: a run is in progress, the data set is missing, or the state folder can't be
            written to.
    """
    if not data.expanduser().exists():
        raise DataError(f"There is no data set at {data}: check the path.")
    path = store.folder(data, home)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with FileLock(path / START_LOCK, timeout=10):
            _start(data, path, model, home)
    except OSError as error:
        raise store.unwritable(path, error) from error


def progress(data: Path, home: Path | None = None) -> JobProgress | None:
    """Return the progress of the run over a data set; None without a run."""
    path = store.folder(data, home)
    record = running.read(path)
    if record is None or not running.is_alive(path, record):
        return None
    spent = _seconds(record.since, record.updated)
    left = spent / record.done * (record.total - record.done) if record.done else None
    return JobProgress(record.step, record.done, record.total, record.started, record.updated, left)


def cancel(data: Path, home: Path | None = None) -> None:
    """Request the run over a data set to stop; images read so far stay. No-op without a run."""
    if progress(data, home) is not None:
        store.replace(store.folder(data, home) / running.CANCEL, b"")


def is_stopping(data: Path, home: Path | None = None) -> bool:
    """True if a run is in progress and has a stop request."""
    cancelled = (store.folder(data, home) / running.CANCEL).exists()
    return cancelled and progress(data, home) is not None


def failure(data: Path, home: Path | None = None) -> str | None:
    """Return why the last run failed, one sentence; None without a failure, or during a run."""
    path = store.folder(data, home)
    if (reason := running.failed(path)) is not None:
        return reason
    record = running.read(path)
    if record is None or record.step != running.STARTING or running.is_alive(path, record):
        return None
    log = _last_line(path / running.LOG)
    return log or f"Indexing ended before it began: see {path / running.LOG}."


def status(data: Path, home: Path | None = None) -> Status:
    """Return the status of the index of a data set; "stopped" means begun and not finished."""
    path = store.folder(data, home)
    if progress(data, home) is not None:
        return "running"
    if failure(data, home) is not None:
        return "failed"
    # A record without a running process is left by a killed run.
    if (path / store.PARTS).exists() or running.read(path) is not None:
        return "stopped"
    about = store.read_about(path)
    return "done" if about is not None and about.version == store.VERSION else "never"


def _start(data: Path, path: Path, model: str | None, home: Path | None) -> None:
    if progress(data, home) is not None:
        raise DataError(f"{data} is being indexed already: wait until that is done.")
    running.clear(path)
    (path / running.FAILED).unlink(missing_ok=True)
    record = running.progress_record(running.STARTING, started=running.now())
    whole = str(data.expanduser().resolve())
    command = [sys.executable, "-m", "allcore", "index", "--data", whole]
    command += [] if model is None else ["--model", model]
    with (path / running.LOG).open("wb") as log:
        process = _detached(command, log, home)
    running.write(path, replace(record, pid=process.pid))


def _detached(command: list[str], log: IO[bytes], home: Path | None) -> "subprocess.Popen[bytes]":
    """Start a process of low priority that outlives this one."""
    package = str(Path(allcore.__file__).resolve().parent.parent)
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    if home is not None:
        environment["ALLSCOPE_HOME"] = str(home.expanduser().resolve())
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,
        creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
    )
    if hasattr(os, "setpriority"):
        with suppress(OSError):  # the process has ended
            os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
    # Waiting for the process avoids a zombie.
    threading.Thread(target=process.wait, name="index", daemon=True).start()
    return process


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].removeprefix("Error: ") if lines else ""


def _seconds(one: str, other: str) -> float:
    return (datetime.fromisoformat(other) - datetime.fromisoformat(one)).total_seconds()
