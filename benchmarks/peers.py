"""Programs of the same purpose, each in a Python environment of its own."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allcore.errors import AllScopeError


@dataclass(frozen=True)
class Peer:
    """A program that explores pictures.

    Attributes:
        title: what it is called.
        package: to be installed.
        variable: environment variable that names the Python that has it.
    """

    title: str
    package: str
    variable: str

    def python(self) -> str | None:
        """Path of its Python; None where it is not named."""
        return os.environ.get(self.variable)

    def required(self) -> str:
        """Path of its Python.

        Raises:
            AllScopeError: it is not named, or is no file.
        """
        found = self.python()
        if not found or not Path(found).is_file():
            raise AllScopeError(
                f"{self.title} is not here: make an environment of its own ('uv venv peer' and "
                f"'uv pip install -p peer {self.package}') and name its Python in {self.variable}."
            )
        return found

    def answer(self, script: str, *arguments: object) -> Any:
        """Run a script in its Python; what the script prints last, as JSON.

        Raises:
            AllScopeError: it failed.
        """
        command = [self.required(), "-c", script, *map(str, arguments)]
        ran = subprocess.run(command, env=_environment(), capture_output=True, text=True)
        if ran.returncode:
            raise AllScopeError(f"{self.title} failed; it said: {ran.stderr[-500:]}")
        return json.loads(ran.stdout.strip().splitlines()[-1])

    @contextmanager
    def serving(self, script: str, *arguments: object, log: Path) -> Iterator["Lines"]:
        """Run a script in its Python until the block ends; give what it prints, line by line."""
        command = [self.required(), "-c", script, *map(str, arguments)]
        with log.open("w") as terminal:
            process = subprocess.Popen(
                command, env=_environment(), stdout=subprocess.PIPE, stderr=terminal, text=True
            )
        try:
            yield Lines(process, self.title, log)
        finally:
            process.terminate()
            process.communicate()


class Lines:
    """What a running peer prints."""

    def __init__(self, process: "subprocess.Popen[str]", title: str, log: Path) -> None:
        self._process, self._title, self._log = process, title, log

    def wait_for(self, word: str) -> str:
        """The rest of the next line that begins with a word.

        Raises:
            AllScopeError: it ended before.
        """
        assert self._process.stdout
        for line in self._process.stdout:
            if line.startswith(f"{word} "):
                return line.removeprefix(f"{word} ").strip()
        raise AllScopeError(f"{self._title} ended; it said: {self._log.read_text()[-500:]}")


LIGHTLY = Peer("LightlyStudio", "lightly-studio", "ALLSCOPE_PEER_LIGHTLY")
FIFTYONE = Peer("FiftyOne", "fiftyone", "ALLSCOPE_PEER_FIFTYONE")
CLEANVISION = Peer("cleanvision", "cleanvision", "ALLSCOPE_PEER_CLEANVISION")
PEERS: Sequence[Peer] = (LIGHTLY, FIFTYONE, CLEANVISION)


def version_of(peer: Peer) -> str:
    """The version of what is installed."""
    script = "import json, sys, importlib.metadata as m; print(json.dumps(m.version(sys.argv[1])))"
    return str(peer.answer(script, peer.package))


def _environment() -> dict[str, str]:
    """This one without our settings, and without messages to the peers' makers."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    quiet = {"LIGHTLY_STUDIO_ANALYTICS_ENABLED": "false", "FIFTYONE_DO_NOT_TRACK": "true"}
    return inherited | quiet | {"HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
