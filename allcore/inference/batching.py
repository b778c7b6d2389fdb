"""Fair batch queue in front of the network, shared by all sessions."""

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

log = logging.getLogger(__name__)


class QueueClosed(RuntimeError):
    """The queue no longer takes items."""


class BatchQueue(Generic[Item, Result]):
    """Run items from many threads on one worker thread, in fair batches.

    A batch takes one item from each waiting session in turn until it is full. So a session with one
    image waits for at most one batch, however many images another session submits. A cancelled
    future drops out without running.

    Args:
        run: maps a list of items to as many results; only the worker thread calls it.
        limit: maximum number of items in a batch.
    """

    def __init__(self, run: Callable[[list[Item]], Sequence[Result]], *, limit: int = 16) -> None:
        self._run = run
        self.limit = limit
        self._waiting: OrderedDict[Hashable, deque[tuple[Item, Future[Result]]]] = OrderedDict()
        self._changed = threading.Condition()
        self._closed = False
        self._worker = threading.Thread(target=self._work, name="forward", daemon=True)
        self._worker.start()

    def submit(self, session: Hashable, item: Item) -> "Future[Result]":
        """Submit one item; items of one session run in the order of submission.

        Raises:
            QueueClosed: after ``close``.
        """
        future: Future[Result] = Future()
        with self._changed:
            if self._closed:
                raise QueueClosed("the queue is closed")
            self._waiting.setdefault(session, deque()).append((item, future))
            self._changed.notify()
        return future

    def leave(self, session: Hashable) -> None:
        """Drop the waiting items of a session and cancel their futures."""
        with self._changed:
            dropped = self._waiting.pop(session, deque())
        for _, future in dropped:
            future.cancel()

    def close(self) -> None:
        """Cancel waiting items, finish the current batch and end the worker."""
        with self._changed:
            self._closed = True
            sessions = list(self._waiting)
            self._changed.notify()
        for session in sessions:
            self.leave(session)
        if threading.current_thread() is not self._worker:
            self._worker.join()

    def _work(self) -> None:
        while (batch := self._next_batch()) is not None:
            running = [pair for pair in batch if pair[1].set_running_or_notify_cancel()]
            if running:
                self._answer(running)

    def _next_batch(self) -> list[tuple[Item, Future[Result]]] | None:
        """Wait for items and return the next batch; None once the queue is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return None
            batch: list[tuple[Item, Future[Result]]] = []
            while self._waiting and len(batch) < self.limit:
                session, items = self._waiting.popitem(last=False)
                batch.append(items.popleft())
                if items:
                    self._waiting[session] = items  # move the session to the end of the round
            return batch

    def _answer(self, batch: list[tuple[Item, Future[Result]]]) -> None:
        try:
            results = self._run([item for item, _ in batch])
            if len(results) != len(batch):
                raise ValueError(f"{len(batch)} items gave {len(results)} results")
        except Exception as error:
            self._answer_failed(batch, error)
        else:
            for (_, future), result in zip(batch, results, strict=True):
                future.set_result(result)

    def _answer_failed(self, batch: list[tuple[Item, Future[Result]]], error: Exception) -> None:
        if len(batch) > 1:  # one bad item must not fail the rest of the batch
            for pair in batch:
                self._answer([pair])
        else:
            log.error("a forward pass failed", exc_info=error)
            batch[0][1].set_exception(error)
