"""Threads that work for a page: they count, can be cancelled, and go on when nobody looks."""

import os
import sys
import threading
import time
from contextlib import suppress

from allcore import logs
from allcore.errors import AllScopeError, Stopped

_NICENESS = 10


class BackgroundThread(threading.Thread):
    """A thread with a low priority where the system has one for threads.

    Subclasses define `work`.

    Args:
        name: what it does, for the log of a failure.
    """

    def __init__(self, name: str) -> None:
        super().__init__(daemon=True, name=name)
        self.error: Exception | None = None
        self.done = self.total = 0
        self._cancelled = threading.Event()
        self._since = time.monotonic()

    @property
    def cancelled(self) -> bool:
        """Whether it was asked to stop."""
        return self._cancelled.is_set()

    @property
    def seconds_left(self) -> float | None:
        """Estimate; None where unknown."""
        spent = time.monotonic() - self._since
        return spent / self.done * (self.total - self.done) if self.done else None

    def cancel(self) -> None:
        """Ask it to stop after the step under way."""
        self._cancelled.set()

    def run(self) -> None:
        """Work, and keep an error for every session that waits."""
        if sys.platform == "linux":
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        try:
            self.work()
        except Stopped:
            return
        except Exception as error:
            self.error = error
            if not isinstance(error, AllScopeError):
                logs.failure(f"{self.name} failed", error)

    def work(self) -> None:
        """Do it; `advance` takes the progress and `cancelled` says when to raise ``Stopped``."""
        raise NotImplementedError

    def advance(self, done: int, total: int) -> None:
        """Note the progress."""
        self.done, self.total = done, total
