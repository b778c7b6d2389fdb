"""Concurrent users: our batching queue, against the same predictor behind Gradio's queue."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from allcore.data.images import decoding
from allcore.inference.batching import BatchQueue
from allcore.inference.predictor import Predictor
from allcore.inference.results import Reading
from benchmarks import inputs, timing
from benchmarks.timing import Result, Scale

PEOPLE = 4
BATCH = 16


def run(scale: Scale) -> Result:
    """Images a second that four people get, each waiting for one answer before the next.

    Both sides decode BMP files, look for the cell and batch what waits. Gradio's side goes
    through its HTTP interface, as its own client does, and ours calls the queue that the pages
    call: the difference is the price of that interface, not of the network.
    """
    predictor = inputs.predictor()
    with inputs.pictures(scale.images) as paths:
        shares = [paths[number::PEOPLE] for number in range(PEOPLE)]
        with _Ours(predictor) as ours, _Gradio(predictor) as peer:
            mine, theirs = timing.side_by_side(
                timing.seconds(lambda: _together(shares, ours.answers)),
                timing.seconds(lambda: _together(shares, peer.answers)),
                rounds=scale.rounds,
            )
    return timing.result(
        "gradio",
        ours=scale.images / mine,
        reference=scale.images / theirs,
        unit="images/s",
        device=str(predictor.device),
    )


def _together(shares: list[list[Path]], answers: Callable[[int, list[Path]], list[str]]) -> None:
    with ThreadPoolExecutor(PEOPLE) as people:
        for share, verdicts in zip(shares, people.map(answers, range(PEOPLE), shares), strict=True):
            assert len(verdicts) == len(share)


class _Ours:
    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def __enter__(self) -> "_Ours":
        self.queue = BatchQueue[Tensor, Reading](self._forward, limit=BATCH)
        return self

    def __exit__(self, *_: object) -> None:
        self.queue.close()

    def answers(self, person: int, paths: list[Path]) -> list[str]:
        return [self._answer(person, path) for path in paths]

    def _answer(self, person: int, path: Path) -> str:
        cell, refusal = self.predictor.examine(decoding.decode(path.read_bytes()))
        reading = self.queue.submit(person, cell).result()
        return self.predictor.prediction(reading, refusal).verdict

    def _forward(self, cells: list[Tensor]) -> list[Reading]:
        return self.predictor.read(torch.stack(cells))


class _Gradio:
    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def __enter__(self) -> "_Gradio":
        os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1")
        import gradio

        self.interface = gradio.Interface(
            self._verdicts,
            gradio.Image(type="numpy"),
            gradio.Textbox(),
            batch=True,
            max_batch_size=BATCH,
            api_name="verdict",
        )
        _, self.address, _ = self.interface.launch(
            server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, share=False
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.interface.close(verbose=False)  # says so on standard output otherwise

    def answers(self, _person: int, paths: list[Path]) -> list[str]:
        from gradio_client import Client, handle_file

        client = Client(self.address, verbose=False)
        return [client.predict(handle_file(path), api_name="/verdict") for path in paths]

    def _verdicts(self, images: list[Any]) -> list[list[str]]:
        return [[prediction.verdict for prediction in self.predictor.predict(images)]]
