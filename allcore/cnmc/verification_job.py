"""A check against the public release in the background, to be watched and cancelled."""

import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from allcore.cnmc import verification
from allcore.cnmc.verification import Verification
from allcore.errors import DataError

log = logging.getLogger(__name__)

FAILED = "The check ended early for a reason that nobody foresaw: see the log, and try again."


class Check:
    """Checks a folder on a thread of its own.

    Args:
        root: the folder.
        known: SHA-256 by path of files that need not be read again.
    """

    def __init__(self, root: Path, known: Mapping[str, str]) -> None:
        self.root = root
        self.result: Verification | None = None
        self.problem: str | None = None
        self.done, self.total = 0, 0
        """Bytes read and to read."""
        self._known = known
        self._cancelled = threading.Event()
        self._started = time.monotonic()
        self._thread = threading.Thread(target=self._work, name="check", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the result is still to come."""
        return self._thread.is_alive()

    @property
    def cancelled(self) -> bool:
        """Whether it was told to stop."""
        return self._cancelled.is_set()

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None where that can't be told."""
        spent = time.monotonic() - self._started
        return spent / self.done * (self.total - self.done) if self.done else None

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; True once nothing is running any more."""
        self._thread.join(seconds)
        return not self.running

    def cancel(self) -> None:
        """Stop after the file under way."""
        self._cancelled.set()

    def _progress(self, done: int, total: int) -> None:
        self.done, self.total = done, total

    def _work(self) -> None:
        try:
            self.result = verification.verify(
                self.root,
                progress=self._progress,
                cancelled=self._cancelled.is_set,
                known=self._known,
            )
        except DataError as error:
            self.problem = str(error)
        except Exception:
            log.exception("a check ended early")
            self.problem = FAILED
