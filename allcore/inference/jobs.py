"""Many pictures answered in the background, so that whoever asked can watch, cancel and go on."""

import io
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from allcore.inference import stream
from allcore.inference.archive import Source
from allcore.inference.predictor import Predictor
from allcore.inference.results import Prediction, Reading, Row

THUMBNAIL_SIDE = 64

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Item:
    """One answered picture: the answer, where to read it again, and a JPEG of the cut cell."""

    row: Row
    prediction: Prediction
    source: Source
    thumbnail: bytes | None


class Job:
    """Answers sources in order on a thread of its own; what is done stays when it is cancelled.

    Args:
        predictor: who prepares the pictures.
        sources: what to answer.
        forward: turns cut cells (N, 3, S, S) uint8 into N readings.
        leave: called by ``cancel``, to drop what still waits in a queue behind ``forward``.
        batch_size: cells handed to ``forward`` at once.
    """

    def __init__(
        self,
        predictor: Predictor,
        sources: Sequence[Source],
        *,
        forward: Callable[[Tensor], Sequence[Reading]],
        leave: Callable[[], object] = lambda: None,
        batch_size: int = 16,
    ) -> None:
        self.sources = sources
        self.failed = False
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
        return self._thread.is_alive()

    @property
    def cancelled(self) -> bool:
        """Whether it was told to stop before its end."""
        return self._cancelled.is_set() and len(self._items) < len(self.sources)

    @property
    def seconds(self) -> float:
        """Time since the start, or from start to end."""
        return (self._ended or time.perf_counter()) - self._started

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; True once nothing is running any more."""
        self._thread.join(seconds)
        return not self.running

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
        except CancelledError:
            self._cancelled.set()
        except Exception:
            log.exception("a job ended early")
            self.failed = True
        finally:
            self._answers.close()
            self._ended = time.perf_counter()


def _thumbnail(cell: Tensor | None) -> bytes | None:
    if cell is None:
        return None
    image = Image.fromarray(cell.permute(1, 2, 0).numpy())
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
