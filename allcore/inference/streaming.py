"""Predictions for many images, one after another.

Workers read, decode and predict a few images at a time, each on a core of its own. So no core waits
for another, which costs more than the smaller batches.
"""

import contextlib
import hashlib
import itertools
import logging
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from allcore.data.images import decoding
from allcore.errors import BadImage
from allcore.inference import batching, devices, field_checks, image_sources, upload
from allcore.inference.image_sources import Source
from allcore.inference.large_fields import Watch, unwatched
from allcore.inference.predictor import Predictor
from allcore.inference.results import (
    GateCheck,
    PredictedCell,
    PredictedRow,
    Prediction,
    Reading,
    Refusal,
)
from allcore.inference.smear import CellPlace, FieldCell, Fields
from allcore.inference.upload import PictureCache

BATCH = 8
"""Cells in one pass: larger batches are no faster, and keep more images in memory."""

_LARGE = threading.Lock()  # one large picture at a time in this process
_WAIT = 0.5  # seconds between looks whether to stop, while another one is in work

log = logging.getLogger(__name__)

Forward = Callable[[Tensor], Sequence[Reading]]
"""Maps segmented cells (N, 3, S, S) uint8 to N readings of the network."""


@dataclass(frozen=True)
class StreamedPrediction:
    """Prediction, its table row, and the segmented cell (3, S, S) uint8; None without one."""

    row: PredictedRow
    prediction: Prediction
    cell: Tensor | None
    place: CellPlace | None = None  # of a cell in a field
    source: int = 0  # place of its source among the sources


def predict_files(
    predictor: Predictor,
    paths: Iterable[Path],
    *,
    batch_size: int = BATCH,
    workers: int | None = None,
    progress: Callable[[], object] | None = None,
    fields: Fields | None = None,
    watch: Watch = unwatched,
    answered: Mapping[str, PredictedRow] | None = None,
) -> Iterator[PredictedRow]:
    """Yield one row for each image in files, folders (recursively) and zip archives.

    Args:
        predictor: the model.
        paths: files, folders and archives.
        batch_size: cells in one pass.
        workers: as in ``stream_predictions``.
        progress: called once a row.
        fields: how pictures are read as smear fields, with one ``PredictedCell`` a cell; None for
            none.
        watch: as in ``stream_predictions``.
        answered: rows of an earlier run by SHA-256, of the same model and settings; an image whose
            file has one is not predicted again. Not for fields.
    """
    sources = image_sources.walk(paths, large=fields is not None)
    resumed = _ResumedSources(sources, answered or {})
    stream = stream_predictions(
        predictor, resumed, batch_size=batch_size, workers=workers, fields=fields, watch=watch
    )
    rows = itertools.chain(
        (row for streamed in stream for row in (*resumed.before_next(), streamed.row)),
        resumed.before_next(),
    )
    for row in rows:
        if progress:
            progress()
        yield row


class _ResumedSources:
    """The sources without an answer; the answers of the others, in their places among them."""

    def __init__(self, sources: Iterable[Source], answered: Mapping[str, PredictedRow]) -> None:
        self._sources, self._answered = sources, answered
        self._rows: deque[PredictedRow | None] = deque()  # None for a source without an answer

    def __iter__(self) -> Iterator[Source]:
        for source in self._sources:
            row = self._row(source) if self._answered else None
            if self._answered:
                self._rows.append(row)
            if row is None:
                yield source

    def before_next(self) -> Iterator[PredictedRow]:
        """Yield the answers that stand before the next source without one."""
        while self._rows and (row := self._rows.popleft()) is not None:
            yield row

    def _row(self, source: Source) -> PredictedRow | None:
        try:
            row = self._answered.get(hashlib.sha256(source.read()).hexdigest())
        except Exception:  # read again, and refused, where it is predicted
            return None
        return None if row is None else replace(row, path=source.name)


def stream_predictions(
    predictor: Predictor,
    sources: Iterable[Source],
    *,
    batch_size: int = BATCH,
    workers: int | None = None,
    forward: Forward | None = None,
    cache: PictureCache | None = None,
    fields: Fields | None = None,
    watch: Watch = unwatched,
) -> Generator[StreamedPrediction]:
    """Yield predictions in order of the sources; an unreadable image does not stop the iteration.

    Args:
        predictor: the model.
        sources: images to read; consumed lazily, a few batches ahead of the predictions.
        batch_size: most images in one pass; the first passes have fewer.
        workers: threads that decode and predict; None means as many as a pass would use. A single
            one computes a pass on all of these.
        forward: the pass through the network, called by all workers; ``predictor.read`` by default.
        cache: cache of decoded images, for later display.
        fields: as in ``predict_files``; a field yields a prediction a cell.
        watch: called by a worker before and after each tile of a large field, with the numbers of
            tiles that are done and of all; stops the iteration by CancelledError.
    """
    cache = PictureCache(0) if cache is None else cache
    closed = threading.Event()

    def checked(done: int, total: int) -> None:
        if closed.is_set():
            raise CancelledError
        watch(done, total)

    predict = _ChunkPredictor(
        predictor, cache, fields, forward or predictor.read, batch_size, checked
    )
    parts = _chunks(enumerate(sources), batch_size)
    chunks = batching.ordered_map(predict, parts, **devices.workers(workers))
    with contextlib.closing(chunks):
        try:
            for chunk in chunks:
                yield from chunk
        finally:
            closed.set()  # before the workers are waited for


