"""A pyramid-style network, our reading: wide kernels on few channels first, narrow on many last.

The comparison names a pyramid CNN with kernels of 11, 9, 7, 5 and 3 and growing channels. Ours:
16, 32, 64, 128 and 256 of them; batch normalisation and ReLU after each convolution; stride 2 in
the first block, which keeps the wide kernels affordable; max pooling between blocks; global
average pooling and one linear layer at the end.
"""

from itertools import pairwise

from torch import Tensor, nn

from allcore.nets.base import CellNetwork

KERNELS = (11, 9, 7, 5, 3)
CHANNELS = (16, 32, 64, 128, 256)


class Pyramid(CellNetwork):
    """Five convolution blocks of shrinking kernels and growing channels, one output."""

    def __init__(self) -> None:
        super().__init__()
        pairs = pairwise((3, *CHANNELS))
        blocks = [
            _block(*pair, kernel, stride=1 if position else 2)
            for position, (pair, kernel) in enumerate(zip(pairs, KERNELS, strict=True))
        ]
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(CHANNELS[-1], 1)

    @property
    def cam_layer(self) -> nn.Module:
        return self.blocks[-1]

    def forward_features(self, cells: Tensor) -> Tensor:
        features: Tensor = self.pool(self.blocks(cells))
        return features


def _block(inputs: int, outputs: int, kernel: int, *, stride: int) -> nn.Sequential:
    """One convolution block; all but the first, which strides, halve their input first."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
    layers: list[nn.Module] = [convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers) if stride > 1 else nn.Sequential(nn.MaxPool2d(2), *layers)
