"""A run in the background is seen, stopped and judged by whoever asks, from files alone."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from filelock import FileLock

from allcore.audit.index import build, jobs, store
from allcore.audit.index.jobs import JobProgress
from allcore.errors import DataError
from tests.conftest import draw_folders


@pytest.fixture
def root(tmp_path: Path, home: Path) -> Path:
    return draw_folders(tmp_path / "cells", subjects=2, cells=3)


def wait_until(true: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def say(root: Path, step: str, **facts: object) -> None:
    said = JobProgress.at_step(step, started="2026-01-01T00:00:00+00:00")
    text = json.dumps(asdict(replace(said, **facts)))  # type: ignore[arg-type]
    store.replace(store.folder(root) / jobs.PROGRESS, text.encode())


def test_status__before_anything_is_never(root: Path) -> None:
    assert jobs.status(root) == "never"
    assert (jobs.progress(root), jobs.failure(root)) == (None, None)
    jobs.cancel(root)
    assert not store.folder(root).exists()


@pytest.mark.timeout(300)
def test_start__indexes_in_a_process_of_its_own(
    root: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "NICENESS", 0)
    jobs.start(root)
    seen = jobs.progress(root)
    assert seen is not None and seen.step == jobs.STARTING
    assert jobs.status(root) == "running"
    with pytest.raises(DataError, match="being indexed already"):
        jobs.start(root)
    wait_until(lambda: jobs.progress(root) is None)
    assert (jobs.status(root), jobs.failure(root)) == ("done", None)
    assert store.read(root).about.model == "tiny"
    log = store.folder(root) / jobs.LOG
    wait_until(lambda: "6 added" in log.read_text(encoding="utf-8"))


@pytest.mark.timeout(300)
def test_start__of_what_fails_leaves_the_reason(
    root: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "NICENESS", 0)
    monkeypatch.setenv("ALLSCOPE_MODEL", "nobody")
    jobs.start(root)
    wait_until(lambda: jobs.progress(root) is None)
    assert jobs.status(root) == "failed"
    assert "nobody" in str(jobs.failure(root))


def test_failure__of_an_empty_folder_says_so(home: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError) as raised:
        build.build_index(empty)
    assert jobs.failure(empty) == str(raised.value)
    assert jobs.status(empty) == "failed"


def test_start__needs_a_data_set(home: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="check the path"):
        jobs.start(tmp_path / "none")
    assert not home.exists()


def test_progress__tells_step_pace_and_goes_with_the_run(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "CHUNK", 2)
    monkeypatch.setattr(jobs, "WRITE_INTERVAL", 0)
    seen: list[JobProgress | None] = []
    build.build_index(
        root,
        start=lambda _: seen.append(jobs.progress(root)),
        progress=lambda _: seen.append(jobs.progress(root)),
    )
    told = [(each.step, each.done, each.total) for each in seen if each is not None]
    reading = jobs.READING
    assert told == [(jobs.CHECKING, 0, 0), (reading, 0, 6), (reading, 2, 6), (reading, 4, 6)]
    assert seen[-1] is not None and seen[-1].seconds_left is not None
    assert jobs.progress(root) is None
    assert not (store.folder(root) / jobs.PROGRESS).exists()


def test_cancel__stops_a_run_and_keeps_what_was_read(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "CHUNK", 2)

    def asked(_: int) -> None:
        jobs.cancel(root)
        assert jobs.is_stopping(root)

    with pytest.raises(jobs.Stopped, match="goes on"):
        build.build_index(root, progress=asked)
    assert jobs.status(root) == "stopped"
    assert jobs.failure(root) is None and not jobs.is_stopping(root)
    assert build.build_index(root).added == 6
    assert jobs.status(root) == "done"


def test_cancel__of_a_run_that_is_starting_is_obeyed(root: Path) -> None:
    say(root, jobs.STARTING)
    jobs.cancel(root)
    with pytest.raises(jobs.Stopped):
        build.build_index(root)


def test_build__does_not_obey_what_was_asked_of_the_run_before(root: Path) -> None:
    store.replace(store.folder(root) / jobs.CANCEL, b"")
    assert build.build_index(root).added == 6


def test_progress__of_a_killed_run_is_none(root: Path) -> None:
    say(root, jobs.READING, pid=dead_pid(), total=6, done=2)
    assert jobs.progress(root) is None
    assert jobs.status(root) == "stopped"


def test_progress__of_another_machine_is_as_the_lock_says(root: Path) -> None:
    say(root, jobs.READING, pid=dead_pid(), host="elsewhere")
    assert jobs.progress(root) is None
    with FileLock(store.folder(root) / jobs.LOCK):
        assert jobs.progress(root) is not None


def test_progress__of_a_start_that_never_took_the_lock_ends(root: Path) -> None:
    old = "2020-01-01T00:00:00.000+00:00"
    say(root, jobs.STARTING, pid=os.getpid(), updated=old)
    assert jobs.progress(root) is None


def test_failure__of_a_process_that_ended_at_once_is_its_last_line(root: Path) -> None:
    say(root, jobs.STARTING, pid=dead_pid())
    log = store.folder(root) / jobs.LOG
    log.write_text("Traceback\nError: No room left.\n", encoding="utf-8")
    assert jobs.failure(root) == "No room left."
    log.unlink()
    assert "before it began" in str(jobs.failure(root))
    assert jobs.status(root) == "failed"


def test_failure__is_kept_until_the_next_run(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("odd")

    with monkeypatch.context() as patched:
        patched.setattr(build.files, "file_states", broken)
        with pytest.raises(ValueError, match="odd"):
            build.build_index(root)
    assert "odd" in str(jobs.failure(root))
    assert json.loads((store.folder(root) / jobs.FAILED).read_text(encoding="utf-8"))["at"]
    build.build_index(root)
    assert jobs.failure(root) is None
