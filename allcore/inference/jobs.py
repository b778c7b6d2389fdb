"""Predictions for many images: in the foreground for a command, in the background for a page.

Threads read and decode images while the network runs on the previous batch.
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

from allcore.data.images import decoding
from allcore.errors import BadImage
from allcore.inference import image_sources, upload
from allcore.inference.batching import BatchQueue
from allcore.inference.image_sources import Source
from allcore.inference.predictor import Predictor
from allcore.inference.results import GateCheck, PredictedRow, Prediction, Reading, Refusal
from allcore.inference.upload import PictureCache

THUMBNAIL_SIDE = 64
STORED_AT_ONCE = 64
"""Number of predictions that a job stores at once."""

log = logging.getLogger(__name__)

Forward = Callable[[Tensor], Sequence[Reading]]
"""Maps segmented cells (N, 3, S, S) uint8 to N readings of the network."""


@dataclass(frozen=True)
class StreamedPrediction:
    """Prediction, its table row, and the segmented cell (3, S, S) uint8; None without a cell."""

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
    """Yield one row for each image in files, folders (recursively) and zip archives.

    Args:
        predictor: the model.
        paths: files, folders and archives.
        batch_size: cells in one pass.
        workers: threads that decode; None means one for each core.
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
    """Yield one prediction a source, in order; an unreadable image does not stop the iteration.

    Args:
        predictor: the model.
        sources: images to read; consumed lazily, a few batches ahead of the predictions.
        batch_size: cells in one pass.
        workers: threads that decode; None means one for each core.
        forward: the pass through the network; ``predictor.read`` by default.
        cache: cache of decoded images, for later display.
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
    """Prediction of an image, the source to read it again, and a JPEG of the segmented cell."""

    row: PredictedRow
    prediction: Prediction
    source: Source
    thumbnail: bytes | None


Ending = Literal["done", "cancelled", "failed"]
Store = Callable[[Sequence[PredictedPicture], Ending | None], object]
"""Stores the predictions since the last call; the last call also has the job's ending."""


def store_nothing(_items: Sequence[PredictedPicture], _ending: Ending | None) -> None:
    """Discard the predictions."""


class PredictionJob:
    """Background job that predicts sources in order; results stay after cancellation.

    The job continues after the session that started it has ended.

    Args:
        predictor: segments the cells.
        sources: the images.
        forward: the pass through the network.
        leave: called by ``cancel``, to drop waiting items from the queue behind ``forward``.
        batch_size: cells in one call of ``forward``.
        store: called on the job's thread, about every ``STORED_AT_ONCE`` predictions and at the
            end.
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
        """Predictions so far, in the order of the sources."""
        return self._items.copy()

    @property
    def running(self) -> bool:
        """True if the job is still running."""
        return not self._finished.is_set()

    @property
    def cancelled(self) -> bool:
        """True if the job was stopped before its end."""
        return self._cancelled.is_set() and len(self._items) < len(self.sources)

    @property
    def seconds(self) -> float:
        """Duration in seconds, up to now or to the end."""
        return (self._ended or time.perf_counter()) - self._started

    @property
    def idle(self) -> float:
        """Seconds since the end, 0 while the job runs."""
        return 0.0 if self._ended is None else time.perf_counter() - self._ended

    def wait(self, seconds: float) -> bool:
        """Wait at most this many seconds; True once the job has ended."""
        return self._finished.wait(seconds)

    def cancel(self) -> None:
        """Stop after the current batch; finished predictions stay."""
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
            self._finished.set()  # before storing, so that no reader waits for the database
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
        except Exception:  # predictions are shown even where they can't be stored
            log.exception("predictions of a job could not be stored")


@dataclass(frozen=True)
class PredictionService:
    """Predictor with the queue through which all sessions share it."""

    predictor: Predictor
    queue: BatchQueue[Tensor, Reading]

    def start(
        self, sources: Sequence[Source], *, session: str, store: Store = store_nothing
    ) -> PredictionJob:
        """Predict images in the background, in turn with other sessions.

        Args:
            sources: the images.
            session: the session whose turn in the queue counts.
            store: stores the predictions as they finish.
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
    """Decode in order, with at most ``depth`` images decoded or in progress."""
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
        picture = cache.get(sha256, lambda: decoding.decode(data))
        check = "cell"
        cell, refusal = predictor.examine(picture)
        return _Decoded(source.name, sha256, cell, refusal)
    except BadImage as error:
        return _Decoded(source.name, sha256, refusal=Refusal(check, str(error)))
    except Exception:  # one image must never fail the others
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
