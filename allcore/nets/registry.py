"""The one list of architectures: name to constructor."""

import inspect
from collections.abc import Callable
from typing import Any

from allcore.errors import ModelError
from allcore.nets.base import CellNetwork
from allcore.nets.qcresnet import QCResNet
from allcore.nets.resnet18 import ResNet18

ARCHITECTURES: dict[str, Callable[..., CellNetwork]] = {
    "qcresnet": QCResNet,
    "resnet18": ResNet18,
}


def names() -> list[str]:
    """Names of all architectures, as ``train --arch`` takes them."""
    return list(ARCHITECTURES)


def build(name: str, **config: Any) -> CellNetwork:
    """A freshly initialised network.

    Raises:
        ModelError: no such architecture, or ``config`` holds what its constructor does not take.
    """
    if name not in ARCHITECTURES:
        raise ModelError(f"There is no architecture '{name}': choose one of {', '.join(names())}.")
    try:
        return ARCHITECTURES[name](**config)
    except TypeError as error:
        raise ModelError(f"The architecture '{name}' can't be built: {error}.") from error


def config(name: str, **given: Any) -> dict[str, Any]:
    """All arguments of an architecture's constructor: those given, and the defaults of the rest."""
    parameters = inspect.signature(ARCHITECTURES[name]).parameters
    return {key: found.default for key, found in parameters.items()} | given
