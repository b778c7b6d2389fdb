"""Predictions for many pictures: one after another for a command, in the background for a page.

Pictures are read and decoded on threads while the network runs on the batch before.
"""

import hashlib
import io
import itertools
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from PIL import Image
from torch import Tensor

from allcore.errors import BadImage
from allcore.inference import image_sources, upload
from allcore.inference.batching import BatchQueue
from allcore.inference.image_sources import Source
from allcore.inference.predictor import Predictor
from allcore.inference.results import GateCheck, PredictedRow, Prediction, Reading, Refusal
from allcore.inference.upload import PictureCache

THUMBNAIL_SIDE = 64
STORED_AT_ONCE = 64
"""Predictions that a job hands over at once to be stored."""

log = logging.getLogger(__name__)

Forward = Callable[[Tensor], Sequence[Reading]]
"""Turns cut cells (N, 3, S, S) uint8 into N readings of the network."""


@dataclass(frozen=True)
class StreamedPrediction:
    """A prediction, as a table's row too, and the cut cell (3, S, S) uint8; None without one."""

    row: PredictedRow
    prediction: Prediction
    cell: Tensor | None


def predict_files(
    predictor: Predictor,
    paths: Iterable[Path],
    *,
    batch_size: int = 32,
    workers: int | None = None,
    progress: Callable[[], object] | None = None,
) -> Iterator[PredictedRow]:
    """One row for each picture in files, folders (recursively) and zip archives.

    Args:
        predictor: the model.
        paths: files, folders and archives.
        batch_size: cells in one pass.
        workers: threads that decode; None takes one a core.
        progress: called once a row.
    """
    sources = image_sources.walk(paths)
    for streamed in stream_predictions(predictor, sources, batch_size=batch_size, workers=workers):
        if progress:
            progress()
        yield streamed.row


def stream_predictions(
    predictor: Predictor,
    sources: Iterable[Source],
    *,
    batch_size: int = 32,
    workers: int | None = None,
    forward: Forward | None = None,
    cache: PictureCache | None = None,
) -> Generator[StreamedPrediction]:
    """One prediction a source, in the order of the sources; no unreadable picture stops it.

    Args:
        predictor: the model.
        sources: pictures to read; taken lazily, a few batches ahead of the predictions.
        batch_size: cells in one pass.
        workers: threads that decode; None takes one a core.
        forward: the pass through the network, if not ``predictor.read``.
        cache: where decoded pictures stay for who shows them.
    """
    cache = PictureCache(0) if cache is None else cache
    forward = forward or predictor.read
    pool = ThreadPoolExecutor(workers or os.cpu_count(), thread_name_prefix="decode")
    try:
        decoded = _decode_ahead(pool, predictor, sources, cache, depth=2 * batch_size)
        while batch := list(itertools.islice(decoded, batch_size)):
            yield from _predict_batch(predictor, batch, forward)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True)
class PredictedPicture:
    """A picture's prediction, where to read the picture again, and a JPEG of the cut cell."""

    row: PredictedRow
    prediction: Prediction
    source: Source
    thumbnail: bytes | None


Ending = Literal["done", "cancelled", "failed"]
Store = Callable[[Sequence[PredictedPicture], Ending | None], object]
"""Takes the predictions since the last call, and at the last call how the job ended."""


def store_nothing(_items: Sequence[PredictedPicture], _ending: Ending | None) -> None:
    """Drop the predictions."""


