"""Cost of a network: parameters, multiply-accumulates and throughput in cells a second."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

import torch

from allcore.evaluation.comparison import NetworkCost
from allcore.nets import model_summary, registry
from allcore.research.comparison import budget, candidates
from allcore.research.comparison.shared_data import ComparisonData

BATCH = 32
LONGEST = 2.0
"""Duration of a timing in seconds, after one warm-up pass."""
FEWEST = 3


def costs(made_of: Mapping[str, Sequence[str]], data: ComparisonData) -> list[NetworkCost]:
    """Cost of each network; earlier timings on this device are reused.

    A probe costs as much as its feature network, since its own cost is negligible. An ensemble
    costs as much as all of its members. The baseline has no such cost.

    Args:
        made_of: by network, the networks that it depends on; mostly empty.
        data: of the comparison.
    """
    timed = {
        part
        for name, parts in made_of.items()
        for part in (name, *parts)
        if candidates.is_trained(part)
    }
    measured = {name: _cached(name, data) for name in sorted(timed)}
    return [_of(name, parts, measured, data) for name, parts in made_of.items()]


def _of(
    name: str, rests_on: Sequence[str], measured: Mapping[str, NetworkCost], data: ComparisonData
) -> NetworkCost:
    if name in measured:
        return measured[name]
    parts = [measured[part] for part in rests_on]
    if not parts:
        return NetworkCost(name, None, None, data.budget.preprocessing.size, None, data.device_name)
    rates = [part.images_per_second for part in parts if part.images_per_second]
    return replace(
        parts[0],
        network=name,
        parameters=sum(part.parameters or 0 for part in parts),
        macs=sum(part.macs or 0 for part in parts),
        images_per_second=float(f"{1 / sum(1 / rate for rate in rates):.4g}"),
    )


def _cached(name: str, data: ComparisonData) -> NetworkCost:
    size = data.budget.preprocessing.size
    key = budget.digest({"network": name, "size": size, "device": data.device_name})
    path = data.folder / f"cost-{name}-{key}.json"
    if not path.exists():
        data.folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(_measured(name, data))) + "\n", encoding="utf-8")
    return NetworkCost(**json.loads(path.read_text(encoding="utf-8")))


def _measured(name: str, data: ComparisonData) -> NetworkCost:
    size = data.budget.preprocessing.size
    architecture = candidates.architecture_of(name)
    network = model_summary.summary(architecture, size=size)
    rate = images_per_second(architecture, data)
    return NetworkCost(name, network.parameters, network.macs, size, rate, data.device_name)


@torch.inference_mode()
def images_per_second(name: str, data: ComparisonData) -> float:
    """Throughput in cells a second of a forward pass in batches of ``BATCH``."""
    device, size = data.fabric.device, data.budget.preprocessing.size
    network = registry.build(name).eval()
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    cells = torch.zeros(BATCH, 3, size, size, device=device)
    cells = cells.contiguous(memory_format=torch.channels_last)
    with data.fabric.autocast():
        network(cells)
        best, began, runs = float("inf"), time.perf_counter(), 0
        while runs < FEWEST or time.perf_counter() - began < LONGEST:
            started = time.perf_counter()
            network(cells).sum().item()  # waits for the GPU to finish
            best = min(best, time.perf_counter() - started)
            runs += 1
            if time.perf_counter() - began > 5 * LONGEST:
                break
    return float(f"{BATCH / best:.4g}")
