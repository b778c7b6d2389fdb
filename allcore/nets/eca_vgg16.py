"""ECA-VGG16: VGG-16 with Efficient Channel Attention (Wang et al., CVPR 2020, "ECA-Net").

An attention layer weighs each channel by its neighbours: global average pooling, a convolution
of k channels along the channel axis, a sigmoid. k is the odd number nearest to
log2(C) / gamma + b / gamma with the paper's gamma = 2 and b = 1. The paper puts the layer into
residual blocks and MobileNet; our reading for VGG-16 (with batch normalisation, see vgg16.py)
is one layer after each of its five stages, behind the stage's pooling.
"""

import math

from torch import Tensor, nn

from allcore.nets.base import CellNetwork
from allcore.nets.vgg16 import VGG16

STAGES = (64, 128, 256, 512, 512)
"""Channels of VGG-16's stages, each of which ends with a pooling."""


class ChannelAttention(nn.Module):
    """Efficient Channel Attention: scales maps (N, C, H, W) by channel.

    Args:
        channels: C, which determines the kernel size.
        gamma, b: the paper's two constants.
    """

    def __init__(self, channels: int, *, gamma: float = 2, b: float = 1) -> None:
        super().__init__()
        size = kernel_size(channels, gamma=gamma, b=b)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.convolution = nn.Conv1d(1, 1, size, padding=size // 2, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        pooled = self.pool(maps).flatten(2).transpose(1, 2)  # (N, 1, C)
        weight = self.convolution(pooled).sigmoid().transpose(1, 2).unsqueeze(3)
        weighed: Tensor = maps * weight
        return weighed


class EcaVGG16(CellNetwork):
    """VGG-16 with batch normalisation, channel attention after each stage, one output."""

    TITLE = "ECA-VGG16"
    LINE = ("pink", "dash")
    IMAGENET = VGG16.IMAGENET

    def __init__(self) -> None:
        super().__init__()
        plain = VGG16()
        self.body = plain.body
        self.attention = nn.ModuleList(ChannelAttention(channels) for channels in STAGES)
        self.head = plain.head

    @property
    def cam_layer(self) -> nn.Module:
        return self.attention[-1]

    def forward_features(self, cells: Tensor) -> Tensor:
        attention = iter(self.attention)
        maps = cells
        for layer in self.body.features:
            maps = layer(maps)
            if isinstance(layer, nn.MaxPool2d):
                maps = next(attention)(maps)
        features: Tensor = self.body.classifier(self.body.avgpool(maps).flatten(1))
        return features


def kernel_size(channels: int, *, gamma: float = 2, b: float = 1) -> int:
    """Kernel size over channels, odd; the paper's equation 12."""
    size = int(abs(math.log2(channels) / gamma + b / gamma))
    return size if size % 2 else size + 1