class PredictionJob:
    """Predicts sources in order on its own thread; finished predictions stay after cancelling.

    It goes on after the session that started it has ended.

    Args:
        predictor: cuts the cells out.
        sources: the pictures.
        forward: the pass through the network.
        leave: called by ``cancel``, to drop what still waits in a queue behind ``forward``.
        batch_size: cells handed to ``forward`` at once.
        store: called on the job's thread, at the end and about every ``STORED_AT_ONCE``
            predictions before.
    """

    def __init__(
        self,
        predictor: Predictor,
        sources: Sequence[Source],
        *,
        forward: Forward,
        leave: Callable[[], object] = lambda: None,
        batch_size: int = 16,
        store: Store = store_nothing,
    ) -> None:
        self.sources = sources
        self.failed = False
        self._store = store
        self._stored = 0
        self._finished = threading.Event()
        self._items: list[PredictedPicture] = []
        self._leave = leave
        self._cancelled = threading.Event()
        self._started = time.perf_counter()
        self._ended: float | None = None
        self._stream = stream_predictions(
            predictor, sources, batch_size=batch_size, forward=forward, cache=upload.PICTURES
        )
        self._thread = threading.Thread(target=self._work, name="job", daemon=True)
        self._thread.start()

    @property
    def items(self) -> list[PredictedPicture]:
        """The predictions so far, in the order of the sources."""
        return self._items.copy()

    @property
    def running(self) -> bool:
        """Whether predictions are still to come."""
        return not self._finished.is_set()

    @property
    def cancelled(self) -> bool:
        """Whether it was stopped before its end."""
        return self._cancelled.is_set() and len(self._items) < len(self.sources)

    @property
    def seconds(self) -> float:
        """Time since the start, or from start to end."""
        return (self._ended or time.perf_counter()) - self._started

    @property
    def idle(self) -> float:
        """Seconds since it ended, 0 while it runs."""
        return 0.0 if self._ended is None else time.perf_counter() - self._ended

    def wait(self, seconds: float) -> bool:
        """Wait at most so many seconds; True once the job has ended."""
        return self._finished.wait(seconds)

    def cancel(self) -> None:
        """Stop after the batch under way; finished predictions stay."""
        self._cancelled.set()
        self._leave()

    def _work(self) -> None:
        try:
            for streamed, source in zip(self._stream, self.sources, strict=True):
                thumbnail = _thumbnail(streamed.cell)
                self._items.append(
                    PredictedPicture(streamed.row, streamed.prediction, source, thumbnail)
                )
                if self._cancelled.is_set():
                    break
                if len(self._items) - self._stored >= STORED_AT_ONCE:
                    self._hand_over(None)
        except CancelledError:
            self._cancelled.set()
        except Exception:
            log.exception("a job ended early")
            self.failed = True
        finally:
            self._stream.close()
            self._ended = time.perf_counter()
            self._finished.set()  # before storing, which nobody waits for
            self._hand_over(self._ending())

    def _ending(self) -> Ending:
        if self.failed:
            return "failed"
        return "cancelled" if self.cancelled else "done"

    def _hand_over(self, ending: Ending | None) -> None:
        items = self._items[self._stored :]
        self._stored += len(items)
        try:
            self._store(items, ending)
        except Exception:  # predictions are shown whether or not they can be stored
            log.exception("predictions of a job could not be stored")


@dataclass(frozen=True)
class PredictionService:
    """A predictor, and the queue through which all sessions share it."""

    predictor: Predictor
    queue: BatchQueue[Tensor, Reading]

    def start(
        self, sources: Sequence[Source], *, session: str, store: Store = store_nothing
    ) -> PredictionJob:
        """Predict pictures in the background, in turn with what other sessions hand in.

        Args:
            sources: the pictures.
            session: whose turn in the queue it is.
            store: takes the predictions as they come.
        """

        def forward(cells: Tensor) -> list[Reading]:
            futures = [self.queue.submit(session, cell) for cell in cells]
            return [future.result() for future in futures]

        return PredictionJob(
            self.predictor,
            sources,
            forward=forward,
            leave=lambda: self.queue.leave(session),
            batch_size=self.queue.limit,
            store=store,
        )


def _thumbnail(cell: Tensor | None) -> bytes | None:
    if cell is None:
        return None
    image = Image.fromarray(cell.permute(1, 2, 0).numpy())
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


@dataclass(frozen=True)
class _Decoded:
    name: str
    sha256: str
    cell: Tensor | None = None
    refusal: Refusal | None = None


def _decode_ahead(
    pool: ThreadPoolExecutor,
    predictor: Predictor,
    sources: Iterable[Source],
    cache: PictureCache,
    *,
    depth: int,
) -> Iterator[_Decoded]:
    """Decode in order, with at most ``depth`` pictures decoded or under way."""
    waiting: deque[Future[_Decoded]] = deque()
    for source in sources:
        waiting.append(pool.submit(_decode, predictor, source, cache))
        if len(waiting) > depth:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _decode(predictor: Predictor, source: Source, cache: PictureCache) -> _Decoded:
    sha256 = ""
    check: GateCheck = "readable"
    try:
        data = source.read()
        sha256 = hashlib.sha256(data).hexdigest()
        picture = cache.get(sha256, lambda: upload.decode(data))
        check = "cell"
        cell, refusal = predictor.examine(picture)
        return _Decoded(source.name, sha256, cell, refusal)
    except BadImage as error:
        return _Decoded(source.name, sha256, refusal=Refusal(check, str(error)))
    except Exception:  # one picture must never cost the others their answer
        log.exception("a picture could not be prepared")
        reason = "The picture could not be processed; export it again."
        return _Decoded(source.name, sha256, refusal=Refusal(check, reason))


def _predict_batch(
    predictor: Predictor, batch: list[_Decoded], forward: Forward
) -> Generator[StreamedPrediction]:
    cells = [decoded.cell for decoded in batch if decoded.cell is not None]
    readings = iter(forward(torch.stack(cells)) if cells else [])
    for decoded in batch:
        reading = None if decoded.cell is None else next(readings)
        prediction = predictor.prediction(reading, decoded.refusal)
        row = predictor.row(prediction, path=decoded.name, sha256=decoded.sha256)
        yield StreamedPrediction(row, prediction, decoded.cell)
