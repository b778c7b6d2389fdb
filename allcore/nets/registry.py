"""Registry of architectures: name to class."""

import inspect
from importlib import import_module
from typing import Any

from allcore.errors import ModelError
from allcore.nets.base import CellNetwork

ARCHITECTURES = {
    "qcresnet": "qcresnet.QCResNet",
    "resnet18": "resnet18.ResNet18",
    "lenet5": "lenet5.LeNet5",
    "alexnet": "alexnet.AlexNet",
    "vgg16": "vgg16.VGG16",
    "googlenet": "googlenet.GoogLeNet",
    "eca_vgg16": "eca_vgg16.EcaVGG16",
    "pyramid": "pyramid.Pyramid",
    "logistic": "logistic.Logistic",
    "svm": "svm.SVM",
    "ensemble": "ensemble.Ensemble",
}
"""Module in ``allcore.nets`` and class of each architecture, in the order of all tables.

Imports are lazy, so that a probe or an ensemble can build its members from here.
"""


def names() -> list[str]:
    """Return the names of all architectures."""
    return list(ARCHITECTURES)


def trainable() -> list[str]:
    """Return the names of the architectures for ``train --arch``."""
    return [name for name in ARCHITECTURES if architecture(name).FAMILY == "trained"]


def architecture(name: str) -> type[CellNetwork]:
    """Return the class of an architecture.

    Raises:
        ModelError: there is none of that name.
    """
    if name not in ARCHITECTURES:
        raise ModelError(f"There is no architecture '{name}': choose one of {', '.join(names())}.")
    module, class_name = ARCHITECTURES[name].split(".")
    network: type[CellNetwork] = getattr(import_module(f"allcore.nets.{module}"), class_name)
    return network


def build(name: str, **config: Any) -> CellNetwork:
    """Build a freshly initialised network.

    Raises:
        ModelError: no such architecture, or ``config`` has an unknown argument.
    """
    try:
        return architecture(name)(**config)
    except TypeError as error:
        raise ModelError(f"The architecture '{name}' can't be built: {error}.") from error


def config(name: str, **changes: Any) -> dict[str, Any]:
    """All arguments of an architecture's constructor: the defaults, updated by ``changes``."""
    parameters = inspect.signature(architecture(name)).parameters
    return {key: parameter.default for key, parameter in parameters.items()} | changes


def source(name: str) -> str:
    """Publication of an architecture and deviations from it: its module's docstring."""
    return inspect.cleandoc(inspect.getmodule(architecture(name)).__doc__ or "")
