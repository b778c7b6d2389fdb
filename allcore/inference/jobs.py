"""Predictions in the background for a page, in turn with other sessions."""

import hashlib
import io
import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Literal

from PIL import Image
from torch import Tensor

from allcore.inference import field_checks, smear, streaming, upload
from allcore.inference.batching import BatchQueue
from allcore.inference.image_sources import Source
from allcore.inference.predictor import Predictor
from allcore.inference.results import PredictedRow, Prediction, Reading
from allcore.inference.smear import CellPlace, FieldCell, Fields, FolderNormalisers, Normalisation
from allcore.inference.streaming import Forward

THUMBNAIL_SIDE = 128
STORED_AT_ONCE = 64
"""Maximum number of predictions that a job stores at once."""
STORED_EVERY = 2.0
"""Seconds after which a job stores what it has; the first predictions are stored at once."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PredictedPicture:
    """Prediction of an image, the source to read it again, and a JPEG of the segmented cell."""

    row: PredictedRow
    prediction: Prediction
    source: Source
    thumbnail: bytes | None
    place: CellPlace | None = None  # of a cell in a field

    @property
    def name(self) -> str:
        """Name in front of people: the file's, with the number of a cell in a field."""
        return smear.cell_name(self.row.path, self.place)

    @property
    def digest(self) -> str:
        """SHA-256 of the file, or of the file and the cut of a cell in it."""
        if self.place is None:
            return self.row.sha256
        text = f"{self.row.sha256} {json.dumps(self.place.cut, sort_keys=True)}"
        return hashlib.sha256(text.encode()).hexdigest()


def predict_cell(
    predictor: Predictor, cell: FieldCell, source: Source, sha256: str
) -> PredictedPicture:
    """Predict one cell of a field in the foreground; ``sha256`` is of the field's file."""
    tensor, refusal = streaming.examine_cell(predictor, cell)
    reading = None if tensor is None else predictor.read(tensor[None])[0]
    prediction = field_checks.of_field(predictor.prediction(reading, refusal))
    row = streaming.cell_row(predictor.row(prediction, path=source.name, sha256=sha256), cell.place)
    return PredictedPicture(row, prediction, source, _thumbnail(tensor), cell.place)


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
        store: called on the job's thread after the first source, then every ``STORED_EVERY``
            seconds or ``STORED_AT_ONCE`` predictions, and at the end; never amid a field.
        fields: how pictures are read as smear fields; None for none.
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
        fields: Fields | None = None,
    ) -> None:
        self.sources = sources
        self.fields = fields
        self.done = 0
        # of the large field that is in work: numbers of tiles that are done and of all
        self.tiles = (0, 0)
        self.failed = False
        self._store = store
        self._stored = self._complete = 0
        self._stored_at = 0.0
        self._finished = threading.Event()
        self._items: list[PredictedPicture] = []
        self._leave = leave
        self._cancelled = threading.Event()
        self._started = time.perf_counter()
        self._ended: float | None = None
        self._stream = streaming.stream_predictions(
            predictor, sources, batch_size=batch_size, forward=forward, cache=upload.PICTURES,
            fields=fields, watch=self._watch,
        )  # fmt: skip
        self._thread = threading.Thread(target=self._work, name="job", daemon=True)
        self._thread.start()

    @property
    def items(self) -> list[PredictedPicture]:
        """Predictions so far, in the order of the sources; several for a field."""
        return self._items.copy()

    @property
    def running(self) -> bool:
        """True if the job is still running."""
        return not self._finished.is_set()

    @property
    def cancelled(self) -> bool:
        """True if the job was stopped before its end."""
        return self._cancelled.is_set() and self.done < len(self.sources)

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
        """Stop after the current batch, or tile of a large field; finished predictions stay."""
        self._cancelled.set()
        self._leave()

    def _watch(self, done: int, total: int) -> None:
        if self._cancelled.is_set():
            raise CancelledError
        self.tiles = (done, total)

    def _work(self) -> None:
        try:
            for streamed in self._stream:
                self._finish(streamed.source)
                if self._cancelled.is_set() and self._complete == len(self._items):
                    break
                self._items.append(
                    PredictedPicture(
                        streamed.row,
                        streamed.prediction,
                        self.sources[streamed.source],
                        _thumbnail(streamed.cell),
                        streamed.place,
                    )
                )
                if streamed.place is None:
                    self._finish(streamed.source + 1)
            else:
                self._finish(len(self.sources))
        except CancelledError:
            self._cancelled.set()
        except Exception:
            log.exception("a job ended early")
            self.failed = True
        finally:
            self._stream.close()
            del self._items[self._complete :]  # a field is answered whole or not at all
            self._ended = time.perf_counter()
            self._finished.set()  # before storing, so that no reader waits for the database
            self._hand_over(self._ending())

    def _finish(self, sources: int) -> None:
        """Note that the first so many sources are answered, and store them where it is time."""
        if sources == self.done:
            return
        self.done, self._complete, self.tiles = sources, len(self._items), (0, 0)
        waiting = len(self._items) - self._stored
        silent = time.perf_counter() - self._stored_at >= STORED_EVERY
        if sources < len(self.sources) and waiting and (silent or waiting >= STORED_AT_ONCE):
            self._hand_over(None)

    def _ending(self) -> Ending:
        if self.failed:
            return "failed"
        return "cancelled" if self.cancelled else "done"

    def _hand_over(self, ending: Ending | None) -> None:
        items = self._items[self._stored :]
        self._stored += len(items)
        self._stored_at = time.perf_counter()
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
        self,
        sources: Sequence[Source],
        *,
        session: str,
        store: Store = store_nothing,
        choice: Normalisation = Normalisation(),
    ) -> PredictionJob:
        """Predict images in the background, in turn with other sessions.

        Args:
            sources: the images, of single cells or smear fields.
            session: the session whose turn in the queue counts.
            store: stores the predictions as they finish.
            choice: what is normalised in the cells of fields.
        """
        gate = self.predictor.gate
        target = None if gate is None else gate.appearance
        normalisers = FolderNormalisers(sources, "auto", target, choice)
        mark = smear.validation_mark(self.predictor.profile)

        def forward(cells: Tensor) -> list[Reading]:
            futures = self.queue.submit_all(session, list(cells))
            return [future.result() for future in futures]

        return PredictionJob(
            self.predictor,
            sources,
            forward=forward,
            leave=lambda: self.queue.leave(session),
            batch_size=self.queue.limit,
            store=store,
            fields=Fields("auto", normalisers, mark),
        )


def _thumbnail(cell: Tensor | None) -> bytes | None:
    if cell is None:
        return None
    image = Image.fromarray(cell.permute(1, 2, 0).numpy())
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
