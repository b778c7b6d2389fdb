"""QCResNet: a ResNet-18 body with added linear layers and LeakyReLU as its head.

The paper (QCResNet on C-NMC 2019) names a ResNet-18 of 17 convolutions on 224x224x3 input,
"linear layers" and LeakyReLU, and gives no widths, slope or dropout. Our reading: two hidden
layers of 256 and 64 units, each followed by LeakyReLU of slope 0.01 (PyTorch's default) and
dropout 0.3, then one output. The 64 activations are the penultimate vector. All three choices
are arguments, so that they can be ablated.
"""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torchvision.models import resnet18

from allcore.nets.base import CellNetwork


class QCResNet(CellNetwork):
    """ResNet-18 body, hidden linear layers with LeakyReLU, one output.

    Args:
        widths: units of each hidden layer; the last is the size of the penultimate vector.
        slope: LeakyReLU's slope for negative input.
        dropout: share of units dropped after each hidden layer while training.
    """

    IMAGENET = "ResNet18_Weights.IMAGENET1K_V1"

    def __init__(
        self, *, widths: Sequence[int] = (256, 64), slope: float = 0.01, dropout: float = 0.3
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


def _block(inputs: int, outputs: int, slope: float, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.LeakyReLU(slope), nn.Dropout(dropout))
