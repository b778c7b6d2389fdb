"""The training loop against what it can't do without: forward and backward."""

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
from allcore.training import fit
from allcore.training.fit import Examples
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
    device = devices.choose(chosen.device)
    batch = min(BATCH, scale.images)
    steps = max(2, scale.images // batch)
    mine, theirs = timing.side_by_side(
        lambda: _ours(batch, steps, device), _reference(batch, steps, device), rounds=scale.rounds
    )
    return timing.result(
        "training", ours=batch / mine, reference=batch / theirs, unit="images/s", device=str(device)
    )


def _ours(batch: int, steps: int, device: torch.device) -> float:
    """Seconds a step, by the clock at the end of each, the first one left out."""
    fabric = Fabric(accelerator=device.type, devices=1, precision="32-true")
    ends: list[float] = []
    with TemporaryDirectory(prefix="allscope-benchmark-") as folder:
        fit.fit(
            registry.build("qcresnet"),
            train=_examples(4 * batch),
            validation=_examples(2),
            preprocessing=Preprocessing(),
            recipe=Recipe(epochs=1, samples=steps * batch, batch_size=batch),
            fabric=fabric,
            folder=Path(folder),
            on_step=lambda done, total, loss: ends.append(time.perf_counter()),
        )
    return (ends[-1] - ends[0]) / (len(ends) - 1)


def _reference(batch: int, steps: int, device: torch.device) -> Callable[[], float]:
    network = registry.build("qcresnet").to(device=device, memory_format=torch.channels_last)
    examples = _examples(batch).to(device)
    ready = Preprocessing().normalise(examples.pixels).contiguous(memory_format=torch.channels_last)

    def loop() -> None:
        for _ in range(steps):
            network.zero_grad(set_to_none=True)
            loss = functional.binary_cross_entropy_with_logits(network(ready), examples.targets)
            loss.backward()
        loss.item()  # waits for a GPU to finish

    network.train()
    return lambda: timing.seconds(loop)() / steps


def _examples(count: int) -> Examples:
    side = Preprocessing().size
    return Examples(
        pixels=torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8),
        targets=torch.arange(count) % 2.0,
        weights=torch.ones(count, dtype=torch.float64),
    )
