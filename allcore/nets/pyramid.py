"""A pyramid-style network, our reading: wide kernels on few channels first, narrow on many last.

The comparison names a pyramid CNN with kernels of 11, 9, 7, 5 and 3 and growing channels. Ours:
16, 32, 64, 128 and 256 of them; batch normalisation and ReLU after each convolution; stride 2 in
the first block, which keeps the wide kernels affordable; max pooling between blocks; global
average pooling and one linear layer at the end.
"""

from collections.abc import Iterator
from itertools import pairwise

from torch import Tensor, nn

from allcore.nets.base import CellNetwork

KERNELS = (11, 9, 7, 5, 3)
CHANNELS = (16, 32, 64, 128, 256)


class Pyramid(CellNetwork):
    """Five convolution blocks of shrinking kernels and growing channels, one output."""

    TITLE = "Pyramid CNN"
    LINE = ("vermilion", "dash")

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(*_layers())
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(CHANNELS[-1], 1)

    @property
    def cam_layer(self) -> nn.Module:
        return self.features

    def forward_features(self, cells: Tensor) -> Tensor:
        features: Tensor = self.pool(self.features(cells))
        return features


def _layers() -> Iterator[nn.Module]:
    for position, (inputs, outputs) in enumerate(pairwise((3, *CHANNELS))):
        if position:
            yield nn.MaxPool2d(2)
        size, stride = KERNELS[position], 1 if position else 2
        yield nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2, bias=False)
        yield nn.BatchNorm2d(outputs)
        yield nn.ReLU(inplace=True)
