"""Selection of the device and the number of CPU threads."""

import os
import platform

import torch

from allcore.errors import AllScopeError


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


def described(name: str = "auto", threads: int | None = None) -> str:
    """Describe, for people, the device that a network loaded with these settings would use.

    Raises:
        AllScopeError: the machine has no such device.
    """
    device = choose(name)
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    count = _threads(threads) or torch.get_num_threads()
    plural = "" if count == 1 else "s"
    return f"CPU ({platform.machine()}) with {count} thread{plural}"


def use_threads(count: int | None = None) -> int:
    """Set the number of CPU threads of a forward pass, and return it.

    By default it is the number of idle cores: two threads that share two cores with another process
    are several times slower than one thread. ``OMP_NUM_THREADS`` overrides the default.
    """
    count = _threads(count)
    if count is not None:
        torch.set_num_threads(count)
    return torch.get_num_threads()


def _threads(count: int | None) -> int | None:
    """Number of threads to set; None leaves the current number."""
    return free_cores() if count is None and "OMP_NUM_THREADS" not in os.environ else count


def free_cores() -> int:
    """Number of cores available to this process less the load of the last minute, at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return max(1, (cores or 1) - round(load))
