"""A copy of a network that only answers: norms folded into convolutions, these in one precision.

In eval mode a batch norm is an affine map of each channel, so the convolution before it can do its
work (Jacob et al., *Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference*, CVPR 2018, section 3.2). Convolutions take nearly all of the
time, so only they compute in the chosen precision. The convolution of the pixels stays in float32,
because bf16 would round the pixels, which is most of the error; so do statistics, linear layers and
the log-odds.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from allcore.nets.base import CellNetwork

PIXEL_CHANNELS = 3


def inference_copy(network: CellNetwork, dtype: torch.dtype) -> CellNetwork:
    """Copy a network, in eval mode, without gradients, channels last, on the network's device.

    A norm is folded where its module registers it directly behind the convolution that it
    normalises, as torchvision's networks do.

    Args:
        network: in float32.
        dtype: of the convolutions, ``torch.float32`` or ``torch.bfloat16``.
    """
    own: CellNetwork = copy.deepcopy(network).eval().requires_grad_(False)
    _fold(own)
    for module in own.modules():
        if isinstance(module, nn.Conv2d):
            module.to(memory_format=torch.channels_last)
            if dtype == torch.bfloat16:
                _lower(module)
        elif isinstance(module, nn.AdaptiveAvgPool2d) or _has_weights(module):
            module.register_forward_pre_hook(_as_float32)
    return own


def _lower(convolution: nn.Conv2d) -> None:
    """Compute in bf16; the convolution of the pixels in float32, with an output in bf16."""
    if convolution.in_channels == PIXEL_CHANNELS:
        convolution.register_forward_hook(lambda _module, _inputs, output: output.bfloat16())
    else:
        convolution.bfloat16().register_forward_pre_hook(_as_bf16)


def _fold(module: nn.Module) -> None:
    """Fold the norms of all submodules in place."""
    before: tuple[str, nn.Conv2d] | None = None
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm2d) and before is not None:
            setattr(module, before[0], fuse_conv_bn_eval(before[1], child))
            setattr(module, name, nn.Identity())
        elif not isinstance(child, nn.Conv2d):
            _fold(child)
        before = (name, child) if isinstance(child, nn.Conv2d) else None


def _has_weights(module: nn.Module) -> bool:
    return next(module.parameters(recurse=False), None) is not None


def _as_bf16(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(_converted(value, torch.bfloat16) for value in inputs)


def _as_float32(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(_converted(value, torch.float32) for value in inputs)


def _converted(value: Any, dtype: torch.dtype) -> Any:
    return value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else value
