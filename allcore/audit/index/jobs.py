"""Indexing in the background: start, progress and cancellation.

The run is a process of its own that outlives the one that started it. Nothing is kept in memory:
see ``allcore.audit.index.progress`` for the files.
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
    """How far a run is.

    Attributes:
        step: "starting", "checking", "reading" or "assembling", see ``running``.
        done: pictures read in this step.
        total: pictures to read; 0 where the step counts none.
        started: when the run was started, in ISO 8601 with the time zone.
        updated: when the run last record how far it is.
        seconds_left: of this step, at the pace so far; None where that can't be told.
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
        DataError: it is being indexed already, nothing is there, or the state folder can't be
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
    """How far the run over a data set is; None where none is under way."""
    path = store.folder(data, home)
    record = running.read(path)
    if record is None or not running.is_alive(path, record):
        return None
    spent = _seconds(record.since, record.updated)
    left = spent / record.done * (record.total - record.done) if record.done else None
    return JobProgress(record.step, record.done, record.total, record.started, record.updated, left)


def cancel(data: Path, home: Path | None = None) -> None:
    """Ask the run over a data set to stop; it keeps what it has read. Nothing where none is."""
    if progress(data, home) is not None:
        store.replace(store.folder(data, home) / running.CANCEL, b"")


def is_stopping(data: Path, home: Path | None = None) -> bool:
    """Whether a run is under way that was asked to stop."""
    cancelled = (store.folder(data, home) / running.CANCEL).exists()
    return cancelled and progress(data, home) is not None


def failure(data: Path, home: Path | None = None) -> str | None:
    """Why the last run failed, one sentence; None where it did not, or another is under way."""
    path = store.folder(data, home)
    if (reason := running.failed(path)) is not None:
        return reason
    record = running.read(path)
    if record is None or record.step != running.STARTING or running.is_alive(path, record):
        return None
    log = _last_line(path / running.LOG)
    return log or f"Indexing ended before it began: see {path / running.LOG}."


def status(data: Path, home: Path | None = None) -> Status:
    """How it stands with the index of a data set: "stopped" is begun and not finished."""
    path = store.folder(data, home)
    if progress(data, home) is not None:
        return "running"
    if failure(data, home) is not None:
        return "failed"
    # What a run record of itself outlives only a run that was killed.
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
    """A process that goes on when this one ends, and steps back behind others."""
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
        with suppress(OSError):  # it has ended already
            os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
    # Somebody must take note of its end, or it stays in the table of processes.
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
