"""The app's server as a fork: as cold as one that has just been started, and there in a second."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import servers
from tests import forking


@contextmanager
def serving(*, home: Path, log: Path) -> Iterator[str]:
    """Run app.py until the block ends; give its address once it answers.

    Args:
        home: its ``ALLSCOPE_HOME``; the rest of its environment is this process's.
        log: takes what it prints on its terminal.

    Raises:
        AllScopeError: it did not start.
    """
    port = servers.free_port()
    environment = {**os.environ, "ALLSCOPE_HOME": str(home)}
    log.touch()
    server = forking.CONTEXT.Process(target=_run, args=(environment, port, log))
    server.start()
    try:
        servers.wait(port, server.is_alive, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.join()


def _run(environment: dict[str, str], port: int, log: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(servers.ROOT)
    with log.open("w") as terminal:
        os.dup2(terminal.fileno(), 1)
        os.dup2(terminal.fileno(), 2)
    sys.argv = ["streamlit", *servers.arguments(servers.APP, port)]
    from streamlit.web import cli

    cli.main()
