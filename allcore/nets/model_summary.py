"""Layer summary of a network, computed from its module: blocks, shapes, parameters, MACs.

One empty cell runs through the network on PyTorch's meta device, which propagates shapes without
data, so that the largest network takes a tenth of a second. ``python -m
allcore.nets.model_summary`` writes ``summaries.json``, which pages read without torch.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from allcore.nets import registry, summaries
from allcore.nets.base import CellNetwork
from allcore.nets.eca_vgg16 import ChannelAttention
from allcore.nets.summaries import Architecture, Block, NetworkSummary, Shape

COUNTED = (nn.Conv1d, nn.Conv2d, nn.Linear)
"""Layer types with counted multiply-accumulates; those of other layers are negligible."""

_POOLING = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
_FOLLOWING = (nn.Dropout, nn.Flatten)
_WORDS = {
    "BasicBlock": "residual block",
    "BatchNorm2d": "batch norm",
    "Linear": "linear layer",
    "MaxPool2d": "max pooling",
    "AvgPool2d": "average pooling",
    "AdaptiveAvgPool2d": "average pooling",
    "Dropout": "dropout",
    "Tanh": "tanh",
    "Inception": "Inception module",
    "RbfDecision": "RBF decision function",
    "MeanOfLogits": "mean of calibrated logits",
}
_PLURALS = {"residual block", "linear layer", "Inception module"}


@dataclass(frozen=True)
class _LayerCall:
    """A call of a module: its path, and the shapes of its input and output."""

    path: str
    module: nn.Module
    input: Shape
    output: Shape

    @property
    def parent(self) -> str:
        return self.path.rpartition(".")[0]


def summary(name: str, *, size: int = 224, **config: Any) -> NetworkSummary:
    """Summarise an architecture of the registry for cells of ``size`` pixels.

    Raises:
        ModelError: no such architecture, or ``config`` has an unknown argument.
    """
    with torch.device("meta"):
        return describe(registry.build(name, **config), name=name, size=size)


def describe(network: CellNetwork, *, name: str, size: int = 224) -> NetworkSummary:
    """Summarise an existing network; it is left in eval mode."""
    calls = _run(network.eval(), size)
    elements = dict(_elements(network))
    layers = [_layer(call) for call in calls if _has_weights(call.module)]
    groups = _grouped([call for call in calls if call.path in elements])
    return NetworkSummary(
        name=name,
        size=size,
        blocks=tuple(_block(group, layers) for group in groups),
        parameters=_parameters(network),
        macs=sum(layer.macs for layer in layers),
    )


def write() -> None:
    """Write the summaries of the registry to ``summaries.json``, one item a line."""
    architectures = [asdict(describe_architecture(name)) for name in registry.names()]
    networks = [
        asdict(summary(name, size=size))
        for size in summaries.SIZES
        for name in registry.trainable()
    ]
    parts = [
        f'"{key}": [\n'
        + ",\n".join(json.dumps(row, separators=(",", ":"), ensure_ascii=False) for row in rows)
        + "\n]"
        for key, rows in (("architectures", architectures), ("summaries", networks))
    ]
    summaries.FILE.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def describe_architecture(name: str) -> Architecture:
    """Return the description of an architecture from its class."""
    network = registry.architecture(name)
    return Architecture(
        name=name,
        title=network.TITLE,
        line=network.LINE,
        family=network.FAMILY,
        imagenet=network.IMAGENET is not None,
        source=registry.source(name),
    )


def _elements(module: nn.Module, path: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules that form blocks.

    Networks, their bodies, lists and sequences are expanded; a residual block is not.
    """
    for name, child in module.named_children():
        where = f"{path}.{name}" if path else name
        if name == "body" or isinstance(child, CellNetwork | nn.Sequential | nn.ModuleList):
            yield from _elements(child, where)
        elif not isinstance(child, nn.Identity):
            yield where, child


def _run(network: CellNetwork, size: int) -> list[_LayerCall]:
    """Run the network; return the calls of its modules in order of completion."""
    device = next(network.parameters()).device
    calls: list[_LayerCall] = []
    with _watched(network, calls), torch.no_grad():
        network(torch.zeros(1, 3, size, size, device=device))
    return calls


@contextmanager
def _watched(network: nn.Module, calls: list[_LayerCall]) -> Iterator[None]:
    def watch(path: str, module: nn.Module) -> Any:
        def note(_module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
            calls.append(
                _LayerCall(path, module, tuple(inputs[0].shape[1:]), tuple(output.shape[1:]))
            )

        return module.register_forward_hook(note)

    handles = [watch(path, module) for path, module in network.named_modules()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _grouped(calls: Sequence[_LayerCall]) -> list[list[_LayerCall]]:
    """Group neighbours within one container into blocks; a pooling ends a block."""
    groups: list[list[_LayerCall]] = []
    ended = False
    for call in calls:
        near = bool(groups) and call.parent == groups[-1][0].parent
        follows = near and isinstance(call.module, _FOLLOWING)
        if not near or (ended and not follows):
            groups.append([])
        groups[-1].append(call)
        if not follows:
            ended = isinstance(call.module, _POOLING)
    return groups


def _block(group: Sequence[_LayerCall], layers: Sequence[Block]) -> Block:
    inside = tuple(
        layer
        for layer in layers
        if any(f"{layer.name}.".startswith(f"{call.path}.") for call in group)
    )
    return Block(
        name=_place(group),
        kind=_kind([call.module for call in group]),
        input=group[0].input,
        output=group[-1].output,
        parameters=sum(layer.parameters for layer in inside),
        macs=sum(layer.macs for layer in inside),
        children=inside,
    )


def _layer(call: _LayerCall) -> Block:
    return Block(
        name=call.path,
        kind=_phrase(call.module),
        input=call.input,
        output=call.output,
        parameters=_parameters(call.module),
        macs=_macs(call.module, call.output),
    )


def _has_weights(module: nn.Module) -> bool:
    return next(module.parameters(recurse=False), None) is not None


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _macs(module: nn.Module, output: Shape) -> int:
    """Multiply-accumulates: output elements times weights per output element."""
    if not isinstance(module, COUNTED):
        return 0
    return prod(output) * prod(module.weight.shape[1:])


def _place(group: Sequence[_LayerCall]) -> str:
    first, last = group[0], group[-1]
    return first.path if first is last else f"{first.path} to {last.path.rpartition('.')[2]}"


def _kind(modules: Sequence[nn.Module]) -> str:
    """Module types without repetition, in order of first call: '2 convolutions 3×3, ReLU'."""
    phrases = [_phrase(module) for module in modules if not isinstance(module, nn.Flatten)]
    counts = {phrase: phrases.count(phrase) for phrase in phrases}
    return ", ".join(_counted(phrase, count) for phrase, count in counts.items())


def _counted(phrase: str, count: int) -> str:
    if count > 1 and phrase.startswith("convolution"):
        return f"{count} {phrase.replace('convolution', 'convolutions')}"
    return f"{count} {phrase}s" if count > 1 and phrase in _PLURALS else phrase


def _phrase(module: nn.Module) -> str:
    """Description of one module; convolutions and attention with their kernel size."""
    if isinstance(module, ChannelAttention):
        return f"channel attention over {module.convolution.kernel_size[0]} channels"
    convolution = getattr(module, "conv", module)
    if isinstance(convolution, nn.Conv1d | nn.Conv2d):
        return f"convolution {'×'.join(map(str, convolution.kernel_size))}"
    return _WORDS.get(type(module).__name__, type(module).__name__)


if __name__ == "__main__":
    write()
