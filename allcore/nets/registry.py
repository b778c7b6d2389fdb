"""The one list of architectures: name to constructor."""

import inspect
from collections.abc import Callable
from typing import Any

from allcore.errors import ModelError
from allcore.nets.alexnet import AlexNet
from allcore.nets.base import CellNetwork
from allcore.nets.eca_vgg16 import EcaVGG16
from allcore.nets.ensemble import Ensemble
from allcore.nets.googlenet import GoogLeNet
from allcore.nets.lenet5 import LeNet5
from allcore.nets.logistic import Logistic
from allcore.nets.pyramid import Pyramid
from allcore.nets.qcresnet import QCResNet
from allcore.nets.resnet18 import ResNet18
from allcore.nets.svm import SVM
from allcore.nets.vgg16 import VGG16

ARCHITECTURES: dict[str, Callable[..., CellNetwork]] = {
    "qcresnet": QCResNet,
    "resnet18": ResNet18,
    "lenet5": LeNet5,
    "alexnet": AlexNet,
    "vgg16": VGG16,
    "googlenet": GoogLeNet,
    "eca_vgg16": EcaVGG16,
    "pyramid": Pyramid,
    "logistic": Logistic,
    "svm": SVM,
    "ensemble": Ensemble,
}
ASSEMBLED = ("logistic", "svm", "ensemble")
"""Put together from networks that are trained already."""


def names() -> list[str]:
    """Names of all architectures."""
    return list(ARCHITECTURES)


def trainable() -> list[str]:
    """Names of the architectures that learn from cells, as ``train --arch`` takes them."""
    return [name for name in ARCHITECTURES if name not in ASSEMBLED]


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


def source(name: str) -> str:
    """Where an architecture comes from and what in it is our reading: its module's docstring."""
    return inspect.cleandoc(inspect.getmodule(ARCHITECTURES[name]).__doc__ or "")
