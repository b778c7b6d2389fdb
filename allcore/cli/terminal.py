"""Output of the commands: lines on a terminal, and places that can be written.

Names of files are untrusted: a control character in one could recolour, overwrite or retitle the
terminal. Every command prints through `emit`.
"""

import codecs
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Literal, TextIO

from allcore import formats
from allcore.errors import AllScopeError

PROBE = b"\0" * 4096
"""What a disk must still take before the work begins."""


def emit(*values: object, file: TextIO | None = None) -> None:
    """Print as ``print`` does, with control characters escaped as in JSON."""
    lines = " ".join(map(str, values)).split("\n")
    print("\n".join(map(formats.printable, lines)), file=file)


def escape_unknown_letters() -> None:
    """Let standard output and error escape letters that the terminal's encoding lacks."""
    codecs.register_error("escape", _escaped)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="escape")


def flush() -> None:
    """Write what is waiting for standard output.

    Raises:
        OSError: it can't be written, and nothing is left to fail at the end of the process.
    """
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def require_writable(path: Path, option: str, *, kind: Literal["file", "folder"]) -> None:
    """Raise an AllScopeError where a file or a folder can't be written, before the work begins.

    Nothing is made: the nearest folder that exists has to take a few bytes.
    """
    place = path if kind == "folder" else path.parent
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        if kind == "file" and path.exists() and not path.is_file():
            raise IsADirectoryError(0, "it is a folder, a pipe or a device")
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(PROBE)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise AllScopeError(
            f"{path} can't be written ({error.strerror}): choose another place by {option}."
        ) from None


def _escaped(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end
