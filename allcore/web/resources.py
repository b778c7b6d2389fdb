"""What all sessions share: one predictor and one queue a model, loaded once a process."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
import torch
from torch import Tensor

from allcore import model_folder, settings
from allcore.inference.batching import BatchQueue
from allcore.inference.image_sources import Source
from allcore.inference.jobs import Ending, Item, Job, Keep
from allcore.inference.predictor import Predictor
from allcore.inference.results import Reading

_BATCH = 8  # a picture of one session waits for at most one batch of all others


def _forget(_items: Sequence[Item], _ending: Ending | None) -> None:
    """Keep nothing."""


@dataclass(frozen=True)
class Service:
    """A predictor, and the queue through which all sessions share it."""

    predictor: Predictor
    queue: BatchQueue[Tensor, Reading]

    def start(self, sources: Sequence[Source], *, session: str, keep: Keep = _forget) -> Job:
        """Answer pictures in the background, in turn with what other sessions ask for."""

        def forward(cells: Tensor) -> list[Reading]:
            futures = [self.queue.submit(session, cell) for cell in cells]
            return [future.result() for future in futures]

        return Job(
            self.predictor,
            sources,
            forward=forward,
            leave=lambda: self.queue.leave(session),
            batch_size=_BATCH,
            keep=keep,
        )


def service(model: str) -> Service:
    """The service of an installed model, loaded where it is not yet.

    Raises:
        AllScopeError: there is no such model or device, or the model is damaged.
    """
    folder = model_folder.folder(model)
    chosen = settings.load()
    return _load(folder, _digest(folder), chosen.device, chosen.threads)


def _release(released: Service) -> None:
    released.queue.close()


@st.cache_resource(max_entries=2, show_spinner="Loading the model", on_release=_release)
def _load(_folder: Path, digest: str, device: str, threads: int | None) -> Service:
    predictor = Predictor.load(_folder, device, threads=threads)

    def run(cells: list[Tensor]) -> list[Reading]:
        return predictor.read(torch.stack(cells))

    return Service(predictor, BatchQueue(run, limit=_BATCH))


def _digest(folder: Path) -> str:
    """Of ``model.json``, which holds the digest of the weights, the threshold and all else."""
    return hashlib.sha256((folder / model_folder.INFO).read_bytes()).hexdigest()