def _chunks(
    sources: Iterable[tuple[int, Source]], largest: int
) -> Iterator[list[tuple[int, Source]]]:
    """Split sources in order; the first parts are small, so that all workers begin at once."""
    rest, size = iter(sources), 1
    while chunk := list(itertools.islice(rest, size)):
        yield chunk
        size = min(2 * size, largest)


@dataclass(frozen=True)
class _Decoded:
    """A picture or a cell of a field, ready for the network or refused."""

    name: str
    sha256: str
    cell: Tensor | None = None
    refusal: Refusal | None = None
    place: CellPlace | None = None
    source: int = 0


@dataclass(frozen=True)
class _ChunkPredictor:
    """Decodes and predicts some sources; a field gives a prediction a cell."""

    predictor: Predictor
    cache: PictureCache
    fields: Fields | None
    forward: Forward
    batch_size: int  # most cells in one pass
    watch: Watch

    def __call__(self, sources: Sequence[tuple[int, Source]]) -> list[StreamedPrediction]:
        decoded = [part for source in sources for part in self._decoded(*source)]
        cells = [part.cell for part in decoded if part.cell is not None]
        parts = (cells[at : at + self.batch_size] for at in range(0, len(cells), self.batch_size))
        readings = (reading for part in parts for reading in self.forward(torch.stack(part)))
        return [
            self._streamed(part, None if part.cell is None else next(readings)) for part in decoded
        ]

    def _streamed(self, decoded: _Decoded, reading: Reading | None) -> StreamedPrediction:
        prediction = self.predictor.prediction(reading, decoded.refusal)
        if decoded.place:
            prediction = field_checks.of_field(prediction)
        row = self.predictor.row(prediction, path=decoded.name, sha256=decoded.sha256)
        if self.fields is not None:
            row = cell_row(row, decoded.place)
        return StreamedPrediction(row, prediction, decoded.cell, decoded.place, decoded.source)

    def _decoded(self, number: int, source: Source) -> list[_Decoded]:
        """The cell of a source, or those of a field; one refusal where there is none."""
        sha256 = ""
        check: GateCheck = "readable"

        def decoded(
            cell: Tensor | None, refusal: Refusal | None, place: CellPlace | None = None
        ) -> _Decoded:
            return _Decoded(source.name, sha256, cell, refusal, place, number)

        try:
            field_checks.require_readable_name(source.name)
            data = source.read()
            sha256 = hashlib.sha256(data).hexdigest()
            if self.fields is None:
                picture = self.cache.get(sha256, lambda: decoding.decode(data))
                check = "cell"
                return [decoded(*self.predictor.examine(picture))]
            with self._turn(data):
                self.fields.normaliser(source.name)  # measured before this picture is in memory
                picture = self.cache.get(sha256, lambda: upload.decode_field(data))
                check = "cell"
                if not self.fields.reads(picture):
                    return [decoded(*self.predictor.examine(picture))]
                return [
                    decoded(*examine_cell(self.predictor, cell), cell.place)
                    for cell in self.fields.cells(picture.rgb, source.name, self.watch)
                ]
        except CancelledError:
            raise
        except BadImage as error:
            return [decoded(None, Refusal(check, str(error)))]
        except Exception:  # one image must never fail the others
            log.exception("a picture could not be prepared")
            reason = "The picture could not be processed; export it again."
            return [decoded(None, Refusal(check, reason))]

    @contextlib.contextmanager
    def _turn(self, data: bytes) -> Iterator[None]:
        """Wait until no other large picture is in work, where this one is large."""
        if not decoding.is_large_picture(data):
            yield
            return
        while not _LARGE.acquire(timeout=_WAIT):
            self.watch(0, 0)
        try:
            yield
        finally:
            _LARGE.release()


def examine_cell(predictor: Predictor, cell: FieldCell) -> tuple[Tensor | None, Refusal | None]:
    """Check a cell of a field by the gate, as ``predictor.examine`` does for a picture."""
    if cell.picture is None:
        return None, Refusal("whole", cell.refusal)
    try:
        return predictor.examine(cell.picture)
    except BadImage as error:
        return None, Refusal("cell", str(error))


def cell_row(row: PredictedRow, place: CellPlace | None) -> PredictedCell:
    """Row of a table with a row a cell, for a picture or for a cell of a field."""
    if place is None:
        return PredictedCell(**asdict(row))
    return PredictedCell(
        **asdict(row),
        cell=str(place.number),
        box=" ".join(map(str, place.box)),
        processing=place.processing,
        mark=place.mark,
    )
