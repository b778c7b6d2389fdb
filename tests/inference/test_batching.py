import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait

import pytest

from allcore.inference import batching
from allcore.inference.batching import BatchQueue, QueueClosed


class Doubler:
    """Doubles numbers; keeps the batches it saw, and can be held at a gate."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.threads: set[int] = set()
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.gate.set()

    def __call__(self, items: list[int]) -> list[int]:
        self.entered.set()
        assert self.gate.wait(10)
        self.threads.add(threading.get_ident())
        if -1 in items:
            raise ValueError("minus one")
        self.batches.append(items)
        return [2 * item for item in items]


def held(queue: BatchQueue[int, int], doubler: Doubler) -> Future[int]:
    """Hold the worker in a first batch, so that what comes next has to wait."""
    doubler.gate.clear()
    first = queue.submit("first", 0)
    assert doubler.entered.wait(10)
    return first


def test_submit__gives_each_its_own_answer_from_many_threads() -> None:
    doubler = Doubler()
    queue = BatchQueue(doubler, limit=8)

    def session(number: int) -> bool:
        items = range(1000 * number, 1000 * number + 50)
        futures = [queue.submit(number, item) for item in items]
        return [future.result(10) for future in futures] == [2 * item for item in items]

    with ThreadPoolExecutor(20) as pool:
        assert all(pool.map(session, range(20)))
    queue.close()
    assert len(doubler.threads) == 1
    assert max(len(batch) for batch in doubler.batches) <= 8
    assert len(doubler.batches) < 1000


def test_submit__batches_what_waits() -> None:
    doubler = Doubler()
    queue = BatchQueue(doubler, limit=4)
    held(queue, doubler)
    futures = [queue.submit("a", item) for item in range(1, 11)]
    doubler.gate.set()
    wait(futures, 10)
    assert doubler.batches == [[0], [1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]
    queue.close()


def test_submit__takes_turns_between_sessions() -> None:
    doubler = Doubler()
    queue = BatchQueue(doubler, limit=4)
    held(queue, doubler)
    futures = [queue.submit("many", item) for item in range(100, 200)]
    futures += [queue.submit("two", item) for item in (1, 2)]
    futures += [queue.submit("one", 3)]
    doubler.gate.set()
    wait(futures, 10)
    assert doubler.batches[1] == [100, 1, 3, 101]
    assert doubler.batches[2][0] == 2
    queue.close()


def test_submit__fails_only_the_item_at_fault() -> None:
    doubler = Doubler()
    queue = BatchQueue(doubler, limit=8)
    held(queue, doubler)
    good, bad, other = (queue.submit(name, item) for name, item in [("a", 1), ("b", -1), ("c", 3)])
    doubler.gate.set()
    assert (good.result(10), other.result(10)) == (2, 6)
    with pytest.raises(ValueError, match="minus one"):
        bad.result(10)
    assert queue.submit("a", 5).result(10) == 10
    queue.close()


def test_submit__survives_a_wrong_number_of_results() -> None:
    queue: BatchQueue[int, int] = BatchQueue(lambda items: [])
    for _ in range(2):
        with pytest.raises(ValueError, match="gave 0 results"):
            queue.submit("a", 1).result(10)
    queue.close()


def test_leave__cancels_and_blocks_nobody() -> None:
    doubler = Doubler()
    queue = BatchQueue(doubler, limit=4)
    first = held(queue, doubler)
    gone = [queue.submit("gone", item) for item in range(1, 50)]
    stays = queue.submit("stays", 7)
    queue.leave("gone")
    doubler.gate.set()
    assert first.result(10) == 0
    assert stays.result(10) == 14
    assert all(future.cancelled() for future in gone)
    assert doubler.batches == [[0], [7]]
    queue.close()


def test_submit__skips_a_cancelled_future() -> None:
    doubler = Doubler()
    queue = BatchQueue(doubler, limit=4)
    held(queue, doubler)
    cancelled, kept = queue.submit("a", 1), queue.submit("a", 2)
    assert cancelled.cancel()
    doubler.gate.set()
    assert kept.result(10) == 4
    assert doubler.batches[1:] == [[2]]
    queue.close()


def test_close__finishes_the_batch_under_way_and_cancels_the_rest() -> None:
    doubler = Doubler()
    queue = BatchQueue(doubler, limit=4)
    first = held(queue, doubler)
    waiting = queue.submit("a", 1)
    closing = threading.Thread(target=queue.close)
    closing.start()
    with pytest.raises(CancelledError):
        waiting.result(10)
    doubler.gate.set()
    closing.join(10)
    assert first.result(10) == 0
    assert not closing.is_alive()
    assert not any(worker.is_alive() for worker in queue._workers)
    with pytest.raises(QueueClosed):
        queue.submit("a", 1)
    queue.close()


def test_submit_all__is_one_batch_and_workers_share_the_rest() -> None:
    doubler = Doubler()
    queue = BatchQueue(doubler, limit=4, workers=2)
    doubler.gate.clear()
    futures = queue.submit_all("a", range(8))
    assert doubler.entered.wait(10)
    doubler.gate.set()
    assert [future.result(10) for future in futures] == [2 * item for item in range(8)]
    assert sorted(doubler.batches) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    queue.close()


def test_ordered_map__keeps_the_order_and_takes_few_ahead() -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        for item in itertools.count():
            taken.append(item)
            yield item

    ready: list[int] = []
    results = batching.ordered_map(
        lambda item: 2 * item, endless(), workers=3, initializer=lambda: ready.append(1)
    )
    assert [next(results) for _ in range(50)] == list(range(0, 100, 2))
    results.close()
    assert len(taken) <= 50 + 5
    assert 1 <= len(ready) <= 3


def test_ordered_map__raises_what_a_worker_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(batching.ordered_map(lambda item: 1 // item, [1, 0, 1], workers=2))
