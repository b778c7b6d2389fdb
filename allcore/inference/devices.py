"""Where the network runs, and on how many CPU threads."""

import os
import platform

import torch

from allcore.errors import AllScopeError


def choose(name: str = "auto") -> torch.device:
    """The device named ``auto``, ``cpu``, ``cuda`` or ``cuda:<n>``; auto takes a GPU if any.

    Raises:
        AllScopeError: there is no such device on this machine.
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
    """Say on what a network runs that is loaded now with these settings, for people.

    Raises:
        AllScopeError: there is no such device on this machine.
    """
    device = choose(name)
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    count = _threads(threads) or torch.get_num_threads()
    plural = "" if count == 1 else "s"
    return f"CPU ({platform.machine()}) with {count} thread{plural}"


def use_threads(count: int | None = None) -> int:
    """Set how many threads a forward pass on the CPU takes, and return that.

    Left to itself it takes the cores that nobody else keeps busy: two threads that share two
    cores with another process are several times slower than one thread. ``OMP_NUM_THREADS``
    wins over the guess.
    """
    count = _threads(count)
    if count is not None:
        torch.set_num_threads(count)
    return torch.get_num_threads()


def _threads(count: int | None) -> int | None:
    """How many threads to set; None leaves them as they are."""
    return free_cores() if count is None and "OMP_NUM_THREADS" not in os.environ else count


def free_cores() -> int:
    """Cores this process may use less the load of the last minute, at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return max(1, (cores or 1) - round(load))
