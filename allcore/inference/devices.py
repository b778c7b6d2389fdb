"""Where the network runs, and on how many CPU threads."""

import os

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


def use_threads(count: int | None = None) -> int:
    """Set how many threads a forward pass on the CPU takes, and return that.

    Left to itself it takes the cores that nobody else keeps busy: two threads that share two
    cores with another process are several times slower than one thread. ``OMP_NUM_THREADS``
    wins over the guess.
    """
    if count is None and "OMP_NUM_THREADS" not in os.environ:
        count = free_cores()
    if count is not None:
        torch.set_num_threads(count)
    return torch.get_num_threads()


def free_cores() -> int:
    """Cores this process may use less the load of the last minute, at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return max(1, (cores or 1) - round(load))
