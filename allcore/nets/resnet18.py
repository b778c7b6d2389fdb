"""ResNet-18 (He et al. 2016, "Deep Residual Learning for Image Recognition").

torchvision's. Our reading: one output in the place of 1000.
"""

from torch import Tensor, nn
from torchvision.models import resnet18

from allcore.nets.base import CellNetwork


class ResNet18(CellNetwork):
    """torchvision's ResNet-18 with one linear layer, on which QCResNet builds."""

    TITLE = "ResNet-18"
    LINE = ("blue", "solid")
    IMAGENET = "ResNet18_Weights.IMAGENET1K_V1"

    def __init__(self) -> None:
        super().__init__()
        self.body = resnet18(weights=None)
        self.head = nn.Linear(self.body.fc.in_features, 1)
        self.body.fc = nn.Identity()

    @property
    def cam_layer(self) -> nn.Module:
        layer: nn.Module = self.body.layer4
        return layer

    def forward_features(self, cells: Tensor) -> Tensor:
        features: Tensor = self.body(cells)
        return features
