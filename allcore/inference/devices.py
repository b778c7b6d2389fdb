"""Selection of the device, the precision of a forward pass, and the number of CPU threads."""

import os
import platform
import threading
from typing import Any

import torch

from allcore import settings
from allcore.errors import AllScopeError
from allcore.inference.results import Precision

DTYPES: dict[Precision, torch.dtype] = {"bf16": torch.bfloat16, "fp32": torch.float32}


def choose(name: str = "auto") -> torch.device:
    """Return the device named ``auto``, ``cpu``, ``cuda`` or ``cuda:<n>``; auto prefers a GPU.

    Raises:
        AllScopeError: the machine has no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in {"cpu", "cuda"}:
        raise AllScopeError(f"There is no device '{name}': choose auto, cpu, cuda or cuda:<n>.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise AllScopeError(
            f"The device '{name}' is not on this machine ({torch.cuda.device_count()} GPUs found): "
            "choose cpu or auto."
        )
    return device


def precision(device: torch.device) -> Precision:
    """Return the precision of answers on a device: that of ``ALLSCOPE_PRECISION``.

    ``auto`` is bf16 where the device computes it, and float32 elsewhere: emulated bf16 is slow.
    """
    chosen = settings.load().precision
    if chosen == "auto":
        return "bf16" if computes_bf16(device) else "fp32"
    return chosen


def computes_bf16(device: torch.device) -> bool:
    """True if the device has instructions for bf16: GPUs since 2020, CPUs with AVX512 or AMX."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    abilities = torch.cpu.get_capabilities()
    return bool(abilities.get("avx512_bf16") or abilities.get("amx_bf16"))


def described(name: str = "auto", threads: int | None = None) -> str:
    """Describe, for people, the device that a network loaded with these settings would use.

    Raises:
        AllScopeError: the machine has no such device.
    """
    device = choose(name)
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)}), {precision(device)}"
    count = _threads(threads) or torch.get_num_threads()
    plural = "" if count == 1 else "s"
    return f"CPU ({platform.machine()}) with {count} thread{plural}, {precision(device)}"


def use_threads(count: int | None = None) -> int:
    """Set the number of CPU threads of a forward pass, and return it.

    By default it is the number of idle cores: two threads that share two cores with another process
    are several times slower than one thread. ``OMP_NUM_THREADS`` overrides the default.
    """
    count = _threads(count)
    if count is not None:
        torch.set_num_threads(count)
    return torch.get_num_threads()


_SWITCH = threading.Lock()


def run_alone() -> None:
    """Make torch compute the operators of the calling thread on this thread alone.

    Workers with a core each share no operator, so that none waits for another. To be called once in
    a new thread; other threads keep their number.
    """
    with _SWITCH:
        others = torch.get_num_threads()
        torch.set_num_threads(1)
        # The number is also that of threads which start later; another thread sets it back.
        restore = threading.Thread(target=torch.set_num_threads, args=(others,))
        restore.start()
        restore.join()


def workers(count: int | None = None) -> dict[str, Any]:
    """Arguments of ``batching`` for workers that run forward passes, each on a core of its own.

    ``count`` is by default the number of threads of a pass; a single worker has all of them.
    """
    count = count or torch.get_num_threads()
    return {"workers": count, "initializer": run_alone if count > 1 else None}


def _threads(count: int | None) -> int | None:
    """Number of threads to set; None leaves the current number."""
    return free_cores() if count is None and "OMP_NUM_THREADS" not in os.environ else count


def free_cores() -> int:
    """Number of cores available to this process less the load of the last minute, at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return max(1, (cores or 1) - round(load))
