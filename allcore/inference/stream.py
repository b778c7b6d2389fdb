"""Many pictures: decoding on threads while the network runs on the batch before."""

import hashlib
import itertools
import logging
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from allcore.errors import BadImage
from allcore.inference import upload
from allcore.inference.image_sources import Source
from allcore.inference.results import Prediction, Reading, Refusal, Row, Rung

if TYPE_CHECKING:
    from allcore.inference.predictor import Predictor

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """One answer, as a row too, and the cut cell (3, S, S) uint8; None where there is none."""

    row: Row
    prediction: Prediction
    cell: Tensor | None


@dataclass(frozen=True)
class _Decoded:
    name: str
    sha256: str
    cell: Tensor | None = None
    refusal: Refusal | None = None


def answers(
    predictor: "Predictor",
    sources: Iterable[Source],
    *,
    batch_size: int = 32,
    workers: int | None = None,
    forward: Callable[[Tensor], Sequence[Reading]] | None = None,
) -> Generator[Answer]:
    """One answer a source, in the order of the sources; nothing that is read stops it.

    Args:
        predictor: who answers.
        sources: pictures to read; taken lazily, a few batches ahead of the answers.
        batch_size: cells in one pass.
        workers: threads that decode; None takes one a core.
        forward: what turns cells (N, 3, S, S) into N readings, if not ``predictor.read``.
    """
    forward = forward or predictor.read
    pool = ThreadPoolExecutor(workers or os.cpu_count(), thread_name_prefix="decode")
    try:
        decoded = _ahead(pool, predictor, sources, depth=2 * batch_size)
        while batch := list(itertools.islice(decoded, batch_size)):
            yield from _answer(predictor, batch, forward)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _ahead(
    pool: ThreadPoolExecutor, predictor: "Predictor", sources: Iterable[Source], *, depth: int
) -> Iterator[_Decoded]:
    """Decode in order, with at most ``depth`` pictures decoded or under way."""
    waiting: deque[Future[_Decoded]] = deque()
    for source in sources:
        waiting.append(pool.submit(_decode, predictor, source))
        if len(waiting) > depth:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _decode(predictor: "Predictor", source: Source) -> _Decoded:
    sha256 = ""
    rung: Rung = "readable"
    try:
        data = source.read()
        sha256 = hashlib.sha256(data).hexdigest()
        rgb = upload.decode(data)
        rung = "cell"
        cell, refusal = predictor.examine(rgb)
        return _Decoded(source.name, sha256, cell, refusal)
    except BadImage as error:
        return _Decoded(source.name, sha256, refusal=Refusal(rung, str(error)))
    except Exception:  # one picture must never cost the others their answer
        log.exception("a picture could not be prepared")
        reason = "The picture could not be processed; export it again."
        return _Decoded(source.name, sha256, refusal=Refusal(rung, reason))


def _answer(
    predictor: "Predictor", batch: list[_Decoded], forward: Callable[[Tensor], Sequence[Reading]]
) -> Generator[Answer]:
    cells = [decoded.cell for decoded in batch if decoded.cell is not None]
    readings = iter(forward(torch.stack(cells)) if cells else [])
    for decoded in batch:
        reading = None if decoded.cell is None else next(readings)
        prediction = predictor.prediction(reading, decoded.refusal)
        row = predictor.row(prediction, path=decoded.name, sha256=decoded.sha256)
        yield Answer(row, prediction, decoded.cell)
