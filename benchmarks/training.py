"""The training loop, against its forward and backward passes alone."""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from lightning.fabric import Fabric
from torch.nn import functional

from allcore import settings
from allcore.data.preprocessing import Preprocessing
from allcore.inference import devices
from allcore.nets import registry
from allcore.training import fabric as processes
from allcore.training import fit
from allcore.training.fit import TrainingExamples
from allcore.training.recipe import Recipe
from benchmarks import timing
from benchmarks.timing import Result, Scale

BATCH = 16


def run(scale: Scale) -> Result:
    """Images a second of whole steps, against forward and backward over one ready batch.

    A whole step draws its cells by weight, augments and normalises them, runs forward and
    backward, steps AdamW and averages the weights. Start and end of the epoch
    (copies, validation, checkpoint) are not counted.
    """
    chosen = settings.load()
    devices.use_threads(chosen.threads)
    fabric = processes.launch(devices.choose(chosen.device))
    batch = min(BATCH, scale.images)
    steps = max(2, scale.images // (2 * batch))
    mine, theirs = timing.side_by_side(
        lambda: _ours(batch, steps, fabric), _reference(batch, steps, fabric), rounds=scale.rounds
    )
    return timing.result(
        "training",
        ours=batch / mine,
        reference=batch / theirs,
        unit="images/s",
        device=str(fabric.device),
    )


def _ours(batch: int, steps: int, fabric: Fabric) -> float:
    """Seconds a step from the end of the first to the end of the last."""
    ends: list[float] = []

    def note(step_number: int, total: int) -> None:
        if step_number in (1, total):
            ends.append(_now(fabric.device))

    with TemporaryDirectory(prefix="allscope-benchmark-") as folder:
        fit.fit(
            registry.build("qcresnet"),
            train=_examples(4 * batch),
            validation=_examples(2),
            preprocessing=Preprocessing(),
            recipe=Recipe(epochs=1, samples=steps * batch, batch_size=batch),
            fabric=fabric,
            folder=Path(folder),
            on_step=note,
        )
    return (ends[1] - ends[0]) / (steps - 1)


def _reference(batch: int, steps: int, fabric: Fabric) -> Callable[[], float]:
    device = fabric.device
    network = registry.build("qcresnet").to(device=device, memory_format=torch.channels_last)
    examples = _examples(batch).to(device)
    ready = Preprocessing().normalise(examples.pixels).contiguous(memory_format=torch.channels_last)
    network.train()

    def loop() -> float:
        """Seconds a step, in the precision that ours trains in."""
        started = _now(device)
        for _ in range(steps):
            network.zero_grad(set_to_none=True)
            with fabric.autocast():
                logits = network(ready)
                loss = functional.binary_cross_entropy_with_logits(logits, examples.targets)
            loss.backward()
        return (_now(device) - started) / steps

    return loop


def _now(device: torch.device) -> float:
    """The clock, once the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _examples(count: int) -> TrainingExamples:
    side = Preprocessing().size
    return TrainingExamples(
        pixels=torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8),
        targets=torch.arange(count) % 2.0,
        weights=torch.ones(count, dtype=torch.float64),
    )
