"""What a network is made of, read off the module itself: blocks, shapes, parameters, MACs.

One empty cell runs through the network on PyTorch's meta device, which knows shapes and holds no
numbers, so that the largest network takes a tenth of a second.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from allcore.nets import registry
from allcore.nets.base import CellNetwork
from allcore.nets.eca_vgg16 import ChannelAttention
from allcore.nets.layer_blocks import Anatomy, Block, Shape

COUNTED = (nn.Conv1d, nn.Conv2d, nn.Linear)
"""Layers whose multiply-accumulates are counted; what the others do is small beside them."""

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
class _Turn:
    """A module at its turn: its path, and the shapes that went in and came out."""

    path: str
    module: nn.Module
    input: Shape
    output: Shape

    @property
    def parent(self) -> str:
        return self.path.rpartition(".")[0]


def summary(name: str, *, size: int = 224, **config: Any) -> Anatomy:
    """The anatomy of an architecture of the registry for cells of ``size`` pixels.

    Raises:
        ModelError: no such architecture, or ``config`` holds what its constructor does not take.
    """
    with torch.device("meta"):
        return describe(registry.build(name, **config), name=name, size=size)


def describe(network: CellNetwork, *, name: str, size: int = 224) -> Anatomy:
    """The anatomy of a network that is built already; it is left in eval mode."""
    turns = _run(network.eval(), size)
    elements = dict(_elements(network))
    layers = [_layer(turn) for turn in turns if _has_weights(turn.module)]
    groups = _grouped([turn for turn in turns if turn.path in elements])
    return Anatomy(
        name=name,
        size=size,
        blocks=tuple(_block(group, layers) for group in groups),
        parameters=_parameters(network),
        macs=sum(layer.macs for layer in layers),
    )


def _elements(module: nn.Module, path: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The modules that blocks are put together from.

    Networks, their bodies, lists and sequences are looked into; a residual block is not.
    """
    for name, child in module.named_children():
        where = f"{path}.{name}" if path else name
        if name == "body" or isinstance(child, CellNetwork | nn.Sequential | nn.ModuleList):
            yield from _elements(child, where)
        elif not isinstance(child, nn.Identity):
            yield where, child


def _run(network: CellNetwork, size: int) -> list[_Turn]:
    """What every module was given and gave, in the order in which they ended."""
    device = next(network.parameters()).device
    turns: list[_Turn] = []
    with _watched(network, turns), torch.no_grad():
        network(torch.zeros(1, 3, size, size, device=device))
    return turns


@contextmanager
def _watched(network: nn.Module, turns: list[_Turn]) -> Iterator[None]:
    def watch(path: str, module: nn.Module) -> Any:
        def note(_module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
            turns.append(_Turn(path, module, tuple(inputs[0].shape[1:]), tuple(output.shape[1:])))

        return module.register_forward_hook(note)

    handles = [watch(path, module) for path, module in network.named_modules()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _grouped(turns: Sequence[_Turn]) -> list[list[_Turn]]:
    """Neighbours within one container form a block, which ends with a pooling."""
    groups: list[list[_Turn]] = []
    ended = False
    for turn in turns:
        near = bool(groups) and turn.parent == groups[-1][0].parent
        follows = near and isinstance(turn.module, _FOLLOWING)
        if not near or (ended and not follows):
            groups.append([])
        groups[-1].append(turn)
        if not follows:
            ended = isinstance(turn.module, _POOLING)
    return groups


def _block(group: Sequence[_Turn], layers: Sequence[Block]) -> Block:
    inside = tuple(
        layer
        for layer in layers
        if any(f"{layer.name}.".startswith(f"{turn.path}.") for turn in group)
    )
    return Block(
        name=_place(group),
        kind=_kind([turn.module for turn in group]),
        input=group[0].input,
        output=group[-1].output,
        parameters=sum(layer.parameters for layer in inside),
        macs=sum(layer.macs for layer in inside),
        children=inside,
    )


def _layer(turn: _Turn) -> Block:
    return Block(
        name=turn.path,
        kind=_phrase(turn.module),
        input=turn.input,
        output=turn.output,
        parameters=_parameters(turn.module),
        macs=_macs(turn.module, turn.output),
    )


def _has_weights(module: nn.Module) -> bool:
    return next(module.parameters(recurse=False), None) is not None


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _macs(module: nn.Module, output: Shape) -> int:
    """For each number that comes out, as many products as the layer has weights on it."""
    if not isinstance(module, COUNTED):
        return 0
    return prod(output) * prod(module.weight.shape[1:])


def _place(group: Sequence[_Turn]) -> str:
    first, last = group[0], group[-1]
    return first.path if first is last else f"{first.path} to {last.path.rpartition('.')[2]}"


def _kind(modules: Sequence[nn.Module]) -> str:
    """Each sort of module once, in the order of their first turns: '2 convolutions 3×3, ReLU'."""
    phrases = [_phrase(module) for module in modules if not isinstance(module, nn.Flatten)]
    counts = {phrase: phrases.count(phrase) for phrase in phrases}
    return ", ".join(_counted(phrase, count) for phrase, count in counts.items())


def _counted(phrase: str, count: int) -> str:
    if count > 1 and phrase.startswith("convolution"):
        return f"{count} {phrase.replace('convolution', 'convolutions')}"
    return f"{count} {phrase}s" if count > 1 and phrase in _PLURALS else phrase


def _phrase(module: nn.Module) -> str:
    """One module in words; a convolution by its kernel, attention by how far it looks."""
    if isinstance(module, ChannelAttention):
        return f"channel attention over {module.convolution.kernel_size[0]} channels"
    convolution = getattr(module, "conv", module)
    if isinstance(convolution, nn.Conv1d | nn.Conv2d):
        return f"convolution {'×'.join(map(str, convolution.kernel_size))}"
    return _WORDS.get(type(module).__name__, type(module).__name__)
