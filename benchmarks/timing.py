"""Timing of two sides in one run, and a description of the machine."""

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Scale:
    """How much one benchmark does.

    Attributes:
        images: pictures in one round.
        rounds: how often each side runs.
        predictions: answers given by the memory benchmark.
    """

    images: int = 128
    rounds: int = 5
    predictions: int = 2000


@dataclass(frozen=True)
class Result:
    """One benchmark's figures; ``ratio`` is ours over the reference's."""

    name: str
    ours: float
    reference: float
    ratio: float
    unit: str
    machine: str


def result(name: str, *, ours: float, reference: float, unit: str, device: str = "cpu") -> Result:
    """Put two figures of the same unit side by side, on ``device`` of this machine."""
    return Result(
        name=name,
        ours=round(ours, 3),
        reference=round(reference, 3),
        ratio=round(ours / reference, 3),
        unit=unit,
        machine=machine(device),
    )


def side_by_side(
    ours: Callable[[], float], reference: Callable[[], float], *, rounds: int
) -> tuple[float, float]:
    """Run both in turn and give the median of each.

    One run of each before the first round is thrown away: it pays for imports, caches and the
    choice of kernels. Taking turns spreads what else the machine does over both sides.
    """
    ours(), reference()
    figures = [(ours(), reference()) for _ in range(rounds)]
    mine, theirs = zip(*figures, strict=True)
    return statistics.median(mine), statistics.median(theirs)


def seconds(work: Callable[[], object]) -> Callable[[], float]:
    """Turn work into a figure: the seconds that one run of it takes."""

    def timed() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return timed


def machine(device: str = "cpu") -> str:
    """Say what ran the figures: processor, cores, threads, versions, and the load beside them."""
    import torch

    parts = [_processor(), f"{os.cpu_count()} cores", f"{torch.get_num_threads()} threads"]
    if device.startswith("cuda"):
        parts.append(torch.cuda.get_device_name(device))
    parts += [f"torch {torch.__version__}", f"Python {platform.python_version()}"]
    if hasattr(os, "getloadavg"):
        parts.append(f"load {os.getloadavg()[0]:.1f}")
    return ", ".join(parts)


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
