"""Weights of convolutions in 8 bits, for networks that are stored but seldom used.

Symmetric, with one scale an output channel (Krishnamoorthi, "Quantizing deep convolutional networks
for efficient inference", 2018, section 2.2). Other tensors are float16.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

_SCALE = ".scale"
_LEVELS = 127


def quantise(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors to store, on the CPU: int8 (O, I, H, W) with a scale (O,), float16, or integers."""
    tensors: dict[str, Tensor] = {}
    for name, tensor in state.items():
        value = tensor.detach().cpu().contiguous()
        if value.ndim == 4:
            scale = value.flatten(1).abs().amax(1).clamp(min=1e-12) / _LEVELS
            tensors[name + _SCALE] = scale
            tensors[name] = (value / scale[:, None, None, None]).round().to(torch.int8)
        else:
            tensors[name] = value.half() if value.is_floating_point() else value
    return tensors


def dequantise(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the state of a network from the stored tensors, in float32."""
    return {
        name: value.float() * tensors[name + _SCALE][:, None, None, None]
        if value.dtype == torch.int8
        else value.float()
        if value.is_floating_point()
        else value
        for name, value in tensors.items()
        if not name.endswith(_SCALE)
    }


def round_weights(network: nn.Module) -> None:
    """Round the weights in place to what is stored, so that predictions can be reproduced."""
    network.load_state_dict(dequantise(quantise(network.state_dict())))
