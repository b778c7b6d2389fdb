"""Fair batch queue in front of the network, shared by all sessions, and a map on workers."""

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Generator, Hashable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

log = logging.getLogger(__name__)


def ordered_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int,
    initializer: Callable[[], object] | None = None,
) -> Generator[Result]:
    """Yield the function's results in order, computed by threads a few items ahead.

    Args:
        function: called by the workers.
        items: consumed lazily.
        workers: number of threads.
        initializer: called once by each worker.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="worker", initializer=initializer)
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > workers + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


class QueueClosed(RuntimeError):
    """The queue no longer takes items."""


class BatchQueue(Generic[Item, Result]):
    """Run items from many threads on a few workers, in fair batches.

    A batch takes one item from each waiting session in turn until it is full. So a session with one
    image waits for at most one batch, however many images another session submits. A cancelled
    future drops out without running.

    Args:
        run: maps a list of items to as many results; only the workers call it.
        limit: maximum number of items in a batch.
        workers: number of threads, each with a batch of its own.
        initializer: called once by each worker.
    """

    def __init__(
        self,
        run: Callable[[list[Item]], Sequence[Result]],
        *,
        limit: int = 16,
        workers: int = 1,
        initializer: Callable[[], object] | None = None,
    ) -> None:
        self._run = run
        self._initializer = initializer
        self.limit = limit
        self._waiting: OrderedDict[Hashable, deque[tuple[Item, Future[Result]]]] = OrderedDict()
        self._changed = threading.Condition()
        self._closed = False
        self._workers = [
            threading.Thread(target=self._work, name="forward", daemon=True) for _ in range(workers)
        ]
        for worker in self._workers:
            worker.start()

    def submit(self, session: Hashable, item: Item) -> "Future[Result]":
        """Submit one item; items of one session run in the order of submission.

        Raises:
            QueueClosed: after ``close``.
        """
        return self.submit_all(session, [item])[0]

    def submit_all(self, session: Hashable, items: Sequence[Item]) -> "list[Future[Result]]":
        """Submit several items at once.

        Raises:
            QueueClosed: after ``close``.
        """
        pairs: list[tuple[Item, Future[Result]]] = [(item, Future()) for item in items]
        with self._changed:
            if self._closed:
                raise QueueClosed("the queue is closed")
            self._waiting.setdefault(session, deque()).extend(pairs)
            self._changed.notify_all()
        return [future for _, future in pairs]

    def leave(self, session: Hashable) -> None:
        """Drop the waiting items of a session and cancel their futures."""
        with self._changed:
            dropped = self._waiting.pop(session, deque())
        for _, future in dropped:
            future.cancel()

    def close(self) -> None:
        """Cancel waiting items, finish the current batches and end the workers."""
        with self._changed:
            self._closed = True
            sessions = list(self._waiting)
            self._changed.notify_all()
        for session in sessions:
            self.leave(session)
        for worker in self._workers:
            if threading.current_thread() is not worker:
                worker.join()

    def _work(self) -> None:
        if self._initializer is not None:
            self._initializer()
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
