"""Eight sessions with a batch each at once, against one session with all pictures."""

from pathlib import Path

from torch import Tensor

from allcore.inference import devices
from allcore.inference.batching import BatchQueue
from allcore.inference.image_sources import Source
from allcore.inference.jobs import PredictionJob, PredictionService
from allcore.inference.predictor import Predictor
from allcore.inference.results import Reading
from benchmarks import inputs, timing
from benchmarks.timing import Result, Scale

PEOPLE = 8
BATCH = 8


def run(scale: Scale) -> Result:
    """Images a second that eight sessions get together, against one session alone.

    Both sides go the way of the Predict page: a job each, whose cells wait in the queue that all
    sessions share. Every picture must have its answer.
    """
    predictor = inputs.predictor()
    with inputs.pictures(scale.images) as paths, _Shared(predictor) as shared:
        shares = [paths[number::PEOPLE] for number in range(PEOPLE)]
        mine, theirs = timing.side_by_side(
            timing.seconds(lambda: shared.answer(shares)),
            timing.seconds(lambda: shared.answer([paths])),
            rounds=scale.rounds,
        )
    return timing.result(
        "sessions",
        ours=scale.images / mine,
        reference=scale.images / theirs,
        unit="images/s",
        device=str(predictor.device),
    )


class _Shared:
    """A predictor behind the queue of all sessions."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def __enter__(self) -> "_Shared":
        import torch

        queue = BatchQueue[Tensor, Reading](
            lambda cells: self._predictor.read(torch.stack(cells)),
            limit=BATCH,
            **devices.workers(),
        )
        self._service = PredictionService(self._predictor, queue)
        return self

    def __exit__(self, *_: object) -> None:
        self._service.queue.close()

    def answer(self, shares: list[list[Path]]) -> None:
        """Answer each share in a session of its own, all at once."""
        jobs = [self._job(number, share) for number, share in enumerate(shares)]
        for job, share in zip(jobs, shares, strict=True):
            job.wait(1e6)
            assert not job.failed
            assert len(job.items) == len(share)

    def _job(self, session: int, paths: list[Path]) -> PredictionJob:
        sources = [Source(path.name, path.read_bytes) for path in paths]
        return self._service.start(sources, session=str(session))
