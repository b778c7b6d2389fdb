"""Many pictures answered in the background, so that whoever asked can watch, cancel and go on."""

import io
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Literal

from PIL import Image
from torch import Tensor

from allcore.inference import stream
from allcore.inference.batching import BatchQueue
from allcore.inference.image_sources import Source
from allcore.inference.predictor import Predictor
from allcore.inference.results import Prediction, Reading, Row

THUMBNAIL_SIDE = 64
KEPT = 64
"""Answers that are handed over at once to be kept."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Item:
    """One answered picture: the answer, where to read it again, and a JPEG of the cut cell."""

    row: Row
    prediction: Prediction
    source: Source
    thumbnail: bytes | None


Keep = Callable[[Sequence[Item], "Ending | None"], object]
"""Takes what was answered since the last call, and how the job ended with the last one."""
Ending = Literal["done", "cancelled", "failed"]


class Job:
    """Answers sources in order on a thread of its own; what is done stays when it is cancelled.

    It goes on when whoever asked has gone, and hands what it answers to ``keep`` as it goes.

    Args:
        predictor: who prepares the pictures.
        sources: what to answer.
        forward: turns cut cells (N, 3, S, S) uint8 into N readings.
        leave: called by ``cancel``, to drop what still waits in a queue behind ``forward``.
        batch_size: cells handed to ``forward`` at once.
        keep: called on the job's thread, at the end and about every ``KEPT`` answers before.
    """

    def __init__(
        self,
        predictor: Predictor,
        sources: Sequence[Source],
        *,
        forward: Callable[[Tensor], Sequence[Reading]],
        leave: Callable[[], object] = lambda: None,
        batch_size: int = 16,
        keep: Keep = lambda _items, _ending: None,
    ) -> None:
        self.sources = sources
        self.failed = False
        self._keep = keep
        self._kept = 0
        self._answered = threading.Event()
        self._items: list[Item] = []
        self._leave = leave
        self._cancelled = threading.Event()
        self._started = time.perf_counter()
        self._ended: float | None = None
        self._answers = stream.answers(predictor, sources, batch_size=batch_size, forward=forward)
        self._thread = threading.Thread(target=self._work, name="job", daemon=True)
        self._thread.start()

    @property
    def items(self) -> list[Item]:
        """What is answered so far, in the order of the sources."""
        return self._items.copy()

    @property
    def running(self) -> bool:
        """Whether answers are still to come."""
        return not self._answered.is_set()

    @property
    def cancelled(self) -> bool:
        """Whether it was told to stop before its end."""
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
        """Wait at most so long; True once nothing is running any more."""
        return self._answered.wait(seconds)

    def cancel(self) -> None:
        """Stop after the batch under way; what is answered stays."""
        self._cancelled.set()
        self._leave()

    def _work(self) -> None:
        try:
            for answer, source in zip(self._answers, self.sources, strict=True):
                thumbnail = _thumbnail(answer.cell)
                self._items.append(Item(answer.row, answer.prediction, source, thumbnail))
                if self._cancelled.is_set():
                    break
                if len(self._items) - self._kept >= KEPT:
                    self._hand_over(None)
        except CancelledError:
            self._cancelled.set()
        except Exception:
            log.exception("a job ended early")
            self.failed = True
        finally:
            self._answers.close()
            self._ended = time.perf_counter()
            self._answered.set()  # before it is kept: nobody waits for that
            self._hand_over(self._ending())

    def _ending(self) -> Ending:
        if self.failed:
            return "failed"
        return "cancelled" if self.cancelled else "done"

    def _hand_over(self, ending: Ending | None) -> None:
        items = self._items[self._kept :]
        self._kept += len(items)
        try:
            self._keep(items, ending)
        except Exception:  # answers are shown whether they can be kept or not
            log.exception("answers of a job could not be kept")


@dataclass(frozen=True)
class PredictionService:
    """A predictor, and the queue through which all sessions share it."""

    predictor: Predictor
    queue: BatchQueue[Tensor, Reading]

    def start(self, sources: Sequence[Source], *, session: str, keep: Keep | None = None) -> Job:
        """Predict pictures in the background, in turn with what other sessions hand in.

        Args:
            sources: the pictures.
            session: whose turn in the queue it is.
            keep: takes the answers as they come.
        """

        def forward(cells: Tensor) -> list[Reading]:
            futures = [self.queue.submit(session, cell) for cell in cells]
            return [future.result() for future in futures]

        return Job(
            self.predictor,
            sources,
            forward=forward,
            leave=lambda: self.queue.leave(session),
            batch_size=self.queue.limit,
            keep=keep or (lambda _items, _ending: None),
        )


def _thumbnail(cell: Tensor | None) -> bytes | None:
    if cell is None:
        return None
    image = Image.fromarray(cell.permute(1, 2, 0).numpy())
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
