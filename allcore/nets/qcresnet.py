"""QCResNet: a ResNet-18 body with added linear layers and LeakyReLU as its head.

The paper (QCResNet on C-NMC 2019) names a ResNet-18 of 17 convolutions on 224x224x3 input,
"linear layers" and LeakyReLU, and gives no widths, slope or dropout. Our reading: two hidden
layers of 256 and 64 units, each followed by LeakyReLU of slope 0.01 (PyTorch's default) and
dropout 0.3, then one output. The 64 activations are the penultimate vector. All three choices
are arguments, so that they can be ablated.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import resnet18

from allcore.data.cells import BACKGROUND_LEVEL
from allcore.data.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from allcore.nets.base import CellNetwork


class QCResNet(CellNetwork):
    """ResNet-18 body, hidden linear layers with LeakyReLU, one output.

    Args:
        widths: units of each hidden layer; the last is the size of the penultimate vector.
        slope: LeakyReLU's slope for negative input.
        dropout: dropout rate after each hidden layer.
    """

    TITLE = "QCResNet"
    LINE = ("vermilion", "solid")
    IMAGENET = "ResNet18_Weights.IMAGENET1K_V1"

    def __init__(
        self,
        *,
        widths: Sequence[int] = (256, 64),
        slope: float = 0.01,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.body = resnet18(weights=None)
        sizes = [self.body.fc.in_features, *widths]
        self.body.fc = nn.Identity()
        self.hidden = nn.Sequential(*(_block(*pair, slope, dropout) for pair in pairwise(sizes)))
        self.head = nn.Linear(sizes[-1], 1)

    @property
    def cam_layer(self) -> nn.Module:
        layer: nn.Module = self.body.layer4
        return layer

    def forward_features(self, cells: Tensor) -> Tensor:
        features: Tensor = self.hidden(self.body(cells))
        return features

    def read(self, cells: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, F) for out-of-distribution detection and log-odds (N,).

        The features are the mean and the deviation, inside the cell, of each channel of all stages
        but the last, which is the most specific to the class and the least to the appearance of the
        image. Such statistics describe texture without place (Gatys et al., "Texture Synthesis
        Using Convolutional Neural Networks", NeurIPS 2015).
        """
        inside, body, statistics = _inside(cells), self.body, []
        x = body.maxpool(body.relu(body.bn1(body.conv1(cells))))
        for stage in (body.layer1, body.layer2, body.layer3):
            x = stage(x)
            statistics.append(_moments(x.float(), inside))
        pooled = body.avgpool(body.layer4(x)).flatten(1)
        return torch.cat(statistics, dim=1), self.head(self.hidden(pooled)).squeeze(1)


def _inside(cells: Tensor) -> Tensor:
    """(N, 1, S, S) 1 inside the cell, 0 on the black background."""
    mean = cells.new_tensor(IMAGENET_MEAN).view(1, 3, 1, 1)
    std = cells.new_tensor(IMAGENET_STD).view(1, 3, 1, 1)
    brightest = (cells * std + mean).amax(1, keepdim=True)
    return (brightest > BACKGROUND_LEVEL / 255).float()


def _moments(activations: Tensor, inside: Tensor) -> Tensor:
    """(N, 2 C) mean and deviation of activations (N, C, H, W), weighted by the cell's share."""
    share = functional.adaptive_avg_pool2d(inside, (activations.shape[2], activations.shape[3]))
    total = share.sum((2, 3)).clamp(min=1e-6)
    mean = (activations * share).sum((2, 3)) / total
    square = (activations.square() * share).sum((2, 3)) / total
    # The epsilon keeps the gradient finite for constant channels.
    deviation = ((square - mean.square()).clamp(min=0) + 1e-6).sqrt()
    return torch.cat([mean, deviation], dim=1)


def _block(inputs: int, outputs: int, slope: float, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.LeakyReLU(slope), nn.Dropout(dropout))
