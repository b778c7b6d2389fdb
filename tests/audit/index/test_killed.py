"""An index whose process is killed, or whose disk is full, keeps what it had read."""

import contextlib
import os
import resource
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from allcore.audit.index import build, store
from allcore.errors import DataError
from tests import forking
from tests.conftest import draw_folders

SUBJECTS, CELLS, CHUNK = 4, 20, 8


@pytest.fixture
def root(tmp_path: Path, home: Path) -> Path:
    return draw_folders(tmp_path / "cells", subjects=SUBJECTS, cells=CELLS)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_kill__what_was_reported_is_not_read_again(root: Path, home: Path) -> None:
    process, told = _start(_index, root, home)
    done = told.recv() + told.recv()
    process.kill()
    process.join()
    with contextlib.suppress(EOFError, OSError):
        while True:
            done += told.recv()
    read: list[int] = []
    changes = build.build_index(root, home=home, progress=read.append)
    assert changes.added == len(store.read(root, home)) == SUBJECTS * CELLS
    assert sum(read) <= SUBJECTS * CELLS - done


@pytest.mark.long
@pytest.mark.timeout(300)
def test_full_disk__one_sentence_and_the_next_run_goes_on(root: Path, home: Path) -> None:
    process, told = _start(_index_without_room, root, home)
    assert "has room" in told.recv()
    process.join()
    changes = build.build_index(root, home=home)
    assert changes.added == len(store.read(root, home)) == SUBJECTS * CELLS


def _start(
    target: Callable[[Path, Path, Connection], None], root: Path, home: Path
) -> tuple[BaseProcess, Connection]:
    """Start a process, and return it with the end that hears what it sends."""
    told, telling = forking.CONTEXT.Pipe(duplex=False)
    process = forking.CONTEXT.Process(target=target, args=(root, home, telling))
    process.start()
    telling.close()
    return process, told


def _index(root: Path, home: Path, telling: Connection) -> None:
    build.CHUNK = CHUNK
    build.build_index(root, home=home, progress=telling.send)


def _index_without_room(root: Path, home: Path, telling: Connection) -> None:
    """Index where no file may exceed some kilobytes, as on a disk that is nearly full."""
    os.environ["ALLSCOPE_HOME"] = str(home)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    try:
        build.build_index(root, home=home)
    except DataError as error:
        telling.send(str(error))
